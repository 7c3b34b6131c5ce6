"""Finished trials by key, kept between runs, so that no trial is trained twice.

A key is the digest of all that a trial's bytes depend on. An entry is one file with three parts:

- a line with the digest of the next line;
- a line of JSON that tells how the trial went, and has the digest of the weights;
- the weights.

Digests catch damage, not malice: everybody who can write to the place is trusted.
"""

import hashlib
import io
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from optledger.core.errors import UserError, printable, refused, without_credentials
from optledger.core.formats import digest, pack_npz, unpack_npz
from optledger.trials.observations import FinishedTrial, TrialObservation
from optledger.trials.places import Item, Place
from optledger.trials.trial import Divergence, Epoch, TrialResult, Weights

_FORMAT = b"optledger trial 1 "

Document = Mapping[str, Any]
"""All that a trial's bytes depend on, as JSON has it."""


Read = TypeVar("Read")


class DamagedError(Exception):
    """An entry is not what was written, or a file is no entry."""


class Header(NamedTuple):
    """The part of an entry before its weights.

    Attributes:
        document: the document whose digest is the key.
        finished: the trial, without its weights.
        body: SHA-256 of the weights' bytes; None if there are no weights.
    """

    document: Document
    finished: FinishedTrial
    body: str | None


class Entries:
    """The entries of a place by key, listed once. Without a place, nothing is kept.

    A failure to list, read or write prints a line, and the entries concerned are made again.
    """

    def __init__(self, place: Place | None, what: str, made: str) -> None:
        """List the place.

        Args:
            place: where the entries are; None to keep nothing.
            what: the entries' name in messages, for example `finished trials`.
            made: how an entry comes about, in messages, for example `trained`.
        """
        self.place = place
        self._what, self._made = what, made
        self._told: set[str] = set()
        self._items: dict[str, Item] = {}
        try:
            self._items = dict(place.items()) if place else {}
        except Exception as error:
            self._tell(f"{place}: {_cause(error)}; {what} are not looked up")

    def __contains__(self, key: str) -> bool:
        """Whether there is an entry of this name; its content is not read."""
        return key in self._items

    @property
    def items(self) -> Mapping[str, Item]:
        """All known entries by key."""
        return dict(self._items)

    def remove(self, key: str) -> None:
        """Remove an entry.

        Raises:
            UserError: the entry cannot be removed.
        """
        assert self.place is not None
        try:
            self.place.remove(key)
        except Exception as error:
            raise UserError(f"{self.place.path(key)}: {_cause(error)}") from None
        self._items.pop(key, None)

    def write(self, key: str, content: bytes) -> bool:
        """Write an entry; return whether it is kept. A failure prints a line."""
        if self.place is None:
            return False
        try:
            self.place.write(key, content)
        except Exception as error:
            self._tell(f"{self.place}: {_cause(error)}; {self._what} are not kept")
            return False
        self._items[key] = Item(len(content), None)
        return True

    def sound(
        self, key: str, read: Callable[[str, bytes], Read], head: bool = False
    ) -> Read | None:
        """Return an entry as `read` parses it; None if it is missing or damaged.

        Args:
            key: the entry's key.
            read: parses an entry from its key and content, or raises DamagedError.
            head: whether the entry's first two lines are enough.
        """
        if key not in self._items or self.place is None:
            return None
        try:
            return read(key, self.place.read(key, head))
        except FileNotFoundError:
            # The entry was removed after it was listed.
            pass
        except DamagedError as error:
            self._tell(f"{self.place.path(key)}: {error}; it is {self._made} again")
        except Exception as error:
            self._tell(f"{self.place}: {_cause(error)}; {self._what} are {self._made} again")
        del self._items[key]
        return None

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            print(printable(line), file=sys.stderr, flush=True)


class Store(Entries):
    """The finished trials of a place."""

    def __init__(self, place: Place | None) -> None:
        """List the place."""
        super().__init__(place, "finished trials", "trained")

    def header(self, key: str) -> Header | None:
        """Return an entry's header; None if the entry is missing or damaged."""
        return self.sound(key, _head, head=True)

    def trial(self, key: str) -> FinishedTrial | None:
        """Return a finished trial with its weights; None if it is missing or damaged."""
        return self.sound(key, unpack)

    def damage(self, key: str) -> str | None:
        """Return what is wrong with an existing entry; None if it is sound."""
        assert self.place is not None
        try:
            unpack(key, self.place.read(key))
        except DamagedError as error:
            return str(error)
        except Exception as error:
            return _cause(error)
        return None

    def put(self, document: Document, finished: FinishedTrial) -> bool:
        """Write a finished trial; return whether it is kept. A failure prints a line."""
        return self.place is not None and self.write(digest(document), pack(document, finished))

    def headers(self) -> Iterator[tuple[str, Header]]:
        """Yield the key and the header of every sound entry."""
        for key in list(self._items):
            if header := self.header(key):
                yield key, header


def pack(document: Document, finished: FinishedTrial) -> bytes:
    """Return the bytes of an entry."""
    result, observation = finished
    body = b""
    if result.weights:
        file = io.BytesIO()
        pack_npz(file, result.weights)
        body = file.getvalue()
    header = {
        "document": document,
        "history": [[_or_none(value) for value in epoch] for epoch in result.history],
        "kept_epoch": result.kept_epoch,
        "divergence": result.divergence,
        "observation": observation and observation.model_dump(mode="json"),
        "body": hashlib.sha256(body).hexdigest() if body else None,
    }
    line = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    return b"%s%s\n%s\n%s" % (_FORMAT, hashlib.sha256(line).hexdigest().encode(), line, body)


def unpack(key: str, content: bytes) -> FinishedTrial:
    """Return the finished trial that an entry holds.

    Raises:
        DamagedError: the content is no sound entry, or that of another key.
    """
    header, body = _header(key, content)
    if header.body is None:
        return header.finished
    if hashlib.sha256(body).hexdigest() != header.body:
        raise DamagedError("found other weights than were written")
    weights: Weights = unpack_npz(io.BytesIO(body))
    result, observation = header.finished
    return FinishedTrial(result.with_weights(weights), observation)


def _head(key: str, content: bytes) -> Header:
    header, _ = _header(key, content)
    return header


def _header(key: str, content: bytes) -> tuple[Header, bytes]:
    first, _, rest = content.partition(b"\n")
    line, _, body = rest.partition(b"\n")
    if not first.startswith(_FORMAT):
        raise DamagedError("found no finished trial of this version")
    if first.removeprefix(_FORMAT) != hashlib.sha256(line).hexdigest().encode():
        raise DamagedError("found other bytes than were written")
    told = json.loads(line)
    if digest(told["document"]) != key:
        raise DamagedError("found another trial's entry")
    trial = told["document"]["trial"]
    result = TrialResult(
        learning_rate=float(trial["learning_rate"]),
        seed=trial["seed"],
        weights={},
        history=[Epoch(*map(_or_nan, epoch)) for epoch in told["history"]],
        kept_epoch=told["kept_epoch"],
        divergence=Divergence(*told["divergence"]) if told["divergence"] else None,
    )
    observed = told["observation"]
    observation = TrialObservation.model_validate(observed) if observed else None
    return Header(told["document"], FinishedTrial(result, observation), told["body"]), body


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _cause(error: Exception) -> str:
    """Return in one line why a place could not be used."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (
        without_credentials(" ".join((refused(error) or str(error)).split()))[:200]
        or type(error).__name__
    )
