"""Two profiles of Hypothesis: the same few inputs each time, or twenty thousand new ones."""

import tempfile
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, configuration, settings

_HOME = tempfile.TemporaryDirectory(prefix="optledger-hypothesis-")
configuration.set_hypothesis_home_dir(_HOME.name)

# Neither depends on the machine's speed, nor leaves a database of examples behind.
_COMMON: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
}
settings.register_profile("test", derandomize=True, **_COMMON)
settings.register_profile("fuzz", print_blob=True, **_COMMON)


def examples(test: int, fuzz: int, slow: bool = False) -> Callable[[Any], Any]:
    """Set how many inputs a property has in each profile; those of slow ones are not shrunk."""
    name = settings.get_current_profile_name()
    phases = (Phase.explicit, Phase.generate) if slow else settings().phases
    return settings(max_examples=fuzz if name == "fuzz" else test, phases=phases)
