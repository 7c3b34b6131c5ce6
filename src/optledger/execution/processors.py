"""Counts the processors that this process may use."""

import os
from collections.abc import Iterator
from math import ceil, inf
from pathlib import Path, PurePath

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def available() -> int:
    """Return how many cores this process is bound to, or its container's quota if that is less.

    A quota of one and a half counts as two, so that all of it is used. Java and Go do the same.
    """
    # Linux may bind a process to some of the cores; elsewhere it has all of them.
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return ceil(min(cores, quota()))


def quota(groups: Path = _GROUPS, membership: Path = _MEMBERSHIP) -> float:
    """Return the limit that Linux's control groups set, as a number of processors; maybe infinite.

    Args:
        groups: where the control groups are mounted.
        membership: the file that names the groups of this process.
    """
    return min(_quotas(groups, membership), default=inf)


def _quotas(groups: Path, membership: Path) -> Iterator[float]:
    """Yield the quota of each group that has one: the process's own group and its parents."""
    for line in _text(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        # Inside a container, the path may be the host's. The mount itself is then the group.
        own = PurePath(path.lstrip("/"))
        for group in (own, *own.parents):
            if not controllers:
                for mount in (groups, groups / "unified"):
                    yield from _ratio(_text(mount / group / "cpu.max"))
            elif "cpu" in controllers.split(","):
                folder = groups / "cpu" / group
                files = [folder / f"cpu.cfs_{name}_us" for name in ("quota", "period")]
                yield from _ratio(" ".join(map(_text, files)))


def _ratio(time_and_period: str) -> Iterator[float]:
    """Yield the limit as a number of processors, if there is one: neither "max" nor -1."""
    match time_and_period.split():
        case [time, period] if time.isdecimal():
            yield int(time) / int(period)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
