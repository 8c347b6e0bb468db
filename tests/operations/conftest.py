"""The same account by moto as the adapters' tests have."""

from tests.adapters.conftest import aws, begun, experiments

__all__ = ["aws", "begun", "experiments"]
