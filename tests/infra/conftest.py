"""The templates of two stages, synthesised once a session."""

import pytest

from infra import environments
from tests.infra.templates import Templates, synthesise, synthesise_delivery


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return synthesise(environments.load("demo"), tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return synthesise(environments.load("prod"), tmp_path_factory.mktemp("prod"))


@pytest.fixture(scope="session")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Of the stage prod: parts delivery, abtest-portfolio, abtest-project."""
    return synthesise_delivery(environments.load("prod"), tmp_path_factory.mktemp("delivery"))
