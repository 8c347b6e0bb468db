"""The templates of the stages, synthesised once a session."""

import dataclasses

import pytest

from infra import environments
from infra.environments import Delivery
from tests.infra.templates import Templates, synthesise, synthesise_delivery

IN_A_PROJECT = Delivery(project_name="reviews", project_id="p-0123456789ab", upsert_role_name="upsert")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return synthesise(environments.load("demo"), tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return synthesise(environments.load("prod"), tmp_path_factory.mktemp("prod"))


@pytest.fixture(scope="session")
def in_a_project(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """A kept stage that promotes automatically, as the delivery pipeline of a SageMaker project deploys it."""
    config = dataclasses.replace(environments.load("prod"), promotion="automatic")
    return synthesise(config, tmp_path_factory.mktemp("project"), IN_A_PROJECT)


@pytest.fixture(scope="session")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Of the stage prod: parts delivery, abtest-portfolio, abtest-project."""
    return synthesise_delivery(environments.load("prod"), tmp_path_factory.mktemp("delivery"))
