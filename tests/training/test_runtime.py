import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from optledger.training import runtime
from optledger.training.runtime import ENVIRONMENT

PROCESSOR = Path("/proc/cpuinfo")

# XLA reads its flags when it first compiles, so one import serves a child for each setting.
PROGRAM = """
import json, os, sys
from optledger.training import runtime
runtime.import_tensorflow()
import tensorflow as tf
for name, flags in json.loads(sys.argv[2]).items():
    child = os.fork()
    if not child:
        runtime.use_one_thread()
        assert tf.config.threading.get_intra_op_parallelism_threads() == 1
        assert not tf.config.get_visible_devices("GPU")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_dump_to={sys.argv[1]}/{name}"

        @tf.function(jit_compile=True)
        def layer(a, b):
            product = tf.exp(a @ b)
            total = tf.reduce_sum(tf.where(product > 1.0, product, -product), axis=0)
            return total / tf.sqrt(product)

        layer(tf.ones((32, 784)), tf.ones((784, 128)))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of what XLA makes of one function, named after what its flags are."""
    dump = tmp_path_factory.mktemp("dump")
    pinned = ENVIRONMENT["XLA_FLAGS"]
    flags = {name: pinned.replace("AVX2", name) for name in ("AVX2", "SSE4_2", "NO_SUCH_SET")}
    flags |= {"pinned": pinned, "estimates": pinned.split()[0]}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, dump, json.dumps(flags)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dump


@pytest.fixture(scope="module")
def machine_code(dumps: Path) -> dict[str, str]:
    """Digests of the code, by the name of the folder."""
    return {folder.name: _digest(folder) for folder in dumps.iterdir()}


def _digest(folder: Path) -> str:
    objects = sorted(folder.glob("*.o"))
    assert objects
    return hashlib.sha256(b"".join(path.read_bytes() for path in objects)).hexdigest()


def test_the_pinned_instruction_set_takes_effect(machine_code: dict[str, str]) -> None:
    """The code is that for AVX2, and not that for an older set."""
    assert machine_code["pinned"] == machine_code["AVX2"]
    assert machine_code["pinned"] != machine_code["SSE4_2"]


@pytest.mark.skipif(
    not PROCESSOR.exists() or "avx512f" not in PROCESSOR.read_text(),
    reason="this processor has nothing beyond AVX2 to be kept from",
)
def test_a_wider_processor_is_kept_to_it(machine_code: dict[str, str]) -> None:
    """Without a limit, which a misspelt one silently is, the code would be another."""
    assert machine_code["pinned"] != machine_code["NO_SUCH_SET"]


def test_no_root_is_estimated(dumps: Path) -> None:
    """An instruction does that in a way of each maker's own; without the flag, XLA begins with it.

    Keras's RMSprop divides by a root.
    """
    estimates = {
        folder.name: sum(
            len(re.findall(r"llvm\.x86\.\w+\.rsqrt", each.read_text()))
            for each in folder.glob("*.ll")
        )
        for folder in dumps.iterdir()
    }
    assert estimates["pinned"] == 0
    assert estimates["estimates"] > 0


def test_the_pin_is_what_this_process_has() -> None:
    """The tests themselves compute in the pinned environment."""
    assert {name: os.environ.get(name) for name in ENVIRONMENT} == ENVIRONMENT


@pytest.mark.parametrize(
    "name",
    [
        # Each of these changed the bytes of a training.
        *("DNNL_MAX_CPU_ISA", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL"),
        # This one does where the processor multiplies in bfloat16, and that one ends a training.
        *("ONEDNN_DEFAULT_FPMATH_MODE", "KERAS_NNX_ENABLED"),
    ],
)
def test_what_else_steers_the_libraries_is_dropped(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its value; those that the pin itself sets have that one."""
    monkeypatch.setenv(name, "1")
    runtime.pin()
    assert os.environ.get(name) == ENVIRONMENT.get(name)


def test_what_only_prints_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONEDNN_VERBOSE=1 names the kernels that run."""
    monkeypatch.setenv("ONEDNN_VERBOSE", "1")
    runtime.pin()
    assert os.environ["ONEDNN_VERBOSE"] == "1"
