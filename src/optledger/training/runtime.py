"""The environment that TensorFlow needs at its import, so that a trial always gives the same bytes.

Importing this module does not import TensorFlow. Call `pin` before importing TensorFlow, or before
starting a process that will import it.
"""

import os
import sys
import tempfile
from pathlib import Path

from optledger.training import kernels

ENVIRONMENT = {
    # One instruction set for every x86-64 processor with AVX2, as wider ones round differently. No
    # estimate of 1/sqrt(x), as it differs between makers of processors.
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2 "
    "--xla_backend_extra_options=xla_cpu_disable_platform_dependent_math",
    # The same for matrix products, whose kernels oneDNN chooses at run time.
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    # Byte equality is promised on CPUs only, and this work is small.
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    # Where Keras reads its settings (precision, epsilon), in place of the user's own file.
    "KERAS_HOME": str(Path(sys.prefix) / "keras"),
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

FOREIGN = (
    *("TF_", "TENSORFLOW_", "XLA_", "KERAS_", "ONEDNN_", "DNNL_", "MKL_", "KMP_", "OMP_"),
    *("OPENBLAS_", "GOTO_", "NPY_"),
)
"""Prefixes of other variables that steer these libraries: kernels, backends, settings."""

_KEPT = {"ONEDNN_VERBOSE"}
"""Variables with such a prefix that stay, as they only print what is done."""

THREADS = 1
"""Threads per trial. One, because another summation order changes the last bits."""

_UNUSED = ("matplotlib", "sklearn")


def pin() -> None:
    """Set the environment that TensorFlow reads at its import, and remove variables that steer it.

    Raises:
        RuntimeError: TensorFlow was imported before, with another environment.
    """
    wanted = {name: os.environ.get(name) == value for name, value in ENVIRONMENT.items()}
    if "tensorflow" in sys.modules and not all(wanted.values()):
        raise RuntimeError("TensorFlow was imported before its environment was pinned")
    for name in list(os.environ):
        if name.startswith(FOREIGN) and name not in _KEPT:
            del os.environ[name]
    os.environ.update(ENVIRONMENT)


def import_tensorflow() -> None:
    """Import TensorFlow in the pinned environment, silently and in half the time.

    TensorFlow reports missing GPUs and its own build on the error stream before any setting can
    silence it. These messages are shown only if the import fails.

    Keras would import the packages in `_UNUSED`, for features that nothing here uses. They are
    hidden from it to save time.
    """
    pin()
    unused = [name for name in _UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unused))  # type: ignore[arg-type] # None hides a module
    with tempfile.TemporaryFile() as said:
        error_stream = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            import tensorflow  # noqa: F401 # imported for its own sake
        except BaseException:
            said.seek(0)
            os.write(error_stream, said.read())
            raise
        finally:
            os.dup2(error_stream, 2)
            os.close(error_stream)
            for name in unused:
                del sys.modules[name]
    kernels.pin()
    if reason := kernels.why_not():
        told = "bytes may differ from those of other machines, and results agree within tolerance"
        print(f"{reason}: {told} (docs/verification.md)", file=sys.stderr)


def use_one_thread() -> None:
    """Make TensorFlow compute with one thread in this process.

    Raises:
        RuntimeError: TensorFlow has already computed something.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
