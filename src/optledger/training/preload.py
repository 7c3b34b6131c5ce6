"""What the fork server imports, once, before it forks workers."""

import gc
import signal

# Whoever interrupts tells the stage, which ends its workers; they inherit this.
signal.signal(signal.SIGINT, signal.SIG_IGN)

from optledger.training import runtime  # noqa: E402 # an interruption may come meanwhile

# What is imported is kept: looking for garbage in it only takes time, then and after each fork.
gc.disable()
runtime.import_tensorflow()

# Only now, and for their own sake.
import optledger.training.engine  # noqa: E402
import optledger.training.prediction  # noqa: E402, F401

gc.freeze()
gc.enable()
