"""Whether results are official or a try, and where they come from.

Results are official if a commit on the branch that the team has agreed on contains them. All others
are tries: a DVC experiment, another branch, files that are not committed. The answer, the
leaderboard, the registered model and its alias in MLflow follow official results alone.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from optledger.core import git
from optledger.core.params import Publish
from optledger.core.paths import LOCK, RESULTS

OFFICIAL, TRY = "official", "try"

STATUS = "optledger.status"
"""The tag of a run that says whether it is official or a try."""

MARKS = ("optledger.branch", "optledger.commit", "optledger.dirty")
"""The tags that are rewritten when a try's run becomes official."""


TRY_OPTION = "--try"
"""The reason of a try that Git counts as official: a person said so."""


@dataclass(frozen=True)
class Standing:
    """Whether results are official, and where they come from.

    Attributes:
        attempt: the name of the try; empty where results are official.
        reason: why they are a try, in words; empty where they are official.
        commit: the commit that contains the results; None where none does.
        age: the key that orders official results: when the commit was made, in seconds since 1970,
            and how many commits it has behind it.
        tags: the tags that say where a run comes from.
        who: the person who publishes; empty where no one should be named.
        is_declared: whether a person declared results official that Git counts as a try.
    """

    attempt: str = ""
    reason: str = ""
    commit: str | None = None
    age: tuple[int, int] = (0, 0)
    tags: Mapping[str, str] = field(default_factory=dict)
    who: str = ""
    is_declared: bool = False

    @property
    def is_official(self) -> bool:
        """Whether the results are official."""
        return not self.attempt

    @property
    def status(self) -> str:
        """The value of the tag `STATUS`."""
        return OFFICIAL if self.is_official else TRY


def standing(
    settings: Publish, content: str, experiment: str = "", official: bool | None = None
) -> Standing:
    """Return the standing of the results in this checkout.

    Args:
        settings: the section `publish` of params.yaml.
        content: a digest of the results. It is part of a try's name where files are uncommitted.
        experiment: the name of the DVC experiment that is running; empty if none is.
        official: whether a person calls the results official; None to go by Git.

    Raises:
        UserError: Git refuses to work here.
    """
    head = git.head()
    clean = head.commit is not None and not _uncommitted()
    reason = _reason(settings.branch, head, clean, experiment)
    is_official = not reason if official is None else official
    branch = head.branch or (head.commit[:7] if head.commit else "no commit")
    attempt = experiment or (branch if clean else f"{branch}+{content[:6]}")
    tags = {
        "optledger.try": "" if is_official else attempt,
        "optledger.experiment": experiment,
        # A commit on the official branch counts as that branch's, whatever is checked out.
        "optledger.branch": head.branch or "" if reason else settings.branch,
        "optledger.commit": head.commit or "",
        "optledger.dirty": "no" if clean else "yes",
    }
    # Results that a person calls official count as newer than every commit, so they replace earlier
    # ones. A commit that a fast clock dated in the future counts as made now, and is no newer.
    now = int(time.time())
    seconds = now if official else min(head.seconds, now)
    return Standing(
        attempt="" if is_official else attempt,
        reason="" if is_official else reason or TRY_OPTION,
        commit=head.commit if clean else None,
        age=(seconds, head.depth),
        tags={name: value for name, value in tags.items() if value},
        who=git.user() if settings.who else "",
        is_declared=bool(is_official and reason),
    )


def _reason(branch: str, head: git.Head, clean: bool, experiment: str) -> str:
    """Return why results are a try; empty if they are official."""
    if experiment:
        return f"the DVC experiment {experiment}"
    if head.commit is None:
        return "no commit has them"
    if not clean:
        return "they are not committed"
    if not git.is_on(branch, head.commit):
        return f"their commit is not on {branch}"
    return ""


def _uncommitted() -> bool:
    """Whether the checkout has changes; untracked files count only if the pipeline made them."""
    changed = (git.ask("status", "--porcelain", "-z") or "").split("\0")
    made = (str(LOCK), f"{RESULTS}/")
    return any(not line.startswith("?? ") or line[3:].startswith(made) for line in changed if line)
