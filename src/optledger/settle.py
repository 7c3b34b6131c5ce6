"""From look to look, until nothing that matters is open: each trains its new seeds alone."""

import subprocess
import sys
from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode

from optledger.analysis.schemas import read_results
from optledger.analysis.settling import State, ending, state, told
from optledger.core import git, params
from optledger.core.documents import mistake, parse_yaml
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


def settle(cluster: Cluster | None) -> Iterator[str]:
    """Go from look to look; yield a line at a time what each decides and what the next costs.

    params.yaml ends at the look that was reached. Whoever interrupts it goes on by the same
    command.

    Args:
        cluster: where to train, if not on this machine.

    Raises:
        UserError: no looks are declared, or what `sweep` and DVC raise.
    """
    while True:
        settings = _declared()
        prepare()
        variants.sweep(settings, list(settings.variants), "settle", cluster=cluster)
        _assemble()
        found = _state(settings)
        yield from told(found, settings.comparison)
        following = _following(settings, found)
        if following is None:
            yield ending(found, settings.comparison)
            return
        count, text, later = following
        yield _cost(later, count)
        write_text(PARAMS, text)


def preview() -> Iterator[str]:
    """Yield what the results of this look decide, and what the next would cost.

    Raises:
        UserError: no looks are declared, or the results are of another number of seeds.
    """
    settings = _declared()
    found = _state(settings)
    yield from told(found, settings.comparison)
    following = _following(settings, found)
    if following is None:
        yield ending(found, settings.comparison)
    else:
        count, _, later = following
        yield _cost(later, count)


def with_count(text: str, count: int) -> str:
    """Return the text of a params.yaml with another number of seeds, and nothing else changed."""
    node = YAML().compose(text)
    for key in ("seeds", "count"):
        assert isinstance(node, MappingNode)
        node = next(value for name, value in node.value if name.value == key)
    assert isinstance(node, ScalarNode)
    return text[: node.start_mark.index] + str(count) + text[node.end_mark.index :]


def _declared() -> Params:
    settings = params.load()
    if not settings.comparison.looks:
        allowed = "numbers of seeds to make verdicts at, such as [5, 10, 20, 40]"
        raise UserError(mistake(PARAMS, "comparison.looks", [], allowed))
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
            f"{RESULTS / 'leaderboard.csv'}: found {found.seeds} seeds; allowed: "
            f"{settings.seeds.count}, as {PARAMS} says: optledger settle trains them"
        )
    return found


def _following(settings: Params, found: State) -> tuple[int, str, Params] | None:
    """Return the next look, params.yaml with it, and what that says; None if there is no need.

    Raises:
        UserError: such a params.yaml has a mistake, as a search that uses a seed of the new ones.
    """
    later = [look for look in settings.comparison.looks if look > settings.seeds.count]
    if not found.open or not later:
        return None
    text = with_count(PARAMS.read_text(encoding="utf-8"), later[0])
    document = parse_yaml(text.encode(), str(PARAMS), shared=False)
    return later[0], text, params.parse(document, PARAMS)


def _cost(settings: Params, count: int) -> str:
    """Return what a look costs: trainings, and minutes as trials took here before."""
    wanted = variants.look_up(settings, list(settings.variants), Store(place()), takes_in=False)
    seconds = 0.0
    for name, variant in settings.variants.items():
        observed = read_observation(OBSERVATIONS / f"{name}.json", TRIALS / name)
        if observed is None:
            return f"The next look, at {count} seeds: {wanted.to_train} trainings."
        rates = [each.seconds_per_epoch for each in observed.seeds.values()]
        trials = len(wanted.wanting_of(name))
        seconds += trials * variant.epochs * sum(rates) / len(rates)
    minutes = seconds / worker_count() / 60
    return (
        f"The next look, at {count} seeds: {wanted.to_train} trainings, about {minutes:.1f} "
        "minutes, as trials took here before."
    )
