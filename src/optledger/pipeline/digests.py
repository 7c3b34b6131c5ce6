"""MD5 digests as DVC computes them, always from the bytes themselves.

DVC trusts its own notes on a file whose time, size and inode have not changed, and any cache object
that is read-only. Here everything is read, each inode once.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from optledger.core.formats import open_regular, tree_digest

_CHUNK_BYTES = 1 << 20


class Digests:
    """Digests of files and folders, remembered by inode.

    Attributes:
        bytes_read: number of bytes read so far.
    """

    def __init__(
        self, files_below: Callable[[str], Iterable[str]], on_bytes: Callable[[int], object]
    ) -> None:
        """Remember nothing yet.

        Args:
            files_below: lists the files below a folder that belong to its digest.
            on_bytes: called with the size of each chunk that is read.
        """
        self._files_below = files_below
        self._on_bytes = on_bytes
        self._known: dict[tuple[int, int], str] = {}
        self.bytes_read = 0

    def of(self, path: Path) -> str | None:
        """Return the digest of a file or folder as in dvc.lock; None if the path does not exist."""
        if path.is_dir():
            return tree_digest(self.entries(path))
        return self.of_file(path) if path.exists() else None

    def entries(self, folder: Path) -> dict[str, str]:
        """Return the digest of each file below a folder, by its path relative to the folder."""
        files = sorted(map(Path, self._files_below(str(folder))))
        return {file.relative_to(folder).as_posix(): self.of_file(file) for file in files}

    def of_file(self, path: Path) -> str:
        """Return the digest of a file's bytes."""
        with open_regular(path) as file:
            status = path.stat()
            inode = (status.st_dev, status.st_ino)
            if inode not in self._known:
                self._known[inode] = self._read(file)
            return self._known[inode]

    def _read(self, file: BinaryIO) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            self.bytes_read += len(chunk)
            self._on_bytes(len(chunk))
        return digest.hexdigest()
