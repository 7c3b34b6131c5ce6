"""A real Ray cluster on this machine: a head, and nodes.

It is held by a process of its own, `python tests/ray_cluster.py`, whose environment is that of a
host which knows nothing of this project.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

_INHERITED = ("PATH", "HOME", "LANG")


class RayCluster:
    """A cluster that ends with the block.

    Attributes:
        address: of the head, which computes nothing.
        nodes: by number, the process ids of what makes up a node, by what they are.
    """

    def __init__(self, nodes: int, processors: int = 1, **environment: str) -> None:
        """Start a head and so many nodes, each of so many processors, with these variables."""
        # Short, as sockets are made there.
        self._folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self._keeper = subprocess.Popen(
            [sys.executable, "-P", __file__, self._folder, str(processors)],
            cwd=self._folder,
            env={
                **inherited,
                "TMPDIR": self._folder,
                "RAY_AUTH_MODE": "disabled",
                "RAY_USAGE_STATS_ENABLED": "0",
                **environment,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.nodes: dict[int, dict[str, int]] = {}
        head = self._ask()
        self.address: str = head["address"]
        self.head: dict[str, int] = head["processes"]
        for _ in range(nodes):
            self.add()

    def add(self, **environment: str) -> int:
        """Add a node; return its number."""
        number = len(self.nodes)
        self.nodes[number] = self._ask(environment)["processes"]
        return number

    def kill(self, number: int) -> None:
        """End a node at once, as a power failure does."""
        raylet = psutil.Process(self.nodes[number]["raylet"])
        for process in [raylet, *raylet.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def kill_raylet(self, number: int) -> None:
        """End what manages a node; its workers go on until they notice."""
        os.kill(self.nodes[number]["raylet"], signal.SIGKILL)

    def kill_head(self) -> None:
        """End what holds the cluster together."""
        os.kill(self.head["gcs_server"], signal.SIGKILL)

    def __enter__(self) -> "RayCluster":
        return self

    def __exit__(self, *exception: object) -> None:
        """End everything, and leave nothing behind."""
        assert self._keeper.stdin
        self._keeper.stdin.close()
        try:
            self._keeper.wait(20)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._keeper.pid, signal.SIGKILL)
            self._keeper.wait()
        assert self._keeper.stdout
        self._keeper.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, request: Any = None) -> Any:
        assert self._keeper.stdin
        assert self._keeper.stdout
        if request is not None:
            self._keeper.stdin.write(json.dumps(request) + "\n")
            self._keeper.stdin.flush()
        return json.loads(self._keeper.stdout.readline())


def _keep(folder: Path, processors: int) -> None:
    from ray.cluster_utils import Cluster

    # Where Ray writes the address, whether or not it is there.
    (folder / "ray").mkdir()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    cluster = Cluster()
    # Memory for what is sent around: little, as all nodes are one machine.
    common = {"object_store_memory": 200 << 20, "include_dashboard": False, "dashboard_port": 0}
    head = cluster.add_node(num_cpus=0, **common)
    print(json.dumps({"address": cluster.address, "processes": _processes(head)}), file=answers)
    for line in sys.stdin:
        node = cluster.add_node(num_cpus=processors, env_vars=json.loads(line), **common)
        print(json.dumps({"processes": _processes(node)}), file=answers)
    cluster.shutdown()


def _processes(node: Any) -> dict[str, int]:
    return {kind: each[0].process.pid for kind, each in node.all_processes.items()}


if __name__ == "__main__":
    _keep(Path(sys.argv[1]), int(sys.argv[2]))
