import os
import subprocess
import sys
from math import inf
from pathlib import Path

import pytest

from optledger.execution import processors

GROUPS = Path("/sys/fs/cgroup")


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("0::/a/b", {"a/b/cpu.max": "150000 100000"}, 1.5),
        # The least along the path counts; a group may have none.
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "50000 100000"}, 0.5),
        ("0::/a/b", {"a/b/cpu.max": "100000 100000", "a/cpu.max": "400000 100000"}, 1),
        ("0::/a", {"a/cpu.max": "max 100000", "b/cpu.max": "50000 100000"}, inf),
        # In a container: its group is the mount, whatever the host calls it.
        ("0::/", {"cpu.max": "200000 100000"}, 2),
        ("0::/docker/id", {"cpu.max": "200000 100000"}, 2),
        # Version 1, alone and beside version 2.
        ("4:cpu,cpuacct:/a\n0::/", {"cpu/a/cpu.cfs_quota_us": "-1"}, inf),
        (
            "4:cpu,cpuacct:/a\n3:cpuset:/\n0::/",
            {"cpu/a/cpu.cfs_quota_us": "30000\n", "cpu/a/cpu.cfs_period_us": "10000\n"},
            3,
        ),
        ("1:cpu:/\n0::/a", {"unified/a/cpu.max": "50000 100000"}, 0.5),
        ("", {}, inf),
    ],
)
def test_the_quota_is_that_of_the_group_and_of_those_around_it(
    membership: str, files: dict[str, str], quota: float, tmp_path: Path
) -> None:
    """The files are those of Linux's control groups."""
    (tmp_path / "membership").write_text(membership)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert processors.quota(tmp_path, tmp_path / "membership") == quota


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    """As macOS."""
    assert processors.quota(tmp_path, tmp_path / "none") == inf


@pytest.mark.parametrize(("quota", "count"), [(0.5, 1), (1, 1), (1.5, 2), (2.1, 3), (inf, 4)])
def test_a_part_of_a_processor_counts_as_one(
    quota: float, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the quota is used, and never more than the cores."""
    monkeypatch.setattr(processors, "quota", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    assert processors.available() == count


def test_a_real_quota_counts() -> None:
    """In a control group that is made for it, which takes root's rights."""
    group = GROUPS / "cpu/optledger-test"
    try:
        group.mkdir()
        (group / "cpu.cfs_quota_us").write_text("50000")
    except OSError as error:
        pytest.skip(f"found no control groups of version 1 to write: {error}")
    program = (
        "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()));"
        "from optledger.execution import processors; print(processors.available())"
    )
    try:
        command = [sys.executable, "-c", program, str(group / "cgroup.procs")]
        assert subprocess.check_output(command, text=True) == "1\n"
    finally:
        group.rmdir()
