import keras
import numpy as np
import pytest

from optledger.params import EarlyStopping, Plateau
from optledger.training.plateau import best_epoch, plateau_start


def histories(count: int) -> list[list[float]]:
    """Return metrics that fall, rise and stand still at random."""
    rng = np.random.default_rng(0)
    return [
        np.cumsum(rng.choice([-0.2, -0.1, 0, 0.1, 0.2], 20)).round(1).tolist() for _ in range(count)
    ]


@pytest.mark.parametrize("patience", [1, 2, 5])
@pytest.mark.parametrize("min_delta", [0.0, 0.15])
@pytest.mark.parametrize("monitor", ["validation_loss", "validation_accuracy"])
def test_a_plateau_is_where_keras_would_stop(patience: int, min_delta: float, monitor: str) -> None:
    """Keras's EarlyStopping, told the same metrics, stops `patience` epochs after it began."""
    plateau = Plateau(monitor=monitor, patience=patience, min_delta=min_delta)
    stops = []
    for history in histories(50):
        callback = keras.callbacks.EarlyStopping(
            "metric", min_delta, patience, mode="max" if monitor.endswith("accuracy") else "min"
        )
        callback.set_model(keras.Sequential([keras.layers.Dense(1)]))
        callback.on_train_begin()
        for epoch, value in enumerate(history):
            callback.on_epoch_end(epoch, {"metric": value})
            if callback.stopped_epoch:
                break
        # Keras counts epochs from 0.
        expected = callback.stopped_epoch + 1 - patience if callback.stopped_epoch else None
        stops.append(plateau_start(history, plateau))
        assert stops[-1] == expected
    assert len(set(stops)) > 2


def test_a_metric_that_goes_on_improving_has_no_plateau() -> None:
    """Nor has one with too few epochs, or none."""
    plateau = Plateau(patience=3)
    assert plateau_start([3, 2, 1], plateau) is None
    assert plateau_start([1, 2, 3], plateau) is None
    assert plateau_start([1, 2, 3, 4], plateau) == 1
    assert plateau_start([], plateau) is None


def test_without_a_validation_split_there_is_no_plateau() -> None:
    """Its metrics are NaN, which never improves."""
    assert plateau_start([float("nan")] * 9, Plateau(patience=1)) is None


def test_the_best_epoch_is_the_first_of_the_best() -> None:
    """The lowest loss, the highest accuracy."""
    history = [0.3, 0.1, 0.2, 0.1, 0.3]
    assert best_epoch(history, EarlyStopping(patience=1)) == 2
    assert best_epoch(history, EarlyStopping(patience=1, monitor="train_accuracy")) == 1
