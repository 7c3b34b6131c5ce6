"""Tests whether a Ray cluster answers at an address, as Ray itself takes minutes, or forever."""

import grpc
from ray._private.grpc_utils import init_grpc_channel
from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc
from ray.exceptions import AuthenticationError

_TOKEN = (
    "allowed: the cluster's token, by RAY_AUTH_MODE=token and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
)


def obstacle(address: str, seconds: float) -> str | None:
    """Ask a cluster for its id, which is the first step of joining it.

    Args:
        address: host and port.
        seconds: how long to wait for an answer.

    Returns:
        What was found in place of a cluster that lets us in, and what is allowed; None if the
        cluster answers.
    """
    request = gcs_service_pb2.GetClusterIdRequest()
    try:
        # The channel uses the token and the certificates of Ray's settings.
        with init_grpc_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
            stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
            stub.GetClusterId(request, timeout=seconds)
    except AuthenticationError:
        return f"found no token; {_TOKEN}"
    except (OSError, KeyError, RuntimeError) as error:
        return f"found no certificate ({error}); allowed: what Ray's RAY_TLS_… variables name"
    except grpc.RpcError as error:
        return _told(error.code(), error.details() or "")
    return None


def _told(code: grpc.StatusCode, details: str) -> str:
    # The cause is the last part of gRPC's message, without what it expected, in parentheses.
    cause = details.partition(" (")[0].rpartition(": ")[2].strip(" []")
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return f"found a cluster that refused the token; {_TOKEN}"
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        cause = "no answer"
    elif code != grpc.StatusCode.UNAVAILABLE or "HTTP" in cause:
        return f"found something else than a Ray cluster ({cause}); allowed: its head, as host:port"
    return f"found no Ray cluster ({cause}); allowed: its head, as host:port"
