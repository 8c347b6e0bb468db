import dataclasses
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.adapters import executions, registry, releases
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import StaleError
from abtest.experiment.record.release import Release, Releases
from abtest.experiment.record.selection import Package, select
from abtest.operations.roll_back import RollbackError, plan, planned, roll_back
from tests.adapters.samples import ENDPOINT, config, package

OLD = [package("champion", 1), package("challenger", 1, minute=1)]
NEW = [package("champion", 2, minute=2)]


def release(*packages: Package, experiment: str = "reviews-dev-v1-1") -> Release:
    names = {f"{'Champion' if 'champion' in p.group_name else 'Challenger'}{p.version}": p.arn for p in packages}
    return Release.of("-".join(names), experiment, names)


def deployed(*made_of: Release) -> Releases:
    made = Releases()
    for one in made_of:
        made = made.then(one)
    return made


def groups(*packages: Package) -> dict[str, list[Package]]:
    return {role: [p for p in packages if role in p.group_name] for role in ("champion", "challenger")}


REPLACED = deployed(release(*OLD), release(*NEW, experiment="reviews-dev-v2-1"))


def test_what_serves_now_and_did_not_before_is_rejected() -> None:
    back = planned(REPLACED, groups(*OLD, *NEW), config())
    assert (list(back.rejected), back.resumed) == (NEW, "reviews-dev-v1-1")
    assert back.target.packages == {"Champion1": OLD[0].arn, "Challenger1": OLD[1].arn}


def test_a_challenger_is_rolled_back_within_its_experiment() -> None:
    newer = package("challenger", 2, minute=2)
    back = planned(deployed(release(*OLD), release(OLD[0], newer)), groups(*OLD, newer), config())
    assert (list(back.rejected), back.resumed) == ([newer], None)


def test_an_interrupted_rollback_rejects_only_what_is_left() -> None:
    done = [dataclasses.replace(p, status="Rejected") for p in NEW]
    assert planned(REPLACED, groups(*OLD, *done), config()).rejected == ()
    assert planned(REPLACED, groups(*OLD), config()).rejected == ()  # or deleted


def status(packages: list[Package], approval: str) -> list[Package]:
    return [dataclasses.replace(p, status=approval) for p in packages]


@pytest.mark.parametrize(
    ("known", "packages", "changes", "message"),
    [
        (deployed(), OLD, {}, "serves nothing, and no other release is on record.*abtest models approve"),
        (deployed(release(*OLD)), OLD, {}, "serves Champion1, Challenger1, and no other release is on record"),
        (
            REPLACED,
            [*OLD, *NEW],
            {"champion_variant_config": {"model_package_version": 2}},
            r"^champion_variant_config.model_package_version: .*deploy the stage",
        ),
        (
            REPLACED,
            [*status(OLD, "Rejected"), *NEW],
            {},
            "^champion/1, .* previous release served as Champion1, is Rejected: abtest models approve champion/1",
        ),
        (REPLACED, [OLD[0], *NEW], {}, f"^{OLD[1].arn}, .* as Challenger1, is deleted from the registry: register"),
        (
            REPLACED,
            [*OLD, *NEW, package("challenger", 2, minute=3)],
            {},
            "would serve challenger/2 as Challenger2, .*: abtest models reject challenger/2, then roll back",
        ),
        (REPLACED, [*OLD, *NEW], {"challenger_variant_count": 0}, "no place for challenger/1 as Challenger1.*_count"),
        (
            REPLACED,
            [*OLD, *NEW],
            {"champion_variant_config": {"variant_name": "Blue"}},
            "no place for champion/1 as Champion1.*variant_name",
        ),
        (
            deployed(release(*OLD), release(OLD[0])),
            OLD,
            {},
            "the same and challenger/1, which is approved: nothing has",
        ),
    ],
)
def test_where_there_is_no_way_back_it_says_why_and_what_to_do(
    known: Releases, packages: list[Package], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RollbackError, match=message):
        planned(known, groups(*packages), config(**changes))


def test_a_rollback_is_not_undone_by_a_second_one() -> None:
    after, done = REPLACED.then(release(*OLD)), status(NEW, "Rejected")
    with pytest.raises(RollbackError, match=r"champion/2, .* is Rejected"):
        planned(after, groups(*OLD, *done), config())


registries = st.lists(
    st.tuples(st.sampled_from(["champion", "challenger"]), st.sampled_from(["Approved", "Rejected"])), max_size=7
)


@given(registries, st.data())
def test_whatever_is_registered_build_endpoint_then_selects_the_previous_release_or_nothing_is_done(
    registered: list[tuple[str, str]], data: st.DataObject
) -> None:
    registry_now = [package(role, n, minute=n, status=approval) for n, (role, approval) in enumerate(registered)]
    subsets = st.lists(st.sampled_from(registry_now), min_size=1, unique=True) if registry_now else st.just(OLD)
    known = deployed(*(release(*data.draw(subsets), experiment=f"v{n}") for n in range(2)))
    try:
        back = planned(known, groups(*registry_now), config())
    except RollbackError:
        return
    after = [dataclasses.replace(p, status="Rejected") if p in back.rejected else p for p in registry_now]
    selection = select(groups(*after)["champion"], groups(*after)["challenger"], config())
    assert selection and known.previous
    assert {v.variant_name: v.package.arn for v in selection.variants} == known.previous.packages
    assert {p.arn for p in back.rejected} & set(known.previous.packages.values()) == set()


def test_it_marks_the_experiment_before_it_rejects(
    experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="reviews-champion")
    arn = sagemaker.create_model_package(ModelPackageGroupName="reviews-champion", ModelApprovalStatus="Approved")
    served = dataclasses.replace(NEW[0], arn=arn["ModelPackageArn"])
    known = deployed(release(*OLD), release(served, experiment="v2"))
    experiments.transact(releases.put(ENDPOINT, Releases(), known))
    started: list[str] = []

    def start(machine: str, _: object) -> str:
        started.append(machine)
        return "arn:run"

    monkeypatch.setattr(executions, "start", start)
    names = {"champion": "reviews-champion", "challenger": "reviews-challenger"}
    monkeypatch.setattr(registry, "packages", lambda name: groups(*OLD, served)[name.removeprefix("reviews-")])
    with monkeypatch.context() as failing, pytest.raises(ZeroDivisionError):
        failing.setattr(registry, "set_status", lambda *_: 1 / 0)
        roll_back(experiments, plan(experiments, config(), names), ENDPOINT, "arn:build-endpoint")
    marked = releases.get(experiments, ENDPOINT)
    assert (marked.resume, started) == ("reviews-dev-v1-1", [])
    back = plan(experiments, config(), names)
    assert roll_back(experiments, back, ENDPOINT, "arn:build-endpoint") == "arn:run"
    assert started == ["arn:build-endpoint"]
    assert registry.describe(served.arn)["ModelApprovalStatus"] == "Rejected"


def test_a_release_that_comes_between_is_not_rolled_back(
    experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiments.transact(releases.put(ENDPOINT, Releases(), REPLACED.then(release(*NEW, experiment="other"))))
    monkeypatch.setattr(registry, "set_status", lambda *_: pytest.fail("it rejects"))
    with pytest.raises(StaleError):
        roll_back(experiments, planned(REPLACED, groups(*OLD, *NEW), config()), ENDPOINT, "arn:build-endpoint")
