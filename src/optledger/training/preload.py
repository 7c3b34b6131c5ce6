"""The imports of the fork server, made once, before it forks workers."""

import gc
import signal

# On an interruption, the stage ends its workers. They inherit this setting.
signal.signal(signal.SIGINT, signal.SIG_IGN)

from optledger.training import runtime  # noqa: E402 # may be interrupted meanwhile

# Imports stay in memory: searching them for garbage only takes time, now and after each fork.
gc.disable()
runtime.import_tensorflow()

# Imported after TensorFlow is pinned, so that workers have them from the start.
import optledger.training.engine  # noqa: E402
import optledger.training.prediction  # noqa: E402, F401

gc.freeze()
gc.enable()
