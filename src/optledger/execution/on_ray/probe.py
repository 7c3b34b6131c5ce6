"""Tests whether a Ray cluster answers at an address, as Ray itself takes minutes, or forever."""

import grpc
from ray._private.grpc_utils import init_grpc_channel
from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc
from ray.exceptions import AuthenticationError

_TOKEN = "set RAY_AUTH_MODE=token, and the cluster's token in RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"


def obstacle(address: str, seconds: float) -> str | None:
    """Ask a cluster for its id, which is the first step of joining it.

    Args:
        address: host and port.
        seconds: how long to wait for an answer.

    Returns:
        Why the cluster does not let us in, and what to do about it; None if it answers.
    """
    request = gcs_service_pb2.GetClusterIdRequest()
    try:
        # The channel uses the token and the certificates of Ray's settings.
        with init_grpc_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
            stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
            stub.GetClusterId(request, timeout=seconds)
    except AuthenticationError:
        return f"no token is set; {_TOKEN}"
    except (OSError, KeyError, RuntimeError) as error:
        return f"cannot read a certificate ({error}); set Ray's RAY_TLS_… variables to the files"
    except grpc.RpcError as error:
        return _told(error.code(), error.details() or "")
    return None


def _told(code: grpc.StatusCode, details: str) -> str:
    # The cause is the last part of gRPC's message, without what it expected, in parentheses.
    cause = details.partition(" (")[0].rpartition(": ")[2].strip(" []")
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return f"the cluster refused the token; {_TOKEN}"
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        cause = "no answer"
    elif code != grpc.StatusCode.UNAVAILABLE or "HTTP" in cause:
        return f"this is no Ray cluster ({cause}); give the host:port of a cluster's head"
    return f"no Ray cluster answers ({cause}); give the host:port of its head"
