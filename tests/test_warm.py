"""What commands of the tests run in the place of a Python of their own."""

from project import Project

PROGRAM = """
from optledger.core import paths
from optledger.trials import code
print(paths.__file__, paths.__spec__.origin, code._SOURCE, paths.RAW)
"""


def test_a_child_runs_the_code_of_its_checkout(project: Project) -> None:
    """Whether that is what the warm process has imported already, or another."""
    src = project.path / "src"
    file = src / "optledger/core/paths.py"
    for folder in ("data/raw", "data/other"):
        printed = project.run("python", "-c", PROGRAM, PYTHONPATH="src")
        assert printed == f"{file} {file} {src} {folder}\n"
        if folder == "data/raw":
            project.edit("src/optledger/core/paths.py", '"data/raw"', '"data/other"')
