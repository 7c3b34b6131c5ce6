"""Downloading and preparing the data for trials, by the pipeline's first stages."""

import subprocess
import sys

from optledger.core import git
from optledger.core.errors import UserError
from optledger.pipeline import toolchain


def prepare() -> None:
    """Let DVC download and prepare the data that params.yaml names, unless they are here.

    Raises:
        UserError: DVC failed; it has printed why.
    """
    command = [sys.executable, "-m", "dvc", "repro", "--quiet", "preprocess"]
    environment = git.environment() | toolchain.variables()
    if subprocess.run(command, check=False, env=environment).returncode:
        raise UserError("dvc repro preprocess failed, as it says above")
