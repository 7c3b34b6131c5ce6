"""Makes TensorFlow compute for the same processor everywhere: x86-64 with AVX2 and FMA.

The environment (`runtime.ENVIRONMENT`) sets this for XLA and oneDNN. Two other libraries inside
TensorFlow ask only the processor, and its answers change the last bits of matrix products. Eigen
divides the products into blocks by the sizes of the caches. YNNPACK chooses kernels by the
instruction sets.

Each of the two keeps the answer in a variable, which this module sets before the library asks. The
variables are not exported, so the module finds them in the library's symbol table.
docs/verification.md has the measurements.
"""

import ctypes
import mmap
import platform
import struct
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

INSTRUCTION_SET = "AVX2"
"""The instruction set that computes the results on every processor that has it."""

_NEEDED = {"avx2", "fma"}

# Bytes of L1, L2 and L3: those of AMD's Zen 3, the smallest among common processors with AVX2.
_CACHES = (32 << 10, 512 << 10, 32 << 20)

# YNNPACK's flags for the instruction sets up to AVX2 and FMA, without AVX-512.
_KERNELS = 0x7F

# The type and the value of each variable, by its symbol. Both are static variables in functions.
_VARIABLES: dict[str, tuple[Any, Any]] = {
    "_ZZN5Eigen8internal20manage_caching_sizesENS_6ActionEPlS2_S2_E12m_cacheSizes": (
        ctypes.c_ssize_t * 3,
        _CACHES,
    ),
    "_ZZN3ynn24get_supported_arch_flagsEvE5flags": (ctypes.c_uint64 * 1, (_KERNELS,)),
}

# A row of an ELF file's section table, and one of its symbol table. The latter begins with the
# place of the symbol's name, and ends with its address and size.
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = np.dtype("<u4, u1, u1, <u2, <u8, <u8")
_SYMBOLS = 2


def instruction_set() -> str:
    """Return the instruction set of trials here: AVX2, or the kind of processor without the pin."""
    return INSTRUCTION_SET if why_not() is None else f"{platform.machine()} without the pin"


def why_not() -> str | None:
    """Return why results may have other bytes here than elsewhere; None if they are the same."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return f"this is {platform.system()} on {platform.machine()}, not Linux on x86-64"
    if not set(flags().split()) >= _NEEDED:
        return "this processor has no AVX2"
    if not _addresses():
        return "this build of TensorFlow does not tell where it keeps what it knows of processors"
    return None


def pin() -> None:
    """Set the facts that the imported TensorFlow has stored about this processor.

    Do nothing where `why_not` returns a reason.
    """
    if why_not() is not None:
        return
    loaded = _loaded_at(_library())
    for name, (kind, value) in _VARIABLES.items():
        kind.from_address(loaded + _addresses()[name])[:] = value
        # The guard tells C++ that the variable is already initialized.
        ctypes.c_uint8.from_address(loaded + _addresses()[_guard(name)]).value = 1


def flags() -> str:
    """Return the line with the processor's features on Linux; an empty text elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _library() -> Path:
    package = find_spec("tensorflow")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("libtensorflow_cc.so.2")


def _guard(variable: str) -> str:
    return variable.replace("_ZZ", "_ZGVZ", 1)


@cache
def _addresses() -> dict[str, int]:
    """Return the addresses of variables and guards in the library; empty if one is missing."""
    names = [name for variable in _VARIABLES for name in (variable, _guard(variable))]
    library = _library()
    if not library.exists():
        return {}
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content:
        found = {name: _address(content, name) for name in names}
    addresses = {name: address for name, address in found.items() if address}
    return addresses if len(addresses) == len(names) else {}


def _address(content: mmap.mmap, name: str) -> int | None:
    """Return the address of a symbol in a 64-bit ELF file; None if the file does not have it."""
    (table,) = struct.unpack_from("<Q", content, 0x28)
    size, count = struct.unpack_from("<HH", content, 0x3A)
    sections = [_SECTION.unpack_from(content, table + size * row) for row in range(count)]
    for _, kind, _, _, start, length, link, *_ in sections:
        if kind == _SYMBOLS:
            texts, end = sections[link][4], sections[link][4] + sections[link][5]
            place = content.find(f"\0{name}\0".encode(), texts, end)
            symbols = np.frombuffer(content, _SYMBOL, length // _SYMBOL.itemsize, start)
            addresses = symbols["f4"][symbols["f0"] == place + 1 - texts].tolist()
            del symbols
            if place >= 0 and addresses:
                return int(addresses[0])
    return None


def _loaded_at(library: Path) -> int:
    """Return the address at which this process has loaded a library.

    Raises:
        RuntimeError: the library is not loaded.
    """
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, _, offset, _, _, *path = line.split(maxsplit=5)
        if path and int(offset, 16) == 0 and Path(path[0]).name == library.name:
            return int(span.partition("-")[0], 16)
    raise RuntimeError(f"{library} is not loaded")
