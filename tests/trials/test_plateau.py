import keras
import numpy as np
import pytest

from optledger.core.params import EarlyStopping, Plateau
from optledger.trials.plateau import best_epoch, converged_epoch


def histories(count: int) -> list[list[float]]:
    """Return metrics that fall, rise and stand still at random."""
    rng = np.random.default_rng(0)
    return [
        np.cumsum(rng.choice([-0.2, -0.1, 0, 0.1, 0.2], 20)).round(1).tolist() for _ in range(count)
    ]


@pytest.mark.parametrize("patience", [1, 2, 5])
@pytest.mark.parametrize("min_delta", [0.0, 0.15])
@pytest.mark.parametrize("monitor", ["validation_loss", "validation_accuracy"])
def test_the_first_epoch_that_is_converged_is_where_keras_stops(
    patience: int, min_delta: float, monitor: str
) -> None:
    """Keras's EarlyStopping, told the same metrics, stops `patience` epochs after it."""
    plateau = Plateau(monitor=monitor, patience=patience, min_delta=min_delta)
    stops = []
    for history in histories(50):
        callback = keras.callbacks.EarlyStopping(
            "metric", min_delta, patience, mode="max" if monitor.endswith("accuracy") else "min"
        )
        callback.set_model(keras.Sequential([keras.layers.Dense(1)]))
        callback.on_train_begin()
        stopped = None
        for epoch, value in enumerate(history, start=1):
            callback.on_epoch_end(epoch - 1, {"metric": value})
            found = converged_epoch(history[:epoch], plateau)
            # Keras counts epochs from 0.
            assert (found is not None) == (callback.stopped_epoch == epoch - 1 > 0)
            if found is not None:
                assert epoch - found == patience
                stopped = found
                break
        stops.append(stopped)
    assert len(set(stops)) > 2


def test_convergence_is_the_last_improvement_of_all() -> None:
    """Not the first plateau, if training goes on and improves again."""
    plateau = Plateau(patience=2)
    assert converged_epoch([3, 2, 2, 2], plateau) == 2
    assert converged_epoch([3, 2, 2, 2, 1], plateau) is None
    assert converged_epoch([3, 2, 2, 2, 1, 1, 1], plateau) == 5


def test_a_metric_that_goes_on_improving_has_not_converged() -> None:
    """Nor has one with too few epochs, or none."""
    plateau = Plateau(patience=3)
    assert converged_epoch([3, 2, 1], plateau) is None
    assert converged_epoch([1, 2, 3], plateau) is None
    assert converged_epoch([1, 2, 3, 4], plateau) == 1
    assert converged_epoch([], plateau) is None


def test_without_a_validation_split_nothing_converges() -> None:
    """Its metrics are NaN, which never improves."""
    assert converged_epoch([float("nan")] * 9, Plateau(patience=1)) is None


def test_the_best_epoch_is_the_first_of_the_best() -> None:
    """The lowest loss, the highest accuracy."""
    history = [0.3, 0.1, 0.2, 0.1, 0.3]
    assert best_epoch(history, EarlyStopping(patience=1)) == 2
    assert best_epoch(history, EarlyStopping(patience=1, monitor="train_accuracy")) == 1
