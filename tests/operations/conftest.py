"""The same account by moto as the adapters' tests have."""

from tests.adapters.conftest import aws, experiments

__all__ = ["aws", "experiments"]
