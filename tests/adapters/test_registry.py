import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.adapters import registry
from abtest.experiment.record.selection import APPROVED, Package, Selection, SelectionError, select
from tests.adapters.samples import config, package

STATUSES = ("Approved", "Rejected", "PendingManualApproval")
REGISTRY = st.lists(st.tuples(st.sampled_from(("champion", "challenger")), st.sampled_from(STATUSES)), max_size=12)


def registered(entries: list[tuple[str, str]]) -> dict[str, list[Package]]:
    """Packages made one a minute, in this order, with versions by group."""
    groups: dict[str, list[Package]] = {"champion": [], "challenger": []}
    for minute, (role, status) in enumerate(entries):
        groups[role].append(package(role, len(groups[role]) + 1, minute=minute, status=status))
    return groups


def names(selection: Selection | None) -> list[str] | None:
    return [variant.variant_name for variant in selection.variants] if selection else None


@given(REGISTRY, st.integers(0, 4), st.randoms())
def test_selection_is_that_of_a_plain_model(entries: list[tuple[str, str]], count: int, random: object) -> None:
    """Walks back in time: challengers count until the newest approved champion is met."""
    groups = registered(entries)
    version = {"champion": len(groups["champion"]), "challenger": len(groups["challenger"])}
    expected: list[str] = []
    found = None
    for role, status in reversed(entries):
        if status == "Approved" and role == "champion" and found is None:
            found = f"Champion{version[role]}"
        if status == "Approved" and role == "challenger" and found is None and len(expected) < count:
            expected.append(f"Challenger{version[role]}")
        version[role] -= 1
    for packages in groups.values():
        random.shuffle(packages)  # type: ignore[attr-defined]
    selected = select(groups["champion"], groups["challenger"], config(challenger_variant_count=count))
    assert names(selected) == ([found, *expected] if found else None)


def test_configured_versions_are_taken_though_older() -> None:
    champions = [package("champion", version, minute=version) for version in (1, 2)]
    challengers = [package("challenger", version, minute=version) for version in (1, 2, 3)]
    chosen = config(
        challenger_variant_count=2,
        champion_variant_config={"model_package_version": 1, "instance_count": 3},
        challenger_variant_config=[
            {"model_package_version": 1, "variant_name": "Blue", "initial_variant_weight": 0.25, "cost": 0.1}
        ],
    )
    selection = select(champions, challengers, chosen)
    assert names(selection) == ["Champion1", "Blue", "Challenger3"]
    assert selection is not None
    assert (selection.champion.instance_count, selection.champion.instance_type) == (3, "ml.m5.large")
    assert [variant.initial_weight for variant in selection.variants] == [1.0, 0.25, 1.0]
    assert [variant.cost for variant in selection.variants] == [0.0, 0.1, 0.0]


def test_a_configured_version_is_not_taken_twice() -> None:
    chosen = config(challenger_variant_count=2, challenger_variant_config=[{"model_package_version": 2}])
    challengers = [package("challenger", version, minute=version) for version in (1, 2)]
    assert names(select([package("champion", 1)], challengers, chosen)) == ["Champion1", "Challenger2", "Challenger1"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"champion_variant_config": {"model_package_version": 9}},
            r"^champion_variant_config.model_package_version: version 9 is not .* \(approved: 1\); approve it",
        ),
        (
            {"challenger_variant_config": [{"model_package_version": 2}]},
            r"^challenger_variant_config\[0\].model_package_version: version 2 ",
        ),
        ({"challenger_variant_config": [{"variant_name": "Champion1"}]}, "named alike"),
    ],
)
def test_what_cannot_be_served_is_named(changes: dict[str, object], message: str) -> None:
    challengers = [package("challenger", 1, minute=1), package("challenger", 2, minute=2, status="Rejected")]
    with pytest.raises(SelectionError, match=message):
        select([package("champion", 1)], challengers, config(**changes))


def test_packages_come_newest_first_over_all_pages(aws: None) -> None:
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="reviews-champion")
    arns = [
        sagemaker.create_model_package(
            ModelPackageGroupName="reviews-champion", ModelApprovalStatus="PendingManualApproval"
        )["ModelPackageArn"]
        for _ in range(12)
    ]
    registry.set_status(arns[4], APPROVED, "better")
    assert [found.version for found in registry.packages("reviews-champion")] == list(range(12, 0, -1))
    (approved,) = registry.packages("reviews-champion", status=APPROVED)
    assert (approved.arn, approved.version, approved.status) == (arns[4], 5, "Approved")
    assert registry.describe(arns[4])["ApprovalDescription"] == "better"
