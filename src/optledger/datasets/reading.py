"""The items of a dataset, read from files of any format."""

from pathlib import Path

from optledger.datasets.formats import idx, images, npz, table
from optledger.datasets.items import Items
from optledger.datasets.registry import Entry, Idx, Images, Npz


def read(dataset: Entry, folder: Path) -> Items:
    """Read the files of a dataset from a folder.

    Raises:
        UserError: the files are not what the dataset's entry says.
    """
    match dataset:
        case Idx():
            return idx.read(dataset, folder)
        case Npz():
            return npz.read(dataset, folder)
        case Images():
            return images.read(dataset, folder)
        case _:
            return table.read(dataset, folder)
