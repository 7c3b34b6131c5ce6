"""What the fork server imports, once, before it forks workers."""

from optledger.training import runtime

runtime.import_tensorflow()

import optledger.training.engine  # noqa: E402, F401 # only now, and for its own sake
