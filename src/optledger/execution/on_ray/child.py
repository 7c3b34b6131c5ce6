"""The process that runs Ray: it keeps actors running, and connects them with the driver.

There are as many actors as processors, unless the driver asks for another number. The process
reads commands from the driver, and writes lists of messages:

- `"ready", worker, node`: an actor can take its first task;
- `"told", worker, pickled`: an actor has sent a message about its task;
- `"lost", worker, cause`: an actor no longer exists;
- `"note", line`: the user is to see a line;
- `"over", line`: the sweep cannot go on.
"""

import asyncio
import logging
import os
import pickle
import re
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import ray
from ray import exceptions

from optledger.core.errors import UserError, first_line
from optledger.execution.executor import Travel
from optledger.execution.on_ray import probe
from optledger.execution.on_ray.actor import Actor
from optledger.execution.on_ray.cluster import Settings

_LOOK_SECONDS = 1.0
_PROBE_SECONDS = 3.0
# A head that does not answer for this long is lost. Short breaks of the network are shorter.
_HEAD_SECONDS = 20.0
_JOIN_SECONDS = 15.0
_START_SECONDS = 60.0
# The limit before packing. Ray takes at most half a gigabyte after it.
_MOST_BYTES = 500 << 20
# Ray would leave out what the ignore files name, and a model may read that.
_IGNORED = shutil.ignore_patterns("__pycache__", ".gitignore", ".rayignore")
# The sweep ends if this many starts in a row are killed because a node is short of memory.
_SHORT_OF_MEMORY = 3
# Longer than an actor takes to start.
_WAIT_SECONDS = 30.0


class Child:
    """Actors on a cluster, and the pipe to the driver."""

    def __init__(self, pipe: "Connection[Any, Any]", settings: Settings) -> None:
        self._pipe = pipe
        self._sending = threading.Lock()
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._unsent: list[tuple[Any, ...]] = []
        self._tasks: dict[int, asyncio.Queue[bytes]] = {}
        self._lives: dict[int, asyncio.Task[None]] = {}
        self._names: dict[str, str] = {}
        self._left_out: set[str] = set()
        self._noted: set[str] = set()
        self._short_of_memory = 0
        self._data: Any = None
        self._facts = settings.travel.facts()

    def run(self) -> None:
        """Serve until the driver has ended."""
        try:
            self._join()
        except UserError as error:
            self._pipe.send([("over", str(error))])
            return
        threading.Thread(target=self._read, daemon=True).start()
        self._loop.run_until_complete(self._look())

    def _join(self) -> None:
        """Join the cluster.

        Raises:
            UserError: the cluster cannot be joined.
        """
        address = self._settings.cluster.address
        if ":" in address and (found := probe.obstacle(address, _PROBE_SECONDS)):
            raise UserError(f"{address}: {found}")
        sent = self._settings.folder / "sent"
        own = {"num_cpus": self._settings.here, "_temp_dir": str(self._settings.folder / "ray")}
        late = threading.Timer(
            _START_SECONDS if address == "local" else _JOIN_SECONDS, self._give_up
        )
        late.start()
        try:
            _copy(self._settings.travel, sent)
            ray.init(
                address=address,
                runtime_env={"working_dir": str(sent)},
                log_to_driver=False,
                logging_level=logging.ERROR,
                include_dashboard=False,
                **(own if address == "local" else {}),
            )
            self._data = ray.put(self._settings.travel.data())
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            raise UserError(f"{address}: {_joining(error)}") from None
        finally:
            late.cancel()
        if address != "local":
            threading.Thread(target=self._watch_head, daemon=True).start()

    def _give_up(self) -> None:
        if self._settings.cluster.address == "local":
            self._end(f"Ray did not start within {_START_SECONDS:.0f} s; try again")
        self._end("this machine is no node of the cluster; join first: ray start --address …")

    def _watch_head(self) -> None:
        """End this process when the head is lost, before Ray ends it without a message."""
        address = ray.get_runtime_context().gcs_address
        answered = time.monotonic()
        while time.monotonic() - answered < _HEAD_SECONDS:
            if probe.obstacle(address, _PROBE_SECONDS) is None:
                answered = time.monotonic()
            time.sleep(_LOOK_SECONDS)
        again = "start the cluster again, then run the same command, which goes on"
        self._end(f"the head of the cluster no longer answers; {again}")

    def _end(self, line: str) -> None:
        """Send a last line, and end this process from any thread, whatever other threads do."""
        with suppress(OSError), self._sending:
            self._pipe.send([("over", f"{self._settings.cluster.address}: {line}")])
        os._exit(1)

    def _read(self) -> None:
        """Take commands until the driver has ended for any reason; then end this process."""
        with suppress(EOFError, OSError):
            while True:
                worker, task = self._pipe.recv()
                self._loop.call_soon_threadsafe(self._give, worker, task)
        threading.Timer(5, os._exit, [1]).start()
        if self._settings.cluster.address == "local":
            ray.shutdown()
        os._exit(0)

    def _give(self, worker: int, task: bytes | None) -> None:
        # The actor is lost, and the driver gets a message about that.
        if worker not in self._tasks:
            return
        if task is None:
            self._lives[worker].cancel()
        else:
            self._tasks[worker].put_nowait(task)

    def _say(self, *message: Any) -> None:
        """Queue a message to the driver; it is sent with others of the same moment."""
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(message)

    def _send(self) -> None:
        with suppress(OSError), self._sending:
            self._pipe.send(self._unsent)
        self._unsent = []

    async def _look(self) -> None:
        """Watch the nodes of the cluster, and start actors while there are too few."""
        number = 0
        nodes: dict[str, str] = {}
        started = time.monotonic()
        waits = False
        while True:
            try:
                listed = await asyncio.to_thread(ray.nodes)
            except Exception:
                # The head does not answer. `_watch_head` finds out whether it is lost.
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            alive = {node["NodeID"]: node for node in listed if node["Alive"]}
            self._names |= {key: _name(node) for key, node in alive.items()}
            processors = {
                key: int(node["Resources"].get("CPU", 0))
                for key, node in alive.items()
                if key not in self._left_out
            }
            for key in nodes.keys() - alive.keys():
                self._say("note", f"{nodes[key]} is lost")
            for key in alive.keys() - nodes.keys() if nodes else ():
                self._say("note", f"{self._names[key]} has joined")
            nodes = {key: self._names[key] for key in alive}
            if self._left_out and not any(processors.values()):
                self._over("all nodes are left out; add one like this machine")
            # At least one actor: a cluster that grows on demand adds processors for it.
            wanted = self._settings.asked or max(1, sum(processors.values()))
            while len(self._lives) < min(wanted, self._settings.most or wanted):
                number += 1
                self._lives[number] = self._loop.create_task(self._live(number))
            if not (self._tasks or waits) and time.monotonic() - started > _WAIT_SECONDS:
                waits = True
                has = f"has {sum(processors.values())} processors, which may be busy"
                if not any(processors.values()):
                    has = "has no processors; it goes on when a node with some joins"
                self._say("note", f"no worker yet: the cluster {has}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _live(self, worker: int) -> None:
        """Manage one actor, from its start to its loss."""
        # No actor starts on a node that is left out.
        labels = {"ray.io/node-id": f"!in({','.join(self._left_out)})"} if self._left_out else {}
        actor = (
            ray.remote(Actor)
            .options(num_cpus=1, max_restarts=0, max_task_retries=0, label_selector=labels)
            .remote(pickle.dumps((self._settings.preparation, self._settings.travel)))
        )
        name = "a node"
        try:
            node = await actor.node.remote()
            name = self._names.get(node, name)
            try:
                found = self._difference(await actor.facts.remote())
                if not found:
                    await actor.prepare.remote(self._data)
            except exceptions.RayTaskError as error:
                found = first_line(error.cause or error)
            if found:
                self._refuse(node, f"{name} cannot be used: {found}")
                return
            self._tasks[worker] = asyncio.Queue()
            self._short_of_memory = 0
            self._say("ready", worker, name)
            while True:
                task = await self._tasks[worker].get()
                async for told in actor.run.options(num_returns="streaming").remote(task):
                    self._say("told", worker, await told)
        except Exception as error:
            cause = _ending(error, name)
            if worker in self._tasks:
                self._say("lost", worker, cause)
            elif isinstance(error, exceptions.RuntimeEnvSetupError):
                self._over(cause)
            else:
                # The actor was never ready, so the driver does not know it.
                self._short_of_memory += isinstance(error, exceptions.OutOfMemoryError)
                if self._short_of_memory >= _SHORT_OF_MEMORY and not self._tasks:
                    self._over(f"{cause}; use nodes with more memory")
                if cause not in self._noted:
                    self._noted.add(cause)
                    self._say("note", cause)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._tasks.pop(worker, None)
            del self._lives[worker]
            with suppress(Exception):
                ray.kill(actor)

    def _difference(self, facts: Mapping[str, str]) -> str:
        """Return how a node's facts differ from those here; empty if they do not."""
        return ", ".join(
            f"{facts[what]} there and {here} here"
            for what, here in self._facts.items()
            if facts[what] != here
        )

    def _refuse(self, node: str, found: str) -> None:
        """Leave out a node, or tell the driver to give up."""
        if node in self._left_out:
            return
        if self._settings.cluster.leaves_out_unlike:
            self._left_out.add(node)
            self._say("note", f"{found}; leaving it out")
        else:
            self._over(f"{found}; make it like this machine, or add --leave-out-unlike")

    def _over(self, line: str) -> None:
        """Tell the driver to give up."""
        self._say("over", f"{self._settings.cluster.address}: {line}")


def _copy(travel: Travel, folder: Path) -> None:
    """Copy the code that nodes need beside packages into one folder.

    Raises:
        UserError: a file cannot be read, or the code is too large for Ray.
    """
    folder.mkdir()
    for place, source in travel.code.items():
        try:
            if source.is_dir():
                # Skip links to nothing: nodes could not read them, either.
                shutil.copytree(
                    source, folder / place, ignore=_IGNORED, ignore_dangling_symlinks=True
                )
            elif source.exists():
                shutil.copy2(source, folder / place)
        except shutil.Error as error:
            path, _, cause = error.args[0][0]
            raise UserError(f"{path}: {cause}; make it readable") from None
        size = sum(path.stat().st_size for path in (folder / place).rglob("*"))
        if size > _MOST_BYTES:
            most = f"{_MOST_BYTES >> 20} MiB is the most that Ray sends"
            raise UserError(f"{source}: {size >> 20} MiB is too large; {most}")


def _name(node: Mapping[str, Any]) -> str:
    return f"node {node['NodeManagerAddress']} ({node['NodeID'][:6]})"


def _joining(error: BaseException) -> str:
    """Return in words why Ray could not join a cluster."""
    lines = str(error).splitlines() or [type(error).__name__]
    if versions := re.findall(r"^\s+(?:Ray|Python): (\S+)$", str(error), re.MULTILINE):
        there, here = ("Ray {} and Python {}".format(*versions[at : at + 2]) for at in (0, 2))
        return f"the cluster has {there}, and this machine {here}; install the same releases"
    if isinstance(error, ConnectionError) and "Could not find any running" in lines[0]:
        return "no Ray cluster runs on this machine; go to one of its nodes, or give host:port"
    return f"cannot join: {' '.join(lines[0].split())}; make this machine a node of the cluster"


def _ending(error: Exception, name: str) -> str:
    """Return in words why an actor has ended."""
    match error:
        case exceptions.ActorUnavailableError():
            return f"its worker on {name} cannot be reached"
        case exceptions.OutOfMemoryError():
            return f"its worker on {name} was ended, as memory is short there"
        case exceptions.RuntimeEnvSetupError():
            return f"a worker could not be set up: {first_line(error)}"
        case exceptions.RayActorError():
            return f"its worker on {name} was lost"
    return f"its worker on {name} failed: {first_line(error)}"


def main() -> None:
    """Run as a driver's child. The argument is the file descriptor of an end of the pipe."""
    pipe: Connection[Any, Any] = Connection(int(sys.argv[1]))
    Child(pipe, pipe.recv()).run()


if __name__ == "__main__":
    main()
