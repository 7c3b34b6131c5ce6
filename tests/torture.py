"""Every fault at every request of a publication, and then a publication without faults.

    python tests/torture.py [FAULT ...]

prints how it went, as the table of docs/findings.md. A trial has an experiment of its own: one
publication with the fault, which must end well or in one line that names the store, and a second
one without, after which the store must hold what an undisturbed publication leaves.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from unittest.mock import patch

from tqdm import tqdm

from optledger.core.errors import UserError
from proxy import FAULTS, Proxy, proxy_of
from publication import (
    Contents,
    contents,
    differences,
    make_checkout,
    publish_all,
    without_tries,
)
from servers import MEMORY, mlflow_server

# Seconds until the client of a publication with a fault gives up.
_TIME_OUT = "1"

# How often a publication to a fresh SQLite file is killed.
_KILLS = 30

# What can go on for ever.
LASTING = ("error", "late", "dropped")


# The try that comes before an official publication.
TRY = "heavier"

# What happens to repairs, too.
DISORDERLY = ("error after", "delayed", "dropped", "killed after")


@dataclass
class Bench:
    """A server and the proxy before it.

    Attributes:
        folder: the server's; it has `artifacts`.
        checkout: what is published.
        server: the server's URL.
        proxy: what publications go through.
        reference: what an undisturbed publication leaves.
        requests: those that it makes.
        python: what processes that publish run.
    """

    folder: Path
    checkout: Path
    server: str
    proxy: Proxy
    reference: Contents = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    python: str = sys.executable
    _names: Iterator[int] = field(default_factory=count)

    def name(self) -> str:
        """Return a name that no other publication has."""
        return f"trial {next(self._names)}"

    def publish(self, name: str, attempt: str = "", **variables: str) -> None:
        """Publish in this process, through the proxy, as a try if that has a name."""
        with (
            patch.dict(os.environ, MLFLOW_TRACKING_URI=self.proxy.url, **variables),
            chdir(self.checkout),
        ):
            publish_all(name, self.folder, attempt=attempt)

    def start(self, name: str) -> "subprocess.Popen[str]":
        """Publish in a process of its own, through the proxy."""
        uri = self.proxy.url
        process = publisher(
            self.checkout, name, self.folder, python=self.python, MLFLOW_TRACKING_URI=uri
        )
        go(process)
        return process

    def contents(self, name: str) -> Contents:
        """Return what the server holds."""
        return contents(self.server, name, self.folder / "artifacts")


@dataclass(frozen=True)
class Outcome:
    """How a trial went.

    Attributes:
        injected: the publication came to the fault.
        at_once: the publication with the fault succeeded.
        wrong: what was wrong, in words; empty if nothing was.
        seconds: what the publication with the fault took.
    """

    injected: bool
    at_once: bool
    wrong: list[str]
    seconds: float


@contextmanager
def bench() -> Iterator[Bench]:
    """Run a server and its proxy, and take the reference."""
    with (
        tempfile.TemporaryDirectory(prefix="optledger-", dir=MEMORY) as name,
        mlflow_server(folder := Path(name)) as server,
        proxy_of(server) as proxy,
        patch.dict(os.environ, MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true"),
    ):
        ready = Bench(folder, make_checkout(folder / "checkout"), server, proxy)
        name = ready.name()
        ready.publish(name)
        ready.requests = proxy.requests
        ready.reference = ready.contents(name)
        yield ready


def trial(
    bench: Bench,
    fault: str,
    at: int,
    *,
    lasting: bool = False,
    disorder: bool = False,
    mixed: bool = False,
) -> Outcome:
    """Publish with the fault at the request number `at`, and again without it.

    Args:
        bench: what to publish to.
        fault: a name of `FAULTS`.
        at: the number of a request, from 1.
        lasting: whether all requests that follow have the fault, too.
        disorder: whether the store has half of the runs twice, and empty, to begin with.
        mixed: whether the first publication is a try of what the second makes official.
    """
    name = bench.name()
    wrong, at_once = [], True
    if disorder:
        bench.proxy.disturb("only created", 1, lasting=True)
        with suppress(UserError):
            bench.publish(name)
    start = time.monotonic()
    if fault.startswith("killed"):
        at_once = False
        victim: Future[subprocess.Popen[str]] = Future()
        bench.proxy.disturb(fault, at, kill=lambda: victim.result(timeout=60).kill())
        process = bench.start(name)
        victim.set_result(process)
        process.communicate()
    else:
        bench.proxy.disturb(fault, at, lasting=lasting)
        try:
            attempt = TRY if mixed else ""
            bench.publish(name, attempt, MLFLOW_HTTP_REQUEST_TIMEOUT=_TIME_OUT)
        except UserError as error:
            at_once = False
            if not re.fullmatch(rf"publish: {bench.proxy.url}: .+", str(error)):
                wrong.append(f"the message {str(error)!r}")
        except Exception as error:
            at_once = False
            wrong.append(f"raised {error!r:.300}")
    seconds = time.monotonic() - start
    injected = bench.proxy.injected > 0
    bench.proxy.settle()
    bench.proxy.disturb(None)
    try:
        bench.publish(name)
    except Exception as error:
        wrong.append(f"the second publication: {error!r:.300}")
    found = bench.contents(name)
    wrong += differences(without_tries(found) if mixed else found, bench.reference)
    return Outcome(injected, at_once, wrong, seconds)


def publisher(
    checkout: Path,
    name: str,
    root: Path,
    seconds: float = 0.5,
    python: str = sys.executable,
    attempt: str = "",
    **variables: str,
) -> "subprocess.Popen[str]":
    """Start a process that publishes a checkout when it is told to."""
    inherited = {key: value for key, value in os.environ.items() if key[:7] != "MLFLOW_"}
    script = Path(__file__).with_name("publication.py")
    return subprocess.Popen(
        [python, str(script), name, str(root), str(seconds), attempt],
        cwd=checkout,
        env=inherited | {"MLFLOW_DISABLE_TELEMETRY": "true"} | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def go(*publishers: "subprocess.Popen[str]") -> None:
    """Wait until all are ready, and tell them to publish."""
    for process in publishers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()
    for process in publishers:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def killed_on_sqlite(bench: Bench, folder: Path, delay: float) -> Outcome:
    """Kill the first publication to a fresh SQLite file after `delay` seconds; publish again."""
    process = publisher(bench.checkout, "killed", folder)
    go(process)
    time.sleep(delay)
    process.kill()
    process.communicate()
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    wrong = []
    try:
        with patch.dict(os.environ, MLFLOW_TRACKING_URI=uri), chdir(bench.checkout):
            publish_all("killed", folder)
    except Exception as error:
        wrong.append(f"the second publication: {error!r:.300}")
    else:
        wrong += differences(contents(uri, "killed", folder), bench.reference)
    return Outcome(True, process.returncode == 0, wrong, delay)


def main(faults: list[str]) -> None:
    """Do all of it, and print the table."""
    rows: dict[str, list[Outcome]] = {}
    # So that servers are ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with bench() as ready:
        requests = ready.requests
        print(f"{len(requests)} requests\n")
        print("| fault | injected | survived at once | by the second publication | not |")
        print("|---|--:|--:|--:|--:|", flush=True)
        for label, trials in _trials(ready).items():
            if faults and label not in faults:
                continue
            rows[label] = []
            for at, attempt in enumerate(tqdm(trials, desc=label), 1):
                outcome = attempt()
                if outcome.injected:
                    rows[label].append(outcome)
                if outcome.wrong:
                    tqdm.write(f"{label} at {at}: {'; '.join(outcome.wrong)}", sys.stderr)
            _tell(label, rows[label])
        label = "killed, on SQLite"
        if not faults or label in faults:
            rows[label] = list(_kills(label, ready))
            _tell(label, rows[label])
    sys.exit(any(outcome.wrong for outcomes in rows.values() for outcome in outcomes))


def _tell(label: str, outcomes: list[Outcome]) -> None:
    """Print a row of the table, as soon as it is known."""
    failed = sum(bool(outcome.wrong) for outcome in outcomes)
    at_once = sum(outcome.at_once and not outcome.wrong for outcome in outcomes)
    second = len(outcomes) - failed - at_once
    print(f"| {label} | {len(outcomes)} | {at_once} | {second} | {failed} |", flush=True)


def _trials(bench: Bench) -> dict[str, list[Callable[[], Outcome]]]:
    """Return the trials of each row of the table."""
    # A model comes with this package: of the uploads of its modules, the first and the last.
    modules = [at for at, sent in enumerate(bench.requests, 1) if "/artifacts/code/" in sent]
    every = sorted({*range(1, len(bench.requests) + 1)} - {*modules[1:-1]})
    # What comes later for more requests, and is not reached, is not counted.
    disorderly = [at for at in every if at < modules[0]]

    def row(numbers: list[int], fault: str, **conditions: bool) -> list[Callable[[], Outcome]]:
        return [partial(trial, bench, fault, at, **conditions) for at in numbers]

    return {
        **{fault: row(every, fault) for fault in FAULTS},
        **{f"{fault}, and ever after": row(every, fault, lasting=True) for fault in LASTING},
        **{
            f"{fault}, amid disorder": row(disorderly, fault, disorder=True) for fault in DISORDERLY
        },
        # A try has no model, and so ends where the first of its modules would be sent.
        **{
            f"{fault}, of a try": row(disorderly, fault, mixed=True)
            for fault in FAULTS
            if not fault.startswith("killed")
        },
    }


def _kills(label: str, bench: Bench) -> Iterator[Outcome]:
    undisturbed = bench.folder / "undisturbed"
    undisturbed.mkdir()
    process = publisher(bench.checkout, "killed", undisturbed)
    go(process)
    start = time.monotonic()
    process.communicate()
    duration = time.monotonic() - start
    draw = random.Random(0)
    for number in tqdm(range(_KILLS), desc=label):
        folder = bench.folder / f"killed {number}"
        folder.mkdir()
        outcome = killed_on_sqlite(bench, folder, draw.uniform(0, duration))
        if outcome.wrong:
            tqdm.write(f"{label} after {outcome.seconds:.2f} s: {'; '.join(outcome.wrong)}")
        yield outcome


if __name__ == "__main__":
    main(sys.argv[1:])
