import pytest

from abtest.cli.destroy import refuse_if_protected
from abtest.cli.errors import UserError


def test_a_protected_stage_is_refused_before_anything_is_deleted() -> None:
    there = {
        "data": {"StackName": "reviews-prod-data", "EnableTerminationProtection": True},
        "api": {"StackName": "reviews-prod-api", "EnableTerminationProtection": False},
    }
    with pytest.raises(UserError, match=r"stage prod is protected: .* reviews-prod-data first"):
        refuse_if_protected("prod", there)


def test_nothing_to_destroy() -> None:
    with pytest.raises(UserError, match="stage demo is not deployed"):
        refuse_if_protected("demo", {})
