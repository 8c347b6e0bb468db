"""`abtest replay` on a file, on a folder, and on a stage's bucket and records."""

import datetime
import gzip
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer
from typer.testing import CliRunner, Result

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli.replay import parsed, replay
from abtest.cli.shown.output import UserError
from abtest.cli.stage import recorded
from abtest.experiment.record.events import Event
from abtest.operations.record_decision import record_decision
from tests.adapters import samples as records
from tests.adapters.samples import begin
from tests.experiment.logs import logged
from tests.experiment.samples import EXPERIMENT, conversion, invocation

OUTPUTS = {"ExperimentsTableName": "experiments", "EndpointName": records.ENDPOINT, "BucketName": "bucket"}


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(replay)
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def document(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json").stdout)
    return found


def written(path: Path, events: list[Event]) -> str:
    path.write_text("".join(event.to_line() + "\n" for event in events))
    return str(path)


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return logged(1)


def test_a_file_as_a_table(tmp_path: Path, events: list[Event]) -> None:
    aside: list[Event] = [invocation("m", 0, strategy="Manual")]
    file = written(tmp_path / "events.jsonl", [*events, *aside])
    shown = run("--events", file, "--strategy", "UCB1", "--attribution-window", "700").stdout
    assert f"{EXPERIMENT}: UCB1 instead of ThompsonSampling, on 300 users of 5 Decisions" in shown
    assert "doubly robust less logged" in shown
    assert "95 % interval" in shown
    assert "None is clipped" in shown
    assert "Left out: Manual invocations (1), attribution window still open (60)." in shown
    assert "While weights are small, this comes near a run of the target from the start." in shown


def test_a_folder_of_gzip_as_json(tmp_path: Path, events: list[Event]) -> None:
    for number in range(2):
        lines = "".join(event.to_line() + "\n" for event in events[number::2])
        (tmp_path / f"part{number}.gz").write_bytes(gzip.compress(lines.encode()))
    found = document("--events", str(tmp_path), "--shares", "Champion1=50%, Challenger1=0.5", "--confidence", "90%")
    assert found["target"] == "Champion1 50 %, Challenger1 50 %"
    assert (found["users"], found["confidence"]) == (360, 0.9)
    assert found["doubly_robust"]["lower"] < 0.3 < found["doubly_robust"]["upper"]
    assert [item["target_share"] for item in found["variants"]] == pytest.approx([0.5, 0.5])
    assert sum(item["users"] for item in found["variants"]) == 360
    assert sum(taken["users"] for taken in found["rounds"]) == 360


def test_settings_reach_the_strategy(tmp_path: Path, events: list[Event]) -> None:
    file = written(tmp_path / "events.jsonl", events)
    common = ("--events", file, "--strategy", "EpsilonGreedy")
    wide = document(*common, "--epsilon", "0.4")["rounds"][-1]["target_shares"]
    assert min(wide.values()) == pytest.approx(0.2)
    low = document(*common, "--objective", "minimize")["rounds"][-1]["target_shares"]
    assert max(low, key=lambda name: low[name]) != max(wide, key=lambda name: wide[name])
    assert document(*common, "--evidence", "logged")["evidence"] == "logged"
    still = document(*common, "--burn-in", "100000")["rounds"]
    assert all(taken["target_shares"] == still[0]["target_shares"] for taken in still)


def test_a_stage_with_its_decisions(experiments: ExperimentsTable, aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "outputs", lambda _: OUTPUTS)
    begun = records.experiment(records.plan(1, (1,)))
    begin(experiments, begun)
    decision = records.decision(begun, {"Champion1": 0.2, "Challenger1": 0.8})
    assert record_decision(experiments, decision, execution="r")
    after = (decision.as_of - begun.started_at).total_seconds() + 10
    came = [
        _came(begun.started_at, f"{number}", seconds, variant, propensity, decision_id)
        for number, (seconds, variant, propensity, decision_id) in enumerate(
            [(1.0, "Champion1", 0.5, begun.decision_id), (2.0, "Challenger1", 0.5, begun.decision_id)] * 5
            + [(after, "Challenger1", 0.8, decision.decision_id)] * 10
        )
    ]
    lines = [event.to_line() for event in [*came, conversion(came[0], after)]]
    boto3.client("s3").create_bucket(Bucket="bucket")
    key = begun.started_at.strftime("events/%Y/%m/%d/%H/one.gz")
    boto3.client("s3").put_object(Bucket="bucket", Key=key, Body=gzip.compress("\n".join(lines).encode()))
    found = document("--shares", "Champion1=0.1,Challenger1=0.9", "--attribution-window", "0")
    assert found["users"] == 20
    assert [taken["logged_shares"] for taken in found["rounds"]] == [
        {"Champion1": 0.5, "Challenger1": 0.5},
        {"Champion1": 0.2, "Challenger1": 0.8},
    ]
    assert found["largest_weight"] == pytest.approx(1.8)
    with pytest.raises(UserError, match="churn has no experiment yet"):
        run("--strategy", "UCB1", "--endpoint", "churn")
    monkeypatch.setitem(OUTPUTS, "EndpointName", "another")
    assert document("--shares", "Champion1=1", "--endpoint", records.ENDPOINT)["experiment_id"] == begun.experiment_id
    monkeypatch.setitem(OUTPUTS, "EndpointName", records.ENDPOINT)
    with pytest.raises(UserError, match=f"had no experiment other: .* --experiment, of {begun.experiment_id}"):
        run("--strategy", "UCB1", "--experiment", "other")


def _came(
    start: datetime.datetime, name: str, seconds: float, variant: str, propensity: float, decision_id: str
) -> Any:
    return invocation(
        name,
        timestamp=start + datetime.timedelta(seconds=seconds),
        endpoint_variant=variant,
        propensity=propensity,
        decision_id=decision_id,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give one of them"),
        (("--strategy", "UCB1", "--shares", "A=1"), "give one of them"),
        (("--strategy", "Oracle"), "must be one of"),
        (("--shares", "Champion1=0.5"), "must sum to 1"),
        (("--shares", "Champion1=0.5,Champion1=0.5"), "twice"),
        (("--shares", "Champion1"), "--shares: each must be a number"),
        (("--strategy", "UCB1", "--reward", "last"), "must be one of first, mean"),
        (("--strategy", "EpsilonGreedy", "--epsilon", "2"), "must be from 0 to 1"),
        (("--strategy", "UCB1", "--floor", "0.9"), "must be from 0 to 1/2"),
        (("--strategy", "UCB1", "--objective", "most"), "must be maximize or minimize"),
        (("--strategy", "UCB1", "--evidence", "none"), "must be one of weighted, logged"),
        (("--strategy", "UCB1", "--confidence", "1"), "must be between 0 and 1"),
        (("--strategy", "UCB1", "--endpoint", "sagemaker-reviews-churn"), "with --events say --experiment instead"),
    ],
)
def test_wrong_usage(tmp_path: Path, events: list[Event], arguments: tuple[str, ...], message: str) -> None:
    ended = run("--events", written(tmp_path / "events.jsonl", events[:50]), *arguments)
    assert ended.exit_code == 2
    assert message in " ".join(ended.stderr.replace("│", " ").split())


def test_users_mistakes(tmp_path: Path, events: list[Event]) -> None:
    file = tmp_path / "events.jsonl"
    with pytest.raises(UserError, match="does not exist"):
        run("--events", str(file), "--strategy", "UCB1")
    written(file, [])
    with pytest.raises(UserError, match="holds no event of a user"):
        run("--events", str(file), "--strategy", "UCB1")
    written(file, [*events[:50], invocation("x", 0, experiment_id="other")])
    with pytest.raises(UserError, match="several experiments, name one with --experiment: other, "):
        run("--events", str(file), "--strategy", "UCB1")
    with pytest.raises(UserError, match="Challenger9 was never possible: the variants in"):
        run("--events", str(file), "--shares", "Challenger9=1", "--experiment", EXPERIMENT)
    with pytest.raises(UserError, match="no user with a closed window"):
        run("--events", str(file), "--strategy", "UCB1", "--experiment", EXPERIMENT, "--attribution-window", "99999")
    file.write_bytes(gzip.compress(b"cut off")[:-4])
    with pytest.raises(UserError, match="cannot be read"):
        run("--events", str(file), "--strategy", "UCB1")


def test_shares_may_be_given_in_percent() -> None:
    assert dict(parsed("A=25%, B=0.75") or {}) == {"A": 0.25, "B": 0.75}
    assert parsed(None) is None
