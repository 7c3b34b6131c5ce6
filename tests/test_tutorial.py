"""docs/tutorial.md: every command on it runs, one after the other, and prints what stands there."""

import re
from pathlib import Path

import pytest

from project import REPOSITORY, new_project

PAGE = REPOSITORY / "docs/tutorial.md"

NUMBER = r"\d[\d,]*\.?\d*"

# What differs from run to run: a commit, a date.
PASSING = {r"\b[0-9a-f]{7}\b": "[0-9a-f]{7}", r"\d{4}-\d\d-\d\d": r"\\d{4}-\\d\\d-\\d\\d"}


def steps(page: str) -> list[tuple[str, list[str]]]:
    """Return the commands of the blocks that are marked as a console's, and what each prints."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"(?ms)^```console\n(.*?)^```", page):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def pattern(line: str) -> str:
    """Return what a line of the page matches, with a group for each of its numbers."""
    parts = re.split(f"({'|'.join(PASSING)}|{NUMBER}|…|\\s+)", line.rstrip())
    return "".join(_part(part) for part in parts) + r"[ \t]*"


def _part(part: str) -> str:
    for form, written in PASSING.items():
        if re.fullmatch(form, part):
            return written.replace("\\\\", "\\")
    if re.fullmatch(NUMBER, part):
        return f"({NUMBER})"
    if part == "…":
        return ".*"
    return r"[ \t]+" if part.isspace() else re.escape(part)


def numbers(line: str) -> list[float]:
    """Return the numbers of a line, without those of commits and dates."""
    for form in PASSING:
        line = re.sub(form, "", line)
    return [float(found.replace(",", "")) for found in re.findall(NUMBER, line)]


def holds(told: list[str], printed: str) -> None:
    """Hold what a command printed against the lines of the page, in their order."""
    rest = printed.splitlines()
    anywhere = False
    for line in told:
        if line == "…":
            anywhere = True
            continue
        places = range(len(rest)) if anywhere else range(min(1, len(rest)))
        matches = ((place, re.fullmatch(pattern(line), rest[place])) for place in places)
        place, match = next(((place, each) for place, each in matches if each), (0, None))
        assert match, f"the page says {line!r}; of what was printed is left:\n" + "\n".join(rest)
        # A processor without AVX2 gives results that agree within a tolerance.
        found = [float(number.replace(",", "")) for number in match.groups()]
        assert found == pytest.approx(numbers(line), rel=0.05, abs=0.02)
        rest, anywhere = rest[place + 1 :], False
    assert anywhere or not rest, f"the page says no more; printed was also:\n{rest}"


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    """From somebody's file to a merged change that is verified."""
    parameters = (REPOSITORY / "params.yaml").read_text()
    project = new_project(tmp_path / "project", "", parameters)
    (project.path / "datasets/digits.yaml").unlink()
    project.commit()
    found = steps(PAGE.read_text())
    assert len(found) > 15
    present = [f"--assume-old=.venv/{name}" for name in ("checked", "developer", "installed")]
    for command, told in found:
        # With these tests' environment in the place of `.venv`, and trials of this project alone.
        shell = re.sub(r"^make ", f"make {' '.join(present)} ", command)
        trials = ".optledger/trials"
        printed = project.run("sh", "-c", shell, OPTLEDGER_TRIALS=trials, PYTHONPATH="src")
        if told:
            holds(told, printed)


@pytest.mark.parametrize(
    ("told", "printed"),
    [
        (["sgd 0.9"], "sgd 0.7\n"),
        (["sgd 0.9"], "adam 0.9\n"),
        (["sgd"], "sgd\nadam\n"),
        (["…", "sgd", "adam"], "sgd\ngd\nadam\n"),
        (["sgd"], ""),
    ],
)
def test_another_output_is_noticed(told: list[str], printed: str) -> None:
    """A number, a word, a line too many, one between, none."""
    with pytest.raises(AssertionError):
        holds(told, printed)


def test_what_differs_from_run_to_run_may_differ() -> None:
    """Commits, dates, spaces, the last digits of a number, what is left out."""
    told = ["…", "1f5a9f3   2026-11-29  sgd 0.8425", "… in all"]
    holds(told, "a line\nabcdef0  2027-01-02  sgd    0.8427 \n7 in all\n")
