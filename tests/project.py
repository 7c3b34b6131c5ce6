"""A real checkout of this project, for tests that run its commands in it."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import warm

REPOSITORY = Path(__file__).parents[1]

# Batches of 30 leave none of the 1,350 train images over: a smaller last batch is a second step to
# compile, and is tested where the engine is.
DIGITS_PARAMS = """\
dataset: digits
split: {validation_fraction: 0.1, seed: 0}
model: {name: mlp, hidden_units: [16]}
training: {epochs: 3, batch_size: 30, loss: CategoricalCrossentropy}
search: {strategy: grid, trials: 3, seed: 1000}
seeds: {first: 0, count: 2}
convergence: {patience: 2}
comparison: {metric: accuracy}
cases:
  linear_regression:
    model: linear_regression
    test_fraction: 0.2
    seed: 7
    l2: 0
    epochs: 40
    methods:
      momentum: {rule: momentum, learning_rate: 5}
      sgd: {rule: gradient_descent, learning_rate: 0.002, batch_size: 64}
variants:
  gd: {optimizer: SGD, learning_rate: 0.5, batch_size: full, epochs: 5}
  adam: {optimizer: Adam, learning_rate: 0.01}
"""


@dataclass(frozen=True)
class Project:
    """A Git and DVC checkout of this project that is set to the digits."""

    path: Path
    cold: bool = False
    """Whether commands start as they do elsewhere, and not in a child of a warm process.

    Then nothing that they train is kept, either.
    """

    def start(
        self, *command: str, terminal: int | None = None, **environment: str
    ) -> "subprocess.Popen[str]":
        """Start a command in the checkout, in a process group of its own.

        Args:
            command: the program and its arguments.
            terminal: the file descriptor of what it prints to, if not a pipe.
            environment: variables to set, beside those that are set here.
        """
        site = self.path.parent / "site cache"
        # MAKE...: what a `make test` around this would tell a `make` in it.
        outer = ("DVC_", "MLFLOW_", "OPTLEDGER_", "GIT_", "PYTHONPATH", "MAKE", "MFLAGS")
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(outer)
        }
        places = [] if self.cold else [warm.commands()]
        # Each worker compiles what it trains, which takes seconds; the bytes are those of any
        # number. What one test has trained is kept for the others.
        shared = None if self.cold else warm.shared_folder()
        trials = "" if shared is None else str(shared / "trials")
        workers = {} if self.cold else {"OPTLEDGER_WORKERS": "1"}
        path = [*filter(None, places), Path(sys.executable).parent, os.environ["PATH"]]
        return subprocess.Popen(
            command,
            cwd=self.path,
            env={
                **inherited,
                "PATH": os.pathsep.join(map(str, path)),
                "DVC_SITE_CACHE_DIR": str(site),
                "DVC_NO_ANALYTICS": "true",
                "OPTLEDGER_TRIALS": trials,
                **workers,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if terminal is None else terminal,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_heed_interruptions,
        )

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Run a command in the checkout; return what it prints, errors included."""
        process = self.start(*command, terminal=None, **environment)
        printed, _ = process.communicate()
        if check and process.returncode != 0:
            raise AssertionError(f"{command} exited with {process.returncode}:\n{printed}")
        return printed

    def begin(self) -> None:
        """Make the folder a repository of Git's, on the branch main."""
        self.run("git", "init", "--quiet", "--initial-branch", "main", "--template=")
        self.run("git", "config", "user.name", "Tests")
        self.run("git", "config", "user.email", "tests@localhost")

    def commit(self) -> None:
        """Commit everything that Git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "state")

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace `old`, which occurs once, in a file of the checkout."""
        text = (self.path / file).read_text()
        assert text.count(old) == 1
        (self.path / file).write_text(text.replace(old, new))

    def read(self, file: str) -> bytes:
        """Return the content of a file of the checkout."""
        return (self.path / file).read_bytes()

    def copy(self, path: Path) -> "Project":
        """Return an independent copy at `path`, the DVC cache included."""
        # Git's lock of a moment, as another test copies the same checkout and looks at it.
        passing = shutil.ignore_patterns("index.lock")
        shutil.copytree(self.path, path, symlinks=True, ignore=passing)
        return replace(self, path=path)


def _heed_interruptions() -> None:
    """Undo what a shell does to what it runs in the background, the tests included."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def new_project(
    path: Path, entry: str, params: str = DIGITS_PARAMS, *, cold: bool = False
) -> Project:
    """Make a checkout of this project's files, as they stand, that is set to the digits.

    It has no tests: copies of it are made by the hundred, and each file costs time.
    """
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        left_out = name == "dvc.lock" or name.startswith(("results/", "tests/"))
        if not left_out and (REPOSITORY / name).exists():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, path / name)
    (path / "params.yaml").write_text(params)
    (path / "datasets/digits.yaml").write_text(entry)
    project = Project(path, cold)
    project.begin()
    project.commit()
    # One file in the place of each object.
    project.run("git", "repack", "-adq")
    return project
