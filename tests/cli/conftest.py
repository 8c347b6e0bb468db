"""The same account by moto, and the same table, as the adapters' tests have."""

from tests.adapters import conftest

aws = conftest.aws
experiments = conftest.experiments
