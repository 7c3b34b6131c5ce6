"""Training from look to look, until nothing that matters is open."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from optledger.analysis.schemas import read_results
from optledger.analysis.settling import State, closing_line, state, state_lines
from optledger.analysis.words import with_noun
from optledger.core import git, params
from optledger.core.documents import mistake, parse_yaml
from optledger.core.editing import with_value
from optledger.core.errors import UserError
from optledger.core.formats import write_text
from optledger.core.params import Params
from optledger.core.paths import OBSERVATIONS, PARAMS, RESULTS, TRIALS
from optledger.execution.executor import Cluster, worker_count
from optledger.pipeline import toolchain
from optledger.pipeline.preparation import prepare
from optledger.sweep import variants
from optledger.trials.observations import read_observation
from optledger.trials.places import place
from optledger.trials.store import Store


def settle(cluster: Cluster | None, leaves_behind: bool = False) -> Iterator[str]:
    """Go from look to look; yield lines on what each decides and what the next costs.

    A look trains only its new seeds. Before a look, params.yaml is set to its number of seeds, so
    that after an interruption the same command continues.

    Args:
        cluster: the Ray cluster to train on; None for this machine.
        leaves_behind: whether variants that are shown to be worse get no further seeds.

    Raises:
        UserError: no looks are declared, or training or DVC failed.
    """
    while True:
        settings = _declared()
        prepare()
        variants.sweep(settings, list(settings.variants), "settle", cluster=cluster)
        _assemble()
        found = _state(settings)
        yield from state_lines(found, settings.comparison)
        behind = found.behind if leaves_behind else []
        following = _following(settings, found, behind)
        if following is None:
            yield closing_line(found, settings.comparison)
            return
        count, text, later = following
        yield _cost(later, count)
        # If params.yaml is a link, write to its target.
        write_text(PARAMS.resolve(), text)


def preview(leaves_behind: bool = False) -> Iterator[str]:
    """Yield lines on what the results of this look decide, and what the next would cost.

    Args:
        leaves_behind: as for `settle`.

    Raises:
        UserError: no looks are declared, or the results have another number of seeds.
    """
    settings = _declared()
    found = _state(settings)
    yield from state_lines(found, settings.comparison)
    following = _following(settings, found, found.behind if leaves_behind else [])
    if following is None:
        yield closing_line(found, settings.comparison)
    else:
        count, _, later = following
        yield _cost(later, count)


def with_count(text: str, count: int) -> str:
    """Return the text of a params.yaml with another number of seeds, and nothing else changed."""
    return with_value(text, ["seeds", "count"], str(count))


def with_left_behind(text: str, counts: Mapping[str, int]) -> str:
    """Return the text of a params.yaml with these variants left behind, nothing else changed.

    Args:
        text: the text of the file.
        counts: by variant, the number of seeds at which it was left behind.
    """
    written = f"{{{', '.join(f'{name}: {own}' for name, own in counts.items())}}}"
    return with_value(text, ["seeds", "left_behind"], written, after="count")


def _declared() -> Params:
    settings = params.load()
    if not settings.comparison.looks:
        allowed = "numbers of seeds to make verdicts at, such as [5, 10, 20, 40]"
        raise UserError(mistake(PARAMS, "comparison.looks", [], allowed))
    # Report mistakes of the next look before this one is trained.
    for look in [each for each in settings.comparison.looks if each > settings.seeds.count][:1]:
        _edited(look, settings.seeds.left_behind)
    return settings


def _assemble() -> None:
    command = [sys.executable, "-m", "dvc", "repro", "--quiet"]
    environment = git.environment() | toolchain.variables()
    if subprocess.run(command, check=False, env=environment).returncode:
        raise UserError("optledger settle: dvc repro failed, as it says above")


def _state(settings: Params) -> State:
    leaderboard, comparisons = read_results(
        "leaderboard", "comparisons", variants=settings.variants
    ).values()
    found = state(leaderboard, comparisons, settings.comparison)
    if found.seeds != settings.seeds.count:
        raise UserError(
            f"{RESULTS / 'leaderboard.csv'}: has {found.seeds} seeds, but {PARAMS} asks for "
            f"{settings.seeds.count}; optledger settle trains them"
        )
    return found


def _following(
    settings: Params, found: State, behind: Sequence[str]
) -> tuple[int, str, Params] | None:
    """Return the next look, the text of params.yaml for it, and that text's parameters.

    Return None if nothing is open, or if no look is left.

    Raises:
        UserError: that params.yaml has a mistake, such as a search that uses one of the new seeds.
    """
    later = [look for look in settings.comparison.looks if look > settings.seeds.count]
    if not found.open or not later:
        return None
    left = {**dict.fromkeys(behind, settings.seeds.count), **settings.seeds.left_behind}
    text, following = _edited(later[0], dict(sorted(left.items())))
    return later[0], text, following


def _edited(count: int, left: Mapping[str, int]) -> tuple[str, Params]:
    """Return the text of params.yaml with another number of seeds, and that text's parameters.

    Args:
        count: the number of seeds.
        left: by variant, the number of seeds at which it was left behind.

    Raises:
        UserError: the new text has a mistake, or the number cannot be changed by itself.
    """
    # Bytes, so that line endings stay as they are.
    before = PARAMS.read_bytes()
    document = parse_yaml(before, str(PARAMS), shared=False)
    text = with_count(before.decode(), count)
    document["seeds"]["count"] = count
    if left != document["seeds"].get("left_behind", {}):
        text = with_left_behind(text, left)
        document["seeds"]["left_behind"] = dict(left)
    try:
        found = parse_yaml(text.encode(), str(PARAMS), shared=False)
    except UserError:
        found = None
    if found != document:
        remedy = "write it without an anchor or alias, so that it can be changed by itself"
        raise UserError(f"{PARAMS}: seeds.count: other keys share this number; {remedy}")
    return text, params.parse(found, PARAMS)


def _cost(settings: Params, count: int) -> str:
    """Return a line on what a look costs: trainings, and minutes if all variants were timed."""
    wanted = variants.look_up(settings, list(settings.variants), Store(place()), takes_in=False)
    seconds = 0.0
    for name, variant in settings.variants.items():
        observed = read_observation(OBSERVATIONS / f"{name}.json", TRIALS / name)
        if observed is None:
            return f"The next look, at {count} seeds: {wanted.to_train} trainings."
        rates = [each.seconds_per_epoch for each in observed.seeds.values()]
        trials = len(wanted.wanting_of(name)) + wanted.to_come(name)
        seconds += trials * variant.epochs * sum(rates) / len(rates)
    minutes = seconds / worker_count() / 60
    took = "less than a minute"
    if minutes >= 1:
        took = f"about {with_noun(round(minutes), 'minute')}"
    return (
        f"The next look, at {count} seeds: {wanted.to_train} trainings, {took}, as trials took "
        "here before."
    )
