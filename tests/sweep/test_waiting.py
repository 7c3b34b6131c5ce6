from dataclasses import replace

from digits import INTERFACE
from optledger.core import params
from optledger.sweep.waiting import Waiting
from optledger.trials.specify import specify
from optledger.trials.trial import Specification, Trial
from project import REPOSITORY

SPECIFICATION = specify(params.load(REPOSITORY / "params.yaml").variants["adam"], INTERFACE)


def of(name: str, count: int, epochs: int) -> list[Trial]:
    """So many trials of a variant."""
    specification: Specification = replace(SPECIFICATION, epochs=epochs)
    return [Trial(name, specification, 0.1, seed) for seed in range(count)]


def test_workers_begin_with_the_longest_variants() -> None:
    """Each with another, as what is compiled for one is of no use for the next."""
    waiting = Waiting()
    waiting.add([*of("short", 3, 4), *of("long", 3, 9), *of("middle", 3, 5)])
    taken = [waiting.take(None) for _ in range(3)]
    assert [trial and trial.name for trial in taken] == ["long", "middle", "short"]


def test_a_worker_stays_with_a_variant_while_it_has_trials() -> None:
    """Then it helps where most is left for each worker."""
    waiting = Waiting()
    waiting.add([*of("a", 2, 9), *of("b", 4, 4), *of("c", 2, 1)])
    first, second = waiting.take(None), waiting.take(None)
    assert first
    assert second
    assert (first.name, second.name) == ("a", "b")
    waiting.finished(first, 1.0)
    again = waiting.take(first)
    assert again
    assert (again.name, again.seed) == ("a", 1)
    waiting.finished(again, 1.0)
    # "b" has twelve epochs left for two workers, "c" two for one.
    helped = waiting.take(again)
    assert helped
    assert helped.name == "b"


def test_what_an_epoch_takes_counts() -> None:
    """A variant with few long epochs may be the longest."""
    waiting = Waiting()
    waiting.add([*of("slow", 3, 2), *of("fast", 3, 4)])
    slow, fast = waiting.take(None), waiting.take(None)
    assert fast
    assert slow
    if slow.name == "fast":
        slow, fast = fast, slow
    waiting.finished(slow, 10.0)
    waiting.finished(fast, 1.0)
    taken = waiting.take(None)
    assert taken
    assert taken.name == "slow"


def test_nothing_waits_any_more() -> None:
    """Until something is added."""
    waiting = Waiting()
    assert waiting.take(None) is None
    (trial,) = of("a", 1, 1)
    waiting.add([trial])
    assert waiting.take(None) is trial
    assert waiting.take(trial) is None
