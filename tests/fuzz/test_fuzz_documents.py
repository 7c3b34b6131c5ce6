"""YAML documents in all their forms: read as DVC reads them, or refused in a line."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damages import documents
from dvc.utils.serialize import load_yaml
from hypothesis import given
from profiles import examples
from refusals import attempt

from optledger.core import params
from optledger.core.documents import read_yaml
from optledger.datasets import registry
from optledger.pipeline import experiments, lock
from project import DIGITS_PARAMS, REPOSITORY

LOCK = """\
schema: '2.0'
stages:
  download:
    cmd: python -I src/optledger/stages download
    deps:
    - path: src/optledger/core/errors.py
      hash: md5
      md5: 0123456789abcdef0123456789abcdef
      size: 5
    params:
      params.yaml:
        dataset: digits
    outs:
    - {path: data/raw, hash: md5, md5: 0123456789abcdef0123456789abcdef.dir, size: 5, nfiles: 4}
"""

EXPERIMENT = """\
training: {epochs: 5, batch_size: full}
comparison: null
variants:
  gd: null
  adam: {learning_rate: [0.01, 0.1]}
  "new": {optimizer: {name: SGD, momentum: 0.9}, learning_rate: {low: 0.1, high: 1}, l2: 1e-4}
"""

READERS: dict[str, tuple[bytes, Callable[[Path], Any]]] = {
    "params.yaml": (DIGITS_PARAMS.encode(), params.load),
    "mnist.yaml": (
        (REPOSITORY / "datasets/mnist.yaml").read_bytes(),
        lambda path: registry.load("mnist", path.parent),
    ),
    "dvc.lock": (LOCK.encode(), lock.outputs),
    "dvc.yaml": ((REPOSITORY / "dvc.yaml").read_bytes()[:1500], read_yaml),
    "odd.yaml": (EXPERIMENT.encode(), lambda path: experiments.load("odd")),
}


@pytest.mark.parametrize("name", READERS)
def test_documents(
    name: str, tally: Counter[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is accepted means what it means for DVC."""
    original, read = READERS[name]
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(DIGITS_PARAMS)
    Path("experiments").mkdir()
    path = Path("experiments/odd.yaml" if name == "odd.yaml" else name)

    @examples(test=12, fuzz=2500)
    @given(documents(original))
    def property_(content: bytes) -> None:
        path.write_bytes(content)
        if attempt(tally, lambda: [read(path)]):
            # DVC takes nothing for an empty mapping.
            assert repr(read_yaml(path) or {}) == repr(load_yaml(path))

    property_()
