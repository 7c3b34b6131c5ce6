from collections.abc import Iterator

import pytest

from servers import postgresql, postgresql_is_installed
from torture import Bench, bench


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """An MLflow server on SQLite, behind a proxy that does wrong."""
    with bench(tmp_path_factory.mktemp("server")) as ready:
        yield ready


@pytest.fixture
def database() -> Iterator[str]:
    """The URI of an empty PostgreSQL database."""
    if not postgresql_is_installed():
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgresql() as uri:
        yield uri
