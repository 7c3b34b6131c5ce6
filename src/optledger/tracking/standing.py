"""Whether results are official or a try, and where they come from.

Official are those of a commit on the branch that the team has agreed on. All else is a try: a DVC
experiment, another branch, files that are not committed. MLflow's answer, leaderboard, registered
model and alias follow official results alone.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from optledger.core import git
from optledger.core.params import Publish
from optledger.core.paths import LOCK, RESULTS

OFFICIAL, TRY = "official", "try"

STATUS = "optledger.status"
"""The tag of a run that says which of the two it is."""

MARKS = ("optledger.branch", "optledger.commit", "optledger.dirty")
"""The tags that a try's runs have anew once they are official."""


SAID = "--try"
"""Why results are a try that by Git are none."""


@dataclass(frozen=True)
class Standing:
    """Whether results are official, and where they come from.

    Attributes:
        attempt: the name of the try; empty where results are official.
        reason: why they are a try, in words.
        commit: that has the results, if one does.
        age: by which official results follow each other: when the commit was made, in seconds
            since 1970, and the number of commits that it has behind it.
        tags: what a run says of where it comes from.
        who: the person who publishes; empty where nobody is to be named.
        is_declared: whether a person calls official what by Git is a try.
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
        """Whether they are no try."""
        return not self.attempt

    @property
    def status(self) -> str:
        """What the tag says of them."""
        return OFFICIAL if self.is_official else TRY


def standing(
    settings: Publish, content: str, experiment: str = "", official: bool | None = None
) -> Standing:
    """Return what the results in this checkout are.

    Args:
        settings: the section of params.yaml.
        content: a digest of the results, which names a try that has no other name.
        experiment: the name of the DVC experiment that is running; empty if none is.
        official: what a person says that they are; None to go by Git.

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
        # Of a commit of the branch, whatever is checked out.
        "optledger.branch": head.branch or "" if reason else settings.branch,
        "optledger.commit": head.commit or "",
        "optledger.dirty": "no" if clean else "yes",
    }
    # What a person calls official is newer than any commit that there is, and so takes back what
    # was called so before. A commit of a clock that is ahead is no newer than that.
    now = int(time.time())
    seconds = now if official else min(head.seconds, now)
    return Standing(
        attempt="" if is_official else attempt,
        reason="" if is_official else reason or SAID,
        commit=head.commit if clean else None,
        age=(seconds, head.depth),
        tags={name: value for name, value in tags.items() if value},
        who=git.user() if settings.who else "",
        is_declared=bool(is_official and reason),
    )


def _reason(branch: str, head: git.Head, clean: bool, experiment: str) -> str:
    """Return why results are a try; empty if they are none."""
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
    """Whether the checkout is not as committed; what else lies about in it is no matter."""
    changed = (git.ask("status", "--porcelain", "-z") or "").split("\0")
    made = (str(LOCK), f"{RESULTS}/")
    return any(not line.startswith("?? ") or line[3:].startswith(made) for line in changed if line)
