import pytest

from optledger.training import runtime


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Train here as workers do."""
    runtime.import_tensorflow()
    runtime.use_one_thread()
