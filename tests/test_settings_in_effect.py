"""Each key of a stage's file, set to another value than its default, is found in effect at its far end.

The way is the real one: the file's text, the configuration, the variables that infra gives the functions, the
functions of the machines and the API on an account by moto. A copy that is lost on it fails here.
"""

import dataclasses
import datetime
import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import boto3
import pytest

from abtest.adapters import endpoint, registry
from abtest.adapters.assignments_table import AssignmentsTable
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.evidence.shadow_comparison import MOST_DAYS, ShadowMeasurement, judge, waits
from abtest.experiment.record import times
from abtest.experiment.record.config import ExperimentConfig, VariantConfig
from abtest.experiment.record.config_file import read_stage
from abtest.experiment.record.events import Conversion, Invocation
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.function_environments import (
    ApiEnvironment,
    CountingEnvironment,
    EndpointEnvironment,
    PromotionEnvironment,
    SelectionEnvironment,
    ShadowEnvironment,
)
from abtest.experiment.record.safety import CanaryConfig, ShadowConfig
from abtest.handlers import (
    acquire_lease,
    api,
    compare_shadow,
    count_events,
    decide,
    invocation,
    promote,
    record_decision,
    select_variants,
    set_alarms,
)
from abtest.handlers.environment import read
from infra.constructs.resources import Resources
from tests.adapters import conftest, samples
from tests.handlers import machines
from tests.handlers.conftest import EVENTS, FakeEndpoint
from tests.handlers.machines import ENVIRONMENT, approved, built
from tests.infra.templates import synthesise, text

ENVIRONMENTS = (ApiEnvironment, CountingEnvironment, EndpointEnvironment, PromotionEnvironment, SelectionEnvironment)
ENDPOINT = "sagemaker-reviews-dev"
HOUR = datetime.timedelta(hours=1)
CLEAR = {"Champion1": (200, 40), "Challenger1": (200, 160)}  # users and conversions
CLOSE = {"Champion1": (200, 100), "Challenger1": (200, 110)}

aws, experiments, environment = conftest.aws, conftest.experiments, machines.environment


@dataclasses.dataclass
class Stage:
    """A stage of the default configuration but for what `configured` is told."""

    monkeypatch: pytest.MonkeyPatch
    experiments: ExperimentsTable
    config: ExperimentConfig = dataclasses.field(init=False)

    def configured(self, **keys: Any) -> "Stage":
        document = {"project_name": "reviews", "stage_name": "dev", **keys}
        self.config = read_stage(json.dumps(document), document["stage_name"], None)
        table = SimpleNamespace(table_name="experiments")
        resources = Resources(
            config=self.config,
            bucket=SimpleNamespace(bucket_name="bucket"),
            experiments=table,
            assignments=SimpleNamespace(table_name="assignments"),
            stream_name="stream",
            stream_arn="",
            model_role_arn=ENVIRONMENT["MODEL_EXECUTION_ROLE_ARN"],
            group_names=("reviews-champion", "reviews-challenger"),
        )
        for kind in ENVIRONMENTS:
            for name, value in resources.environment(kind).items():
                self.monkeypatch.setenv(name, value)
        for cached in (read, api.assignments, api.stream):
            cached.cache_clear()
        return self

    @property
    def running(self) -> Experiment:
        found = self.experiments.current(self.config.endpoint_name)
        assert found is not None
        return found

    def decision(self, outcomes: dict[str, tuple[int, int]], age: datetime.timedelta = 2 * HOUR) -> dict[str, Any]:
        """The Decision `age` after the users came, all at the experiment's start, and was stored."""
        self._put_events(outcomes)
        as_of = times.to_text(self.running.started_at + age)
        counted = count_events.handler({"endpoint_name": self.config.endpoint_name, "as_of": as_of}, None)
        weights = [{"VariantName": name, "CurrentWeight": 0.5} for name in self.running.variant_names]
        event = {"evidence": counted["evidence"], "endpoint": {"ProductionVariants": weights}}
        document = decide.handler(event, None)["decision"]
        record_decision.handler({"decision": document, "execution": "rebalance"}, None)
        return document

    def _put_events(self, outcomes: dict[str, tuple[int, int]]) -> None:
        current, lines = self.running, []
        for variant, (users, conversions) in outcomes.items():
            for number in range(users):
                served = Invocation(
                    timestamp=current.started_at,
                    experiment_id=current.experiment_id,
                    endpoint_name=current.endpoint_name,
                    endpoint_variant=variant,
                    strategy="UCB1",
                    inference_id=f"{variant}-{number}",
                    user_id=f"{variant}-{number}",
                    decision_id=current.decision_id,
                    propensity=0.5,
                )
                lines.append(served.to_line())
                if number < conversions:
                    lines.append(Conversion.of(served, reward=1.0, timestamp=served.timestamp).to_line())
        key = f"events/{current.started_at.strftime('%Y/%m/%d/%H')}/a"
        boto3.client("s3").put_object(Bucket="bucket", Key=key, Body="\n".join(lines).encode())


Check: TypeAlias = Callable[[Stage], None]


@pytest.fixture
def stage(environment: None, experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    yield Stage(monkeypatch, experiments)
    read.cache_clear()


def strategy(stage: Stage) -> None:
    stage.configured(mode="earn_first", strategy="EpsilonGreedy")
    built()
    assert stage.decision(CLEAR)["new_shares"] == pytest.approx({"Champion1": 0.05, "Challenger1": 0.95})
    stage.monkeypatch.setattr(endpoint, "client", FakeEndpoint)
    request = json.loads((EVENTS / "invocation.json").read_text()) | {"path": "/invocation"}
    answer = invocation.handler(request | {"body": json.dumps({"endpoint_name": ENDPOINT, "data": "x"})}, None)
    assert answer["statusCode"] == HTTPStatus.CREATED
    assert json.loads(answer["body"])["strategy"] == "EpsilonGreedy"
    (parked,) = AssignmentsTable("assignments").parked(2)  # there is no stream
    assert json.loads(parked.line)["strategy"] == "EpsilonGreedy"


def mode(stage: Stage) -> None:
    stage.configured(mode="earn_first", strategy="EpsilonGreedy", epsilon=0)
    built()
    assert stage.decision(CLOSE)["new_shares"] == {"Champion1": 0.0, "Challenger1": 1.0}


def objective(stage: Stage) -> None:
    stage.configured(objective="minimize")
    built()
    decision = stage.decision(CLEAR)
    assert decision["leader"] == "Champion1"
    assert decision["effects"]["Challenger1"]["difference"] == pytest.approx(0.6)


def margin(stage: Stage) -> None:
    stage.configured(margin=0.9)
    built()
    assert stage.decision(CLOSE)["status"] == "equivalent"


def time_limit_hours(stage: Stage) -> None:
    stage.configured(time_limit_hours=1e-9)
    built()
    assert stage.decision(CLOSE)["status"] == "stopped"


def epsilon(stage: Stage) -> None:
    stage.configured(mode="earn_first", strategy="EpsilonGreedy", epsilon=0.5)
    built()
    assert stage.decision(CLEAR)["new_shares"] == pytest.approx({"Champion1": 0.25, "Challenger1": 0.75})


def warmup(stage: Stage) -> None:
    stage.configured(warmup=1000)
    built()
    decision = stage.decision(CLEAR)
    assert decision["new_shares"] == {"Champion1": 0.5, "Challenger1": 0.5}
    assert "200 of 1000 invocations" in decision["reason"]


def exploration_floor(stage: Stage) -> None:
    stage.configured(mode="earn_first", strategy="EpsilonGreedy", epsilon=0, exploration_floor=0.1)
    built()
    assert stage.decision(CLEAR)["new_shares"] == pytest.approx({"Champion1": 0.1, "Challenger1": 0.9})


def user_period_seconds(stage: Stage) -> None:
    stage.configured(attribution_window_seconds=60, user_period_seconds=7200)
    built()
    counts = stage.decision(CLOSE, age=2 * HOUR)["counts"]["Champion1"]  # a minute before the users' outcomes are known
    assert (counts["invocation_count"], counts["user_count"]) == (200, 0)


def attribution_window_seconds(stage: Stage) -> None:
    stage.configured(attribution_window_seconds=3 * 3600)
    built()
    counts = stage.decision(CLEAR)["counts"]["Champion1"]
    assert (counts["invocation_count"], counts["pending_invocation_count"]) == (0, 200)


def alpha(stage: Stage) -> None:
    stage.configured(alpha=0.5)
    built()
    assert stage.decision(CLOSE)["e_value_threshold"] == pytest.approx(1 / (0.9 * 0.5))


def joining_share(stage: Stage) -> None:
    stage.configured(joining_share=0.125, challenger_variant_count=2)
    built()
    approved("challenger")
    assert machines.registered(selected()) == "changed"
    assert stage.running.shares["Challenger2"] == 0.125


def shadow(stage: Stage) -> None:
    """A challenger is put in shadow, which waits as long, for as many requests, and asks as much, as configured."""
    wanted = {"minutes": 90, "least_requests": 7, "least_agreement": 0.5, "most_5xx_rate": 0.2, "most_latency_ratio": 9}
    stage.configured(shadow=wanted)
    approved("champion"), approved("challenger")
    assert selected()["in_shadow"]
    config = read(ShadowEnvironment).experiment_config.shadow
    assert config is not None
    began = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert "2026-01-01T01:30" in (waits(ShadowMeasurement(), config, began=began, now=began + HOUR) or "")
    late = began + datetime.timedelta(days=MOST_DAYS)
    assert "3 of 7 requests" in (waits(ShadowMeasurement(pairs=3), config, began=began, now=late - HOUR) or "")
    right = ShadowMeasurement(pairs=10, agreeing=5, errors=2, champion_latency_ms=1.0, shadow_latency_ms=9.0)
    assert judge(right, config).passed
    for wrong in ({"agreeing": 4}, {"errors": 3}, {"shadow_latency_ms": 9.1}):
        assert not judge(dataclasses.replace(right, **wrong), config).passed
    assert compare_shadow.handler({"shadow": selected()["shadow"]}, None)["judged"] is False


def canary(stage: Stage) -> None:
    stage.configured(canary={"share": 0.125, "minutes": 90, "most_5xx_rate": 0.25, "most_latency_ms": 40})
    chosen = built()
    assert [v["InitialVariantWeight"] for v in chosen["production_variants"]] == [0.875, 0.125]
    assert stage.running.canary_until["Challenger1"] == stage.running.started_at + 1.5 * HOUR
    set_alarms.handler({"experiment": chosen["experiment"]}, None)
    alarms = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert sorted(alarm["Threshold"] for alarm in alarms) == [0.25, 40_000]  # microseconds


def promotion_approver(stage: Stage) -> None:
    stage.configured(promotion_approver="Anna")
    built()
    current = stage.running
    won = samples.decision(current, {"Champion1": 0.0, "Challenger1": 1.0}, status="decided", leader="Challenger1")
    record_decision.handler({"decision": won.to_json(), "execution": "r"}, None)
    promote.handler({}, None)
    newest = registry.packages("reviews-champion")[0]
    assert newest.status == "Approved"
    assert registry.describe(newest.arn)["CustomerMetadataProperties"]["ApprovedBy"] == "Anna"


def instance_count(stage: Stage) -> None:
    stage.configured(instance_count=3)
    assert [variant["InitialInstanceCount"] for variant in built()["production_variants"]] == [3, 3]


def instance_type(stage: Stage) -> None:
    stage.configured(instance_type="ml.c5.large")
    assert [variant["InstanceType"] for variant in built()["production_variants"]] == ["ml.c5.large"] * 2


def challenger_variant_count(stage: Stage) -> None:
    stage.configured(challenger_variant_count=0)
    assert [variant["VariantName"] for variant in built()["production_variants"]] == ["Champion1"]


BY_HAND = {
    "model_package_version": 1,
    "variant_name": "Mine",
    "instance_count": 4,
    "instance_type": "ml.c5.xlarge",
    "initial_variant_weight": 3.0,
    "cost": 0.25,
}


def by_hand(stage: Stage, place: int) -> None:
    """All of a variant's keys, for the variant in this `place`; a newer version is approved, which would be chosen."""
    for role in ("champion", "challenger"):
        approved(role)
    approved(("champion", "challenger")[place])
    chosen = selected()
    variant = chosen["production_variants"][place]
    assert variant["VariantName"] == "Mine"
    assert (variant["InitialInstanceCount"], variant["InstanceType"]) == (4, "ml.c5.xlarge")
    assert variant["InitialVariantWeight"] == 0.75
    planned = chosen["experiment"]
    assert planned is not None and planned["variants"][place]["model_package_arn"].endswith("/1")
    acquire_lease.handler(machines.EXECUTION, None)
    machines.registered(chosen)
    assert stage.running.variants[place].cost == 0.25


def champion_variant_config(stage: Stage) -> None:
    by_hand(stage.configured(champion_variant_config=BY_HAND), 0)


def challenger_variant_config(stage: Stage) -> None:
    by_hand(stage.configured(challenger_variant_config=[BY_HAND]), 1)


def selected() -> Any:
    return select_variants.handler(machines.MISSING, None)


CHECKS: tuple[Check, ...] = (
    *(strategy, mode, objective, margin, time_limit_hours, epsilon, warmup, exploration_floor),
    *(
        user_period_seconds,
        attribution_window_seconds,
        alpha,
        joining_share,
        shadow,
        canary,
        promotion_approver,
        instance_count,
    ),
    *(instance_type, challenger_variant_count, champion_variant_config, challenger_variant_config),
)
SYNTHESISED = ("project_name", "stage_name", "promotion", "rebalance_schedule_minutes", "authentication")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_setting_is_in_effect(check: Check, stage: Stage) -> None:
    check(stage)


def test_every_key_has_its_far_end() -> None:
    fields = {field.name for field in dataclasses.fields(ExperimentConfig)}
    assert fields == {check.__name__ for check in CHECKS} | set(SYNTHESISED)
    assert {field.name for field in dataclasses.fields(VariantConfig)} == set(BY_HAND)
    assert len(dataclasses.fields(CanaryConfig)) == 4 and len(dataclasses.fields(ShadowConfig)) == 5


@pytest.mark.slow
def test_what_only_the_stacks_know_is_in_effect(tmp_path: Path) -> None:
    document = {
        "project_name": "churn",
        "stage_name": "demo",
        "promotion": "automatic",
        "rebalance_schedule_minutes": 45,
        "authentication": "none",
    }
    made = synthesise(read_stage(json.dumps(document), "demo", None), tmp_path)
    names = [machine["StateMachineName"] for machine in made.properties("AWS::StepFunctions::StateMachine")]
    assert "churn-demo-promote" in names
    assert [one["ScheduleExpression"] for one in made.properties("AWS::Scheduler::Schedule")] == ["rate(45 minutes)"]
    methods = made.properties("AWS::ApiGateway::Method")
    assert {method["AuthorizationType"] for method in methods} == {"NONE"}
    variables = [f.get("Environment", {}).get("Variables", {}) for f in made.properties("AWS::Lambda::Function")]
    assert {text(v["ENDPOINT_NAME"]) for v in variables if "ENDPOINT_NAME" in v} == {"sagemaker-churn-demo"}
