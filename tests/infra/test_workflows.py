import json
import re
from pathlib import Path
from typing import Any

import pytest

from abtest.experiment.record import function_environments
from abtest.experiment.record.config import ExperimentConfig
from abtest.handlers import environment
from tests.docs import openapi
from tests.infra.templates import Json, Templates, listed, text
from tests.workflows import machine

pytestmark = pytest.mark.slow

HANDLERS = Path(environment.__file__).parent
MACHINES = {
    f"reviews-demo-{name.replace('_', '-')}": machine.functions(name) for name in machine.NAMES if name != "promote"
}


def functions(templates: Templates) -> dict[str, Json]:
    """Properties by handler file."""
    found = templates.properties("AWS::Lambda::Function")
    return {properties["Handler"].split(".")[2]: properties for properties in found}


def machines(templates: Templates) -> dict[str, Json]:
    return {p["StateMachineName"]: p for p in templates.properties("AWS::StepFunctions::StateMachine")}


def rules(templates: Templates) -> dict[str, Json]:
    """Rules by the detail type of their events."""
    return {rule["EventPattern"]["detail-type"][0]: rule for rule in templates.properties("AWS::Events::Rule")}


def variables_read(handler: str) -> set[str]:
    """The variables of the class that the handler's file names."""
    classes = set(re.findall(r"\b(\w+Environment)\b", (HANDLERS / f"{handler}.py").read_text()))
    return {name.upper() for c in classes for name in getattr(function_environments, c).__dataclass_fields__}


def test_each_handler_is_a_function(demo: Templates) -> None:
    routes = {path.strip("/") for path in openapi.routes()}
    states = {re.sub(r"(?<!^)(?=[A-Z])", "_", state).lower() for names in MACHINES.values() for state in names}
    assert set(functions(demo)) == routes | states | {"take_out", "endpoint_changed"}
    for handler, function in functions(demo).items():
        assert function["Handler"] == f"abtest.handlers.{handler}.handler"
        assert (HANDLERS / f"{handler}.py").is_file()


def test_each_function_is_told_what_it_reads_and_no_more(demo: Templates) -> None:
    for handler, function in functions(demo).items():
        assert set(function.get("Environment", {}).get("Variables", {})) == variables_read(handler), handler


def test_the_configuration_that_functions_are_told_is_valid(demo: Templates) -> None:
    config = functions(demo)["select_variants"]["Environment"]["Variables"]["EXPERIMENT_CONFIG"]
    parsed = ExperimentConfig.from_json(json.loads(config))
    assert (parsed.prefix, parsed.warmup) == ("reviews-demo", 20)


def test_functions_run_on_a_supported_python_are_traced_and_log_for_a_month(demo: Templates) -> None:
    for function in functions(demo).values():
        assert function["Runtime"] == "python3.12"
        assert function["Architectures"] == ["x86_64"]
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["LoggingConfig"]["LogGroup"]
    assert {log["RetentionInDays"] for log in demo.properties("AWS::Logs::LogGroup")} == {30}


def test_functions_share_one_asset(demo: Templates) -> None:
    assert len({json.dumps(function["Code"], sort_keys=True) for function in functions(demo).values()}) == 1


def test_each_machine_calls_exactly_its_functions(demo: Templates) -> None:
    for name, deployed in machines(demo).items():
        arns = {key for key in deployed["DefinitionSubstitutions"] if key.endswith("FunctionArn")}
        assert arns == {f"{state}FunctionArn" for state in MACHINES[name]}
        allowed = [
            text(resource)
            for policy, statement in demo.statements()
            if policy.startswith(deployed["RoleArn"]["Fn::GetAtt"][0].removesuffix("Role")[:12])
            and "lambda:InvokeFunction" in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        ]
        assert sorted(allowed) == sorted(text(deployed["DefinitionSubstitutions"][key]) for key in arns)


def test_every_placeholder_has_a_value(demo: Templates) -> None:
    for deployed in machines(demo).values():
        used = set(re.findall(r"\$\{(\w+)\}", text(deployed["DefinitionString"])))
        assert used == set(deployed["DefinitionSubstitutions"])


def test_the_definitions_are_the_committed_ones(demo: Templates) -> None:
    for name, deployed in machines(demo).items():
        file = name.removeprefix("reviews-demo-").replace("-", "_")
        committed = (Path(__file__).parents[2] / "workflows" / f"{file}.asl.json").read_text()
        assert json.loads(text(deployed["DefinitionString"])) == json.loads(committed)


def test_an_approved_package_of_either_group_starts_build_endpoint(demo: Templates) -> None:
    rule = rules(demo)["SageMaker Model Package State Change"]
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {
            "ModelPackageGroupName": ["reviews-champion", "reviews-challenger"],
            "ModelApprovalStatus": ["Approved"],
        },
    }
    (target,) = rule["Targets"]
    assert text(target["Arn"]).startswith("{BuildEndpoint")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 7200, "MaximumRetryAttempts": 8}
    assert text(target["DeadLetterConfig"]["Arn"]).startswith("{OnApprovalLost")


def test_an_alarm_of_the_endpoints_variants_takes_one_out(demo: Templates) -> None:
    rule = rules(demo)["CloudWatch Alarm State Change"]
    assert rule["EventPattern"] == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": [{"prefix": "sagemaker-reviews-demo/"}], "state": {"value": ["ALARM"]}},
    }
    (target,) = rule["Targets"]
    assert text(target["Arn"]).startswith("{TakeOut")
    assert text(target["DeadLetterConfig"]["Arn"]).startswith("{OnAlarmLost")
    assert failing(demo)["{TakeOut"].startswith("{OnAlarmLost")


def test_an_endpoint_of_the_project_that_serves_or_goes_is_followed(demo: Templates) -> None:
    rule = rules(demo)["SageMaker Endpoint State Change"]
    assert rule["EventPattern"]["source"] == ["aws.sagemaker"]
    assert rule["EventPattern"]["detail"] == {
        "EndpointName": [{"prefix": "sagemaker-reviews-"}],
        "EndpointStatus": ["IN_SERVICE", "DELETING"],
    }
    (target,) = rule["Targets"]
    assert text(target["Arn"]).startswith("{AdoptionEndpointChanged")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 7200, "MaximumRetryAttempts": 8}
    assert text(target["DeadLetterConfig"]["Arn"]).startswith("{AdoptionLost")
    assert failing(demo)["{AdoptionEndpointChanged"].startswith("{AdoptionLost")


def failing(templates: Templates) -> dict[str, str]:
    """Where an event goes on which a function fails, by the function."""
    configs = templates.properties("AWS::Lambda::EventInvokeConfig")
    return {
        text(config["FunctionName"]).partition("Function")[0]: text(
            config["DestinationConfig"]["OnFailure"]["Destination"]
        )
        for config in configs
    }


def test_a_lost_event_raises_an_alarm(demo: Templates) -> None:
    alarms = demo.properties("AWS::CloudWatch::Alarm")
    for alarm in alarms:
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
        assert alarm["TreatMissingData"] == "notBreaching"
    queues = sorted(text(alarm["Dimensions"][0]["Value"]) for alarm in alarms)
    assert [queue.partition("Lost")[0] for queue in queues] == ["{Adoption", "{OnAlarm", "{OnApproval"]


def test_no_schedule_where_rebalance_is_started_by_hand(demo: Templates) -> None:
    assert demo.resources("AWS::Scheduler::Schedule") == []


def test_rebalance_runs_as_often_as_configured(prod: Templates) -> None:
    (schedule,) = prod.properties("AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "rate(60 minutes)" or schedule["ScheduleExpression"] == "rate(1 hour)"
    target: Any = schedule["Target"]
    assert text(target["Arn"]).startswith("{RebalanceAll")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 2}
    assert text(target["DeadLetterConfig"]["Arn"]).startswith("{OnScheduleLost")
    assert len(prod.resources("AWS::CloudWatch::Alarm")) == 4


def test_no_stage_promotes_by_itself_unless_told_to(demo: Templates, prod: Templates) -> None:
    for templates in (demo, prod):
        assert "promote" not in functions(templates)
        assert {kind.partition(" ")[0] for kind in rules(templates)} == {"SageMaker", "CloudWatch"}


def test_an_announced_winner_starts_promote_where_the_stage_says_automatic(in_a_project: Templates) -> None:
    rule = rules(in_a_project)["Experiment Decided"]
    assert rule["EventPattern"] == {
        "source": ["abtest"],
        "detail-type": ["Experiment Decided"],
        "detail": {"endpoint_name": ["sagemaker-reviews-prod"]},
    }
    (target,) = rule["Targets"]
    assert text(target["Arn"]).startswith("{Promotion")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 7200, "MaximumRetryAttempts": 8}
    assert text(target["DeadLetterConfig"]["Arn"]).startswith("{OnDecisionLost")
    assert "reviews-prod-promote" in machines(in_a_project)
    (variables,) = (f["Environment"]["Variables"] for name, f in functions(in_a_project).items() if name == "promote")
    assert set(variables) == variables_read("promote")


def test_promote_may_read_what_is_decided_and_register_champions(in_a_project: Templates) -> None:
    allowed = {
        action: {text(resource).rpartition(":")[2] for resource in listed(statement["Resource"])}
        for name, statement in in_a_project.statements()
        if name.startswith("PromoteRole")
        for action in listed(statement["Action"])
        if action.partition(":")[0] not in ("logs", "xray")
    }
    packages = {"model-package/reviews-champion/*", "model-package/reviews-challenger/*"}
    assert {action for action in allowed if action.startswith("dynamodb")} == {"dynamodb:GetItem"}
    assert allowed["sagemaker:ListModelPackages"] == allowed["sagemaker:DescribeModelPackage"] == packages
    assert allowed["sagemaker:CreateModelPackage"] == {
        "model-package-group/reviews-champion",
        "model-package/reviews-champion/*",
    }
    assert len([action for action in allowed if action.startswith("sagemaker")]) == 3
    # CreateModelPackage reads the artefact and the image's manifest for its caller.
    assert {path.rpartition("}/")[2] for path in allowed["s3:GetObject"]} == {"models/*", "runs/*"}
    assert "repository/blazingtext" in allowed["ecr:BatchGetImage"]
