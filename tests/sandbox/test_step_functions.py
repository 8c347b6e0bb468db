"""Machines meet AWS's results and error names, end when they should, and start once."""

import json
import time
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.sandbox.functions import create_function, create_machine, ended, run, task

pytestmark = pytest.mark.slow

SDK = "arn:aws:states:::aws-sdk:"
WAITING = {"Type": "Wait", "Seconds": 1000, "End": True}


def test_a_sagemaker_task_has_json_types(sandbox: Sandbox) -> None:
    create = create_machine(
        sandbox, "sdk-create", task(SDK + "sagemaker:createModelPackageGroup", {"ModelPackageGroupName": "sdk-task"})
    )
    assert run(sandbox, create)["status"] == "SUCCEEDED"
    describe = task(SDK + "sagemaker:describeModelPackageGroup", {"ModelPackageGroupName": "sdk-task"})
    output = json.loads(run(sandbox, create_machine(sandbox, "sdk-describe", describe))["output"])
    assert output["ModelPackageGroupStatus"] == "Completed"
    assert output["CreationTime"].endswith("Z")
    assert "ResponseMetadata" not in output


@pytest.mark.parametrize(
    ("name", "resource", "parameters", "error"),
    [
        ("unmodelled", "sagemaker:describeEndpoint", {"EndpointName": "none"}, "SageMaker.SageMakerException"),
        (
            "modelled",
            "sagemaker:describeTrainingJob",
            {"TrainingJobName": "none"},
            "SageMaker.ResourceNotFoundException",
        ),
        ("invalid", "sagemaker:describeEndpoint", {}, "SageMaker.SageMakerException"),
        ("unknown-field", "sagemaker:describeEndpoint", {"Endpoint": "none"}, "States.Runtime"),
        ("s3", "s3:getObject", {"Bucket": "none-such", "Key": "k"}, "S3.NoSuchBucketException"),
        ("dynamodb", "dynamodb:getItem", {"TableName": "none", "Key": {}}, "DynamoDb.ResourceNotFoundException"),
    ],
)
def test_an_sdk_task_fails_with_the_error_name_of_aws(
    sandbox: Sandbox, name: str, resource: str, parameters: dict[str, Any], error: str
) -> None:
    failed = run(sandbox, create_machine(sandbox, f"sdk-{name}", task(SDK + resource, parameters)))
    assert (failed["status"], failed["error"]) == ("FAILED", error)
    assert failed["cause"]


def test_a_handlers_exception_is_caught_by_its_name_and_the_worker_lives_on(sandbox: Sandbox) -> None:
    source = """
import os
class NotToday(Exception): pass
def handler(event, context):
    if event.get("fail"): raise NotToday("tomorrow")
    return {"pid": os.getpid()}
"""
    function = create_function(sandbox, "not-today", source)
    invoke = sandbox.client("lambda").invoke
    first = json.loads(invoke(FunctionName="not-today", Payload="{}")["Payload"].read())
    answer = invoke(FunctionName="not-today", Payload='{"fail": true}')
    assert answer["FunctionError"] == "Unhandled"
    body = json.loads(answer["Payload"].read())
    assert (body["errorType"], body["errorMessage"]) == ("NotToday", "tomorrow")
    assert json.loads(invoke(FunctionName="not-today", Payload="{}")["Payload"].read()) == first
    catch = [{"ErrorEquals": ["NotToday"], "ResultPath": "$.error", "Next": "Caught"}]
    machine = task(function, Parameters={"fail": True}, Catch=catch)
    machine["States"]["Caught"] = {"Type": "Pass", "End": True}
    caught = run(sandbox, create_machine(sandbox, "catches", machine))
    assert json.loads(caught["output"])["error"]["Error"] == "NotToday"


def test_no_catch_of_all_errors_has_too_much_data_or_a_mistake_of_the_definition(sandbox: Sandbox) -> None:
    large = create_function(sandbox, "large", "def handler(event, context): return {'a': 'x' * 262_144}")
    mistaken = SDK + "sagemaker:describeEndpoint"
    wanted = {"limit": (large, "States.DataLimitExceeded"), "mistake": (mistaken, "States.Runtime")}
    for name, (resource, error) in wanted.items():
        catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
        machine = task(resource, Parameters={"Unknown": 1}, Catch=catch)
        machine["States"]["Caught"] = {"Type": "Pass", "End": True}
        failed = run(sandbox, create_machine(sandbox, name, machine))
        assert (failed["status"], failed["error"]) == ("FAILED", error)


def test_the_same_name_and_input_is_the_same_execution_while_it_runs(sandbox: Sandbox) -> None:
    machine = create_machine(sandbox, "idempotent", {"StartAt": "Wait", "States": {"Wait": WAITING}})
    states = sandbox.client("stepfunctions")
    first = states.start_execution(stateMachineArn=machine, name="once", input='{"a": 1}')
    again = states.start_execution(stateMachineArn=machine, name="once", input='{"a": 1}')
    assert again["executionArn"] == first["executionArn"]
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=machine, name="once", input='{"a": 2}')
    states.stop_execution(executionArn=first["executionArn"])


def test_a_machine_ends_at_its_timeout_and_waits_are_shortened(sandbox: Sandbox) -> None:
    definition = {"TimeoutSeconds": 1, "StartAt": "Wait", "States": {"Wait": WAITING}}
    assert run(sandbox, create_machine(sandbox, "times-out", definition))["status"] == "TIMED_OUT"
    began = time.monotonic()
    short = {"StartAt": "Wait", "States": {"Wait": WAITING | {"Seconds": 20}}}
    assert run(sandbox, create_machine(sandbox, "waits", short))["status"] == "SUCCEEDED"
    assert 1.0 <= time.monotonic() - began < 10.0


def test_a_stopped_execution_enters_no_other_state(sandbox: Sandbox) -> None:
    branch = {
        "StartAt": "Wait",
        "States": {
            "Wait": {"Type": "Wait", "Seconds": 20, "Next": "Create"},
            "Create": {
                "Type": "Task",
                "Resource": SDK + "sagemaker:createModelPackageGroup",
                "Parameters": {"ModelPackageGroupName": "after-the-stop"},
                "End": True,
            },
        },
    }
    definition = {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [branch], "End": True}}}
    machine = create_machine(sandbox, "stops", definition)
    states = sandbox.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    states.stop_execution(executionArn=execution, error="Enough", cause="a test")
    time.sleep(2.5)  # longer than the wait would have been
    found = ended(sandbox, execution)
    assert (found["status"], found["error"]) == ("ABORTED", "Enough")
    groups = sandbox.client("sagemaker").list_model_package_groups(NameContains="after-the-stop")
    assert groups["ModelPackageGroupSummaryList"] == []


@pytest.mark.parametrize(
    ("name", "state", "error"),
    [
        ("parameter", {"Type": "Pass", "Parameters": {"a.$": "$.none"}, "End": True}, "States.ParameterPathFailure"),
        ("context", {"Type": "Pass", "Parameters": {"a.$": "$$.none"}, "End": True}, "States.ParameterPathFailure"),
        ("input", {"Type": "Pass", "InputPath": "$.there.none", "End": True}, "States.Runtime"),
        (
            "choice",
            {"Type": "Choice", "Choices": [{"Variable": "$.none", "NumericEquals": 1, "Next": "End"}]},
            "States.Runtime",
        ),
    ],
)
def test_a_path_that_leads_nowhere_fails_the_execution(
    sandbox: Sandbox, name: str, state: dict[str, Any], error: str
) -> None:
    definition = {"StartAt": "Reads", "States": {"Reads": state, "End": {"Type": "Succeed"}}}
    failed = run(sandbox, create_machine(sandbox, f"path-{name}", definition), {"there": {"null": None}})
    assert (failed["status"], failed["error"]) == ("FAILED", error)


def test_a_path_to_null_and_a_question_for_presence_are_fine(sandbox: Sandbox) -> None:
    absent = {"Variable": "$.none", "IsPresent": False}
    null = {"Variable": "$.there.null", "IsNull": True}
    choices = [{"And": [absent, null], "Next": "Reads"}]
    parameters = {"a.$": "$.there['null']", "b.$": "$$.Execution.Name", "c.$": "$.there.list[0]"}
    states = {
        "Asks": {"Type": "Choice", "Choices": choices},
        "Reads": {"Type": "Pass", "Parameters": parameters, "End": True},
    }
    machine = create_machine(sandbox, "path-null", {"StartAt": "Asks", "States": states})
    done = run(sandbox, machine, {"there": {"null": None, "list": [7]}}, name="by-name")
    assert json.loads(done["output"]) == {"a": None, "b": "by-name", "c": 7}
