import math

import numpy as np
import pytest

from optledger.core.params import Search, Variant
from optledger.trials.search import candidates, choose, edge
from optledger.trials.trial import Divergence, Epoch, TrialResult


def variant(learning_rate: object) -> Variant:
    """Return a variant with a learning rate as params.yaml gives it."""
    settings = {
        "model": "mlp",
        "optimizer": "SGD",
        "learning_rate": learning_rate,
        "epochs": 1,
        "batch_size": 1,
        "loss": "MeanSquaredError",
    }
    return Variant.model_validate(settings)


def search(strategy: str, trials: int = 5, seed: int = 7) -> Search:
    """Return a search."""
    return Search.model_validate({"strategy": strategy, "trials": trials, "seed": seed})


def result(
    learning_rate: float, accuracy: float | None, loss: float = 1.0, epochs: int = 1
) -> TrialResult:
    """Return a trial that ended with these validation metrics, or diverged without any."""
    history = [Epoch(0.0, 0.0, 0.0, 1.0)] * (epochs - 1) + [Epoch(0.0, 0.0, loss, accuracy or 0.0)]
    divergence = Divergence(1, 1) if accuracy is None else None
    kept = [] if divergence else history
    return TrialResult(learning_rate, 7, {}, kept, len(kept), divergence)


def test_a_grid_is_tried_value_by_value() -> None:
    """All of a list, whatever the number of trials; nothing where the rate is given."""
    assert candidates(variant([0.3, 0.1, 1]), search("grid")) == [0.1, 0.3, 1.0]
    assert candidates(variant(0.1), search("grid")) == []
    assert candidates(variant(0.1), search("random")) == []


def test_a_range_is_divided_evenly_on_a_logarithmic_scale() -> None:
    """Its ends included, at three digits."""
    rates = candidates(variant({"low": 0.0001, "high": 0.01}), search("grid"))
    assert rates == [0.0001, 0.000316, 0.001, 0.00316, 0.01]


def test_random_rates_are_uniform_in_their_logarithm() -> None:
    """Between the ends of the range; half of many are below its geometric mean."""
    rates = candidates(variant({"low": 0.0001, "high": 0.01}), search("random", trials=400))
    assert rates == sorted(rates)
    assert rates[0] >= 0.0001
    assert rates[-1] <= 0.01
    assert np.mean(np.array(rates) < 0.001) == pytest.approx(0.5, abs=0.07)


def test_random_rates_of_a_list_are_some_of_it() -> None:
    """Drawn without replacement; all where there are no more than trials."""
    grid = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    rates = candidates(variant(grid), search("random", trials=4))
    assert len(rates) == len(set(rates)) == 4
    assert set(rates) < set(grid)
    assert candidates(variant(grid), search("random", trials=6)) == grid


def test_the_seed_draws_for_every_variant_alike() -> None:
    """One seed, the same places in every range; another seed, others."""

    def places(low: float, high: float, seed: int) -> list[float]:
        rates = candidates(variant({"low": low, "high": high}), search("random", seed=seed))
        return [math.log(rate / low) / math.log(high / low) for rate in rates]

    assert places(0.1, 10, seed=1) == pytest.approx(places(0.001, 1, seed=1), abs=2e-3)
    assert places(0.1, 10, seed=1) != pytest.approx(places(0.1, 10, seed=2), abs=2e-3)


def test_the_highest_validation_accuracy_of_the_last_epoch_is_chosen() -> None:
    """Then the lower loss, then the lower rate; any but a trial that diverged."""
    grid = variant([0.1, 0.2, 0.3])
    assert choose(grid, [result(0.1, 0.8), result(0.2, 0.9), result(0.3, 0.7)], "accuracy") == 0.2
    # All but the last epoch of this one have an accuracy of 1.
    assert choose(grid, [result(0.1, 0.8, epochs=3), result(0.2, 0.9)], "accuracy") == 0.2
    assert choose(grid, [result(0.1, 0.9, 2.0), result(0.2, 0.9, 1.0)], "accuracy") == 0.2
    assert choose(grid, [result(0.3, 0.9), result(0.2, 0.9)], "accuracy") == 0.2
    assert choose(grid, [result(0.1, None), result(0.2, 0.01)], "accuracy") == 0.2
    assert choose(grid, [result(0.2, None), result(0.1, None)], "accuracy") == 0.1
    # A table of six digits does not tell these apart.
    assert choose(grid, [result(0.3, 0.9, 1.0), result(0.2, 0.9, 1.0000001)], "accuracy") == 0.2
    assert choose(variant(0.5), [], "accuracy") == 0.5


def test_an_end_of_what_was_tried_is_told() -> None:
    """What was given without a search is at no end."""
    tried = [0.1, 0.2, 0.3]
    assert [edge(rate, tried) for rate in tried] == ["lowest", None, "highest"]
    assert edge(0.1, []) is None


def test_the_lowest_error_is_chosen_where_less_is_better() -> None:
    """Of a score that is an error."""
    tried = [result(0.1, 0.8), result(0.2, 0.9), result(0.3, 0.7)]
    assert choose(variant([0.1, 0.2, 0.3]), tried, "rmse") == 0.3
