"""A challenger's canary in the sandbox: one that fails is taken out by itself, a healthy one is left to the bandit."""

import json
import time
from typing import Any

import pytest

from tests.conftest import Sandbox, wait_for
from tests.workflows.stage import Stage
from tests.workflows.test_rebalance import decisions, hour, lines, shares

pytestmark = pytest.mark.slow

USERS = [f"user-{number}" for number in range(40)]


def experiment(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = stage.items()["EXPERIMENT"]
    return found


def alarms(stage: Stage) -> list[str]:
    found = stage.sandbox.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{stage.endpoint_name}/")
    return [alarm["AlarmName"] for alarm in found["MetricAlarms"]]


def end_canary(stage: Stage, challenger: str) -> None:
    """Lets the hour pass."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    stage.sandbox.client("dynamodb").update_item(
        TableName=stage.project,
        Key={"endpoint_name": {"S": stage.endpoint_name}, "item": {"S": "EXPERIMENT"}},
        UpdateExpression="SET canary_until.#challenger = :now",
        ConditionExpression="attribute_exists(canary_until.#challenger)",
        ExpressionAttributeNames={"#challenger": challenger},
        ExpressionAttributeValues={":now": {"S": now}},
    )


def test_a_challenger_that_fails_is_taken_out_by_itself(sandbox: Sandbox) -> None:
    stage = Stage(sandbox, "fails", canary={"share": 0.25, "minutes": 60, "most_latency_ms": 5000}).deploy()
    stage.take_out_on_alarm()
    champion, challenger = stage.trial("failing")
    assert shares(stage) == stage.weights() == {champion: 0.75, challenger: 0.25}
    assert alarms(stage) == [f"{stage.endpoint_name}/{challenger}/{what}" for what in ("5xx-rate", "latency")]
    first = {user: stage.invoke(user) for user in USERS}
    failed = [user for user, (status, _) in first.items() if status == 502]
    assert 2 <= len(failed) < 20
    served = {answer["endpoint_variant"] for status, answer in first.values() if status == 201}
    assert served == {champion}

    wait_for(lambda: experiment(stage)["out"]["M"], 20)
    assert shares(stage) == {champion: 1.0, challenger: 0.0}
    again = {user: stage.invoke(user) for user in [*USERS, *(f"new-{number}" for number in range(20))]}
    assert {answer["endpoint_variant"] for _, answer in again.values()} == {champion}
    assert [user for user, (_, answer) in again.items() if answer["strategy"] == "Fallback"] == failed
    wait_for(lambda: stage.weights() == {champion: 1.0, challenger: 0.0}, 60)
    assert {execution["status"] for execution in stage.settled(1, "rebalance")} == {"SUCCEEDED"}
    change = stage.items()[f"DECISION#{experiment(stage)['experiment_id']['S']}#000001"]
    assert change["reason"]["S"].startswith(f"{challenger} is taken out: 5XX rate above 0.05. Threshold Crossed")

    def counted() -> Any:
        decision = json.loads(stage.run("rebalance")["output"])["decision"]
        return decision if decision["counts"][champion]["invocation_count"] == 2 * (40 - len(failed)) + 20 else None

    decision = wait_for(counted, 60, 1)  # once Firehose has delivered: nothing is lost, Fallback is not counted
    assert decision["new_shares"] == {champion: 1.0, challenger: 0.0}
    assert f"{challenger} is out: 5XX rate" in decision["reason"]

    stage.approve(stage.register("champion"))  # a new champion, and no challenger after it
    assert stage.run()["status"] == "SUCCEEDED"
    assert alarms(stage) == []
    assert experiment(stage)["out"] == {"M": {}}


def test_a_healthy_challenger_passes_its_canary_and_the_bandit_takes_over(sandbox: Sandbox) -> None:
    canary = {"share": 0.1, "minutes": 60}
    stage = Stage(sandbox, "healthy", strategy="ThompsonSampling", warmup=0, canary=canary).deploy()
    stage.take_out_on_alarm()
    champion, challenger = stage.trial()
    stage.put_events("events", lines(stage, champion, 60, 10) + lines(stage, challenger, 60, 40), hour(stage))
    held = json.loads(stage.run("rebalance")["output"])["decision"]
    assert held["new_shares"] == {champion: 0.9, challenger: 0.1}
    assert held["reason"].startswith(f"Shares stay: {challenger} is a canary until 20")
    assert held["counts"][challenger]["invocation_count"] == 60
    end_canary(stage, challenger)
    assert stage.run("rebalance")["status"] == "SUCCEEDED"
    assert shares(stage) == pytest.approx(stage.weights())
    assert shares(stage)[challenger] > 0.9
    assert experiment(stage)["out"] == {"M": {}}
    assert decisions(stage) == ["000001", "000002"]


def test_a_challenger_that_is_slow_for_three_minutes_is_taken_out_by_itself(sandbox: Sandbox) -> None:
    canary = {"share": 0.5, "minutes": 60, "most_5xx_rate": None, "most_latency_ms": 0.001}  # any model is slower
    stage = Stage(sandbox, "slow", canary=canary).deploy("build_endpoint", "rebalance")
    stage.take_out_on_alarm()
    champion, challenger = stage.trial()
    assert alarms(stage) == [f"{stage.endpoint_name}/{challenger}/latency"]
    theirs = [user for user in USERS[:10] if stage.invoke(user)[1]["endpoint_variant"] == challenger]
    names = {"EndpointName": stage.endpoint_name, "VariantName": challenger}
    dimensions = [{"Name": name, "Value": value} for name, value in names.items()]
    latency = {"MetricName": "ModelLatency", "Dimensions": dimensions}

    cloudwatch = sandbox.client("cloudwatch")

    def measured() -> Any:
        times = {"StartTime": time.time() - 120, "EndTime": time.time() + 60, "Period": 60, "Statistics": ["Sum"]}
        return cloudwatch.get_metric_statistics(Namespace="AWS/SageMaker", **latency, **times)["Datapoints"]

    wait_for(measured)
    time.sleep(2)  # two evaluations
    assert experiment(stage)["out"] == {"M": {}}  # one slow minute is no pattern

    time.sleep(max(0.0, time.time() % 60 - 50))  # this minute has requests before it ends, and the two before had
    earlier = [latency | {"Value": 300, "Timestamp": time.time() - 60 * minutes} for minutes in (1, 2)]
    cloudwatch.put_metric_data(Namespace="AWS/SageMaker", MetricData=earlier)
    out = wait_for(lambda: stage.invoke(theirs[0]) and experiment(stage)["out"]["M"], 30)
    assert out[challenger]["S"].startswith("model latency (p90) above 0.001 ms. Threshold Crossed: datapoints [")
    wait_for(lambda: stage.weights() == {champion: 1.0, challenger: 0.0}, 60)
    assert {stage.invoke(user)[1]["endpoint_variant"] for user in theirs} == {champion}
