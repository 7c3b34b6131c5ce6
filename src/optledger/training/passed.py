"""A record of passed checks, so that unchanged parameters are not checked again."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from optledger.core import git
from optledger.core.errors import UserError
from optledger.core.formats import digest, read, replacing
from optledger.core.params import Params
from optledger.datasets.interface import Interface
from optledger.training import models
from optledger.training.program import program
from optledger.trials.specify import specify

FOLDER = Path(".optledger")
"""The folder of the record, relative to the main repository's root."""

_CHECKS = "optledger.training.checks"
_MOST = 100


class Passed:
    """A file with a digest for each passed check, of all that decides its outcome."""

    def __init__(self, settings: Params, examples: Mapping[str, int], interface: Interface) -> None:
        """Compute the digest for a check of these parameters.

        Args:
            settings: the parameters to check.
            examples: by variant, how many examples it trains on.
            interface: the dataset's interface.
        """
        variants = settings.variants.values()
        names = sorted({variant.model.name for variant in variants})
        programs = {name: program([_CHECKS], name).document for name in names}
        self._digest = digest(
            [
                [asdict(specify(variant, interface)), str(variant.learning_rate), examples[name]]
                for name, variant in settings.variants.items()
            ]
            + [[programs[name], str(models.hidden(name))] for name in names]
        )
        self._path = git.main_root() / FOLDER / "checked"

    def __bool__(self) -> bool:
        """Whether these parameters passed before."""
        return self._digest in self._known()

    def note(self) -> None:
        """Record that they passed. If the file cannot be written, they are checked again."""
        known = [*self._known(), self._digest][-_MOST:]
        with suppress(OSError), replacing(self._path) as temporary:
            temporary.write_text("\n".join(known))

    def _known(self) -> list[str]:
        try:
            return read(self._path).decode(errors="replace").split()
        except (OSError, UserError):
            return []
