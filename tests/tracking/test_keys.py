import hashlib

import pytest

from optledger.core.formats import digest
from optledger.tracking.keys import (
    case_content,
    comparison_content,
    method_content,
    model_content,
    search_content,
    seed_content,
    variant_content,
)

CONTENT = {
    "name": "adam",
    "dataset": {"train_images": "aa"},
    "parameters": {"optimizer": {"name": "Adam"}, "learning_rate": 0.001},
    "seeds": [0, 1],
    "outputs": {"weights.npz": "bb"},
}


def test_the_variant_key_is_settled() -> None:
    """It never changes: runs in existing stores are found by it."""
    text = (
        '{"dataset":{"train_images":"aa"},"kind":"variant","name":"adam","outputs":{"weights.npz":"bb"},'
        '"parameters":{"learning_rate":0.001,"optimizer":{"name":"Adam"}},"seeds":[0,1]}'
    )
    assert digest(variant_content(**CONTENT)) == hashlib.sha256(text.encode()).hexdigest()


def test_the_seed_key_is_settled() -> None:
    """It is the variant's key and the seed."""
    text = '{"kind":"seed","seed":3,"variant":"cc"}'
    assert digest(seed_content("cc", 3)) == hashlib.sha256(text.encode()).hexdigest()


def test_the_search_key_is_settled() -> None:
    """It is the variant's key, the learning rate and the seed."""
    text = '{"kind":"search","learning_rate":0.001,"seed":1000,"variant":"cc"}'
    assert digest(search_content("cc", 0.001, 1000)) == hashlib.sha256(text.encode()).hexdigest()


def test_the_comparison_key_is_settled() -> None:
    """It is the variants' keys, the comparison's parameters and its tables."""
    text = (
        '{"kind":"comparison","outputs":{"t":"dd"},"parameters":{"metric":"f1"},'
        '"variants":{"adam":"cc"}}'
    )
    key = digest(comparison_content({"adam": "cc"}, {"metric": "f1"}, {"t": "dd"}))
    assert key == hashlib.sha256(text.encode()).hexdigest()


def test_the_case_key_is_settled() -> None:
    """It is the case's name, its parameters and its tables; `1.0` is `1`."""
    text = '{"kind":"case","name":"a","outputs":{"t":"dd"},"parameters":{"l2":1}}'
    key = digest(case_content("a", {"l2": 1.0}, {"t": "dd"}))
    assert key == hashlib.sha256(text.encode()).hexdigest()


def test_the_method_key_is_settled() -> None:
    """It is the case's key and the method's name."""
    text = '{"case":"cc","kind":"method","method":"adam"}'
    assert digest(method_content("cc", "adam")) == hashlib.sha256(text.encode()).hexdigest()


def test_the_model_key_is_settled() -> None:
    """It is the variant's key and the seed."""
    text = '{"kind":"model","seed":3,"variant":"cc"}'
    assert digest(model_content("cc", 3)) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("part", CONTENT)
def test_every_part_of_the_content_counts(part: str) -> None:
    """Another name, other data, parameters, seeds or outputs are another run."""
    changed = {"seeds": [7], "name": "adam_again"}.get(part, {"other": 1})
    assert digest(variant_content(**CONTENT)) != digest(
        variant_content(**(CONTENT | {part: changed}))
    )


def test_integer_floats_are_the_same_parameter() -> None:
    """DVC reruns nothing for `1` against `1.0`, and no new run appears either."""
    one = digest(variant_content(**(CONTENT | {"parameters": {"learning_rate": 1}})))
    assert one == digest(variant_content(**(CONTENT | {"parameters": {"learning_rate": 1.0}})))
