"""download: bring the dataset's files to data/raw/, verified by their checksums."""

from optledger import stages
from optledger.core import params
from optledger.core.formats import new_directory
from optledger.core.paths import RAW
from optledger.datasets import registry
from optledger.datasets.sources import fetch


def main() -> None:
    """Run the stage."""
    name = params.load().dataset
    with new_directory(RAW) as directory:
        fetch(name, registry.load(name), directory)


if __name__ == "__main__":
    stages.run(main)
