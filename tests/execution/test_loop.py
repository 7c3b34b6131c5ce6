"""How tasks are given to workers that are lost, late, or slow; the workers are none."""

from collections import deque
from collections.abc import Collection, Iterable
from typing import Any

import pytest

from optledger.core.errors import UserError
from optledger.execution import loop
from optledger.execution.executor import in_order
from optledger.execution.loop import Message


def function(task: str, report: object) -> str:
    """Return what nobody asks for."""
    return task


class Scripted:
    """A worker that tells what a test says."""

    def __init__(self, name: str) -> None:
        self.task: Any = None
        self.name = name
        self.is_busy = False

    def start(self, function: Any, task: Any) -> None:
        """Note the task."""
        self.task, self.is_busy = task, True


class Script:
    """Workers by name, and what they tell: a worker's name, what, and who joins before it does."""

    def __init__(self, names: str, *steps: tuple[Any, ...]) -> None:
        self.workers = {name: Scripted(name) for name in names}
        self.steps = deque(steps)
        self.given: list[tuple[str, Any]] = []
        self.abandoned: list[str] = []

    def idle(self) -> Iterable[Scripted]:
        """Yield those without a task."""
        for worker in list(self.workers.values()):
            if not worker.is_busy:
                yield worker
                if worker.is_busy:
                    self.given.append((worker.name, worker.task))

    def wait(self) -> Iterable[tuple[Scripted, Message]]:
        """Yield the next step."""
        name, *told = self.steps.popleft()
        if told == ["joins"]:
            self.workers[name] = Scripted(name)
            return
        worker = self.workers[name]
        if told[0] in ("done", "failed"):
            worker.is_busy = False
        if told[0] == "lost":
            del self.workers[name]
        yield worker, tuple(told)

    def abandon(self, workers: Collection[Any]) -> None:
        """Note them."""
        self.abandoned = sorted(worker.name for worker in workers)


def run(script: Script, *tasks: str) -> list[tuple[Any, Any]]:
    """Run tasks, without what is told of epochs."""
    return list(loop.run(script, function, in_order(tasks), lambda task, epochs: None))


def test_a_lost_task_is_given_to_the_next_idle_worker(capsys: pytest.CaptureFixture[str]) -> None:
    """Before tasks that have not been begun."""
    script = Script(
        "ab", ("a", "lost", "gone"), ("b", "done", 1), ("b", "done", 2), ("b", "done", 3)
    )
    assert run(script, "one", "two", "three") == [("two", 1), ("one", 2), ("three", 3)]
    assert script.given == [("a", "one"), ("b", "two"), ("b", "one"), ("b", "three")]
    assert capsys.readouterr().err == "one: gone; trying again\n"


def test_without_a_worker_it_waits_for_one() -> None:
    """Of what is left, nothing is forgotten."""
    script = Script("", ("a", "joins"), ("a", "lost", "gone"), ("b", "joins"), ("b", "done", 1))
    assert run(script, "one") == [("one", 1)]


def test_the_first_result_of_a_late_task_counts() -> None:
    """Whichever worker it is of; the other is not waited for, and is given nothing meanwhile."""
    late = ("a", "late", "silent")
    script = Script("ab", late, ("b", "done", 2), ("b", "done", 1))
    assert run(script, "one", "two") == [("two", 2), ("one", 1)]
    assert script.given[-1] == ("b", "one")
    assert script.abandoned == ["a"]
    script = Script(
        "ab", late, ("b", "done", 2), ("a", "done", 1), ("b", "done", 0), ("a", "done", 3)
    )
    assert run(script, "one", "two", "three") == [("two", 2), ("one", 1), ("three", 3)]


def test_what_a_late_worker_fails_of_is_another_s_task_by_then() -> None:
    """It costs nothing that it is lost in the end."""
    late = ("a", "late", "silent")
    script = Script("ab", late, ("b", "done", 2), ("a", "lost", "gone"), ("b", "done", 1))
    assert run(script, "one", "two") == [("two", 2), ("one", 1)]


def test_a_late_task_is_waiting_once() -> None:
    """Also where its worker is lost before another is free."""
    steps = (("a", "late", "silent"), ("a", "lost", "silent"), ("b", "done", 2), ("b", "done", 1))
    script = Script("ab", *steps)
    assert run(script, "one", "two") == [("two", 2), ("one", 1)]
    assert script.given == [("a", "one"), ("b", "two"), ("b", "one")]


def test_what_failed_is_rather_done_by_another() -> None:
    """Who may have the disk, or the memory, that was wanting; if there is none, by the same."""
    done = (("b", "done", 2), ("a", "done", 3), ("b", "done", 1))
    script = Script("ab", ("a", "failed", "full", None), *done)
    assert run(script, "one", "two", "three") == [("two", 2), ("three", 3), ("one", 1)]
    assert script.given[2:] == [("a", "three"), ("b", "one")]
    script = Script("a", ("a", "failed", "full", None), ("a", "done", 1))
    assert run(script, "one") == [("one", 1)]


def test_a_task_that_was_lost_is_not_given_twice_when_it_is_done() -> None:
    """A late worker may be done before anyone is free to do it again."""
    late = ("a", "late", "silent")
    script = Script("ab", late, ("a", "done", 1), ("b", "done", 2))
    assert run(script, "one", "two") == [("one", 1), ("two", 2)]
    assert script.given == [("a", "one"), ("b", "two")]


def test_it_fails_at_the_fifth_loss_or_the_second_failure() -> None:
    """A worker is lost for reasons that are no task's."""
    losses = [step for each in range(5) for step in (("a", "joins"), ("a", "lost", f"gone {each}"))]
    with pytest.raises(UserError, match=r"^one: lost its worker 5 times: gone 4$"):
        run(Script("", *losses), "one")
    failures = [("a", "failed", "a full disk", None)] * 2
    with pytest.raises(UserError, match=r"^one: failed twice: a full disk$"):
        run(Script("a", *failures), "one")


def test_epochs_are_told_of_the_worker_that_has_the_task() -> None:
    """A late one may still tell of its own."""
    told: list[tuple[str, int]] = []
    script = Script(
        *("ab", ("a", "epoch", 1), ("b", "done", 2), ("a", "late", "silent")),
        *(("b", "epoch", 1), ("a", "epoch", 2), ("b", "done", 1)),
    )
    list(loop.run(script, function, in_order(["one", "two"]), lambda *each: told.append(each)))
    assert told == [("one", 1), ("one", 1)]
