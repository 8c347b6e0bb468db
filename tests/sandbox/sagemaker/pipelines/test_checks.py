import contextlib
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.sagemaker.pipelines.checks import checked
from tests.sandbox.sagemaker.pipelines.definitions import (
    compare,
    condition,
    document,
    fail,
    get,
    join,
    json_get,
    model,
    parameter,
    processing,
    register,
    text,
    training,
    transform,
    tuning,
)

TRUE = compare("Equals", 1, 1)
SAGEMAKER_ONLY = {"Name": "Notify", "Type": "Lambda", "Arguments": {}}
INSTANCES = get("Parameters.Instances")


def resized(step: dict[str, Any], count: Any) -> dict[str, Any]:
    step["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = count
    return step


def without(step: dict[str, Any], member: str) -> dict[str, Any]:
    return {key: value for key, value in step.items() if key != member}


def refusal(definition: str) -> str:
    with pytest.raises(ServiceError) as caught:
        checked(definition)
    assert caught.value.code == "ValidationException"
    return caught.value.message


def test_every_type_of_step_with_references_of_every_kind_is_accepted() -> None:
    artefact = get("Steps.Train.ModelArtifacts.S3ModelArtifacts")
    report = json_get("Evaluate", "Report", "accuracy")
    trial = get("Steps.Tune.TrainingJobSummaries[0].CreationTime")
    definition = text(
        processing("Prepare", arguments=["--seed", join(get("Parameters.Seed"), on="")]),
        training("Train", get("Steps.Prepare.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri")),
        tuning("Tune"),
        model("Model", artefact),
        transform("Predict", get("Steps.Model.ModelName")),
        processing("Evaluate", after=["Predict"], arguments=[get("Execution.PipelineExecutionId")]),
        resized(processing("Sized", arguments=[report, trial]), report),
        condition("Check", [compare("LessThan", report, 0.5)], [fail("Low", join("a", report))], [
            register("Register", artefact)
        ]),
        parameters=[parameter("Seed", "Integer", 1)],
    )  # fmt: skip
    steps = checked(definition).steps
    assert steps["Register"].dependencies == {"Check", "Train"}
    assert steps["Check"].dependencies == {"Evaluate"}
    assert (steps["Register"].parent, steps["Register"].branch) == ("Check", "ElseSteps")


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("{", "It is not valid JSON"),
        ("[]", "Expecting start of Json Object."),
        ("{}", "Version is 'None', must be '2020-12-01'."),
        (json.dumps({"Version": "2020-12-01"}), "Steps must be a list of at least one step."),
        (json.dumps({"Version": "2020-12-01", "Steps": []}), "Steps must be a list of at least one step."),
        (json.dumps({"Version": "2020-12-01", "Steps": [1]}), "Every step needs a Name"),
        (text(without(processing("A"), "Name")), "Every step needs a Name"),
        (text(processing("not a name")), "Every step needs a Name"),
        (text(SAGEMAKER_ONLY), "Step 'Notify' has type 'Lambda', which the sandbox does not run; it runs Processing,"),
        (text(condition("C", [TRUE], [SAGEMAKER_ONLY])), "Step 'Notify' has type 'Lambda'"),
        (text(without(processing("A"), "Type")), "Step 'A' has type 'None'"),
        (text(without(processing("A"), "Arguments")), "Step 'A' is wrong: Arguments is missing."),
        (text(condition("C", [TRUE]) | {"Arguments": {"IfSteps": {}}}), "Step 'C' is wrong: IfSteps must be a list."),
        (text(processing("A", DependsOn="B")), "Step 'A' is wrong: DependsOn must be a list."),
        (
            text(processing("A", RetryPolicies=[{"MaxAttempts": "3"}])),
            "Step 'A' is wrong: MaxAttempts must be a number.",
        ),
        (text(processing("A"), processing("A")), "Step name 'A' is used twice"),
        (text(processing("A"), condition("C", [TRUE], [processing("A")])), "Step name 'A' is used twice"),
        (text(processing("A"), parameters=[parameter("P", "Number")]), "Parameter 'P' has type 'Number'"),
        (text(processing("A"), parameters=[parameter("P"), parameter("P")]), "Parameter 'P' is declared twice."),
    ],
)
def test_the_wrong_form_is_refused(definition: str, message: str) -> None:
    assert refusal(definition).startswith(f"Unable to parse pipeline definition. {message}")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([processing("A", after=["B"])], "Step 'A': depends on step 'B', which does not exist."),
        ([processing("A", after=["F"]), fail("F")], "Step 'A': A can not depends on F."),
        ([processing("A", DependsOn=[{"Step": "B", "Trigger": "Failed"}])], "Step 'A': DependsOn {'Step': 'B'"),
        ([processing("A", arguments=[get("Parameters.Q")])], "Step 'A': refers to parameter 'Q', which is not defined"),
        ([processing("A", arguments=[get("Execution.Name")])], "Step 'A': refers to execution variable 'Name'"),
        ([processing("A", arguments=[get("Steps.B.ModelName")])], "Step 'A': refers to step 'B', which does not exist"),
        ([processing("A", arguments=[get("nonsense")])], "Step 'A': 'nonsense' is not a reference"),
        ([training("Train", "s3://b"), model("M", get("Steps.Train.Nothing"))], "Step 'M': there is no property"),
        ([training("Train", "s3://b"), model("M", get("Steps.Train"))], "Step 'M': there is no property"),
        ([training("Train", "s3://b"), model("M", get("Steps.Train.ModelArtifacts.X"))], "Step 'M': there is no prop"),
        ([training("Train", "s3://b"), model("M", get("Steps.Train.ModelArtifacts"))], "Step 'M': 'Steps.Train.ModelA"),
        ([fail("F", get("Steps.G.ErrorMessage")), fail("G")], "Step 'F': there is no property"),
        (
            [processing("A"), fail("F", json_get("A", "Other", "x"))],
            "Step 'F': refers to 'Steps.A.PropertyFiles.Other'",
        ),
        ([fail("F", {"Std:JsonGet": {"PropertyFile": {}, "Path": "a"}})], "Step 'F': 'None' is not a reference"),
        ([fail("F", 3)], "Step 'F': ErrorMessage must be a string."),
        (
            [condition("C", [TRUE], [condition("D", [TRUE])])],
            "Step 'D': is a condition in a branch of 'C': conditions cannot be nested.",
        ),
        ([condition("C", [{"Type": "Xor"}])], "Step 'C': 'Xor' is not a type of condition."),
    ],
)
def test_what_does_not_exist_is_refused(steps: list[Any], message: str) -> None:
    assert refusal(text(*steps)).startswith(f"Unable to parse pipeline definition. {message}")


@pytest.mark.parametrize(
    "steps",
    [
        [processing("A", after=["A"])],
        [processing("A", after=["B"]), processing("B", after=["A"])],
        [processing("A", after=["Inner"]), condition("C", [TRUE], [processing("Inner")], DependsOn=["A"])],
        [condition("C", [TRUE], [processing("Inner")], DependsOn=["Inner"])],
    ],
)
def test_a_circle_is_refused(steps: list[Any]) -> None:
    assert "depend on each other in a circle: " in refusal(text(*steps))


def test_a_property_file_must_be_in_an_output() -> None:
    file = {"PropertyFileName": "Report", "OutputName": "other", "FilePath": "report.json"}
    assert "property file 'Report' is in output 'other'" in refusal(text(processing("A", PropertyFiles=[file])))
    assert "Step 'A' is wrong: FilePath is missing" in refusal(
        text(processing("A", PropertyFiles=[without(file, "FilePath")]))
    )


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (training("A", "s3://b") | {"Arguments": {}}, "Missing required parameter"),
        (resized(processing("A"), "two"), "Invalid type for parameter ProcessingResources.ClusterConfig.InstanceCount"),
        (resized(processing("A"), get("Execution.PipelineName")), "Invalid type for parameter"),
        (register("A", 5), "Invalid type for parameter InferenceSpecification.Containers"),
    ],
)
def test_arguments_that_the_operation_would_refuse(step: Any, message: str) -> None:
    assert message in refusal(text(step))


def test_an_unknown_argument_is_refused() -> None:
    step = processing("A")
    step["Arguments"]["Colour"] = "red"
    assert 'Unknown parameter in input: "Colour"' in refusal(text(step))


def test_a_role_may_be_a_parameter_or_come_from_a_document() -> None:
    for role in (get("Parameters.Role"), json_get("A", "Report", "role")):
        step = processing("B")
        step["Arguments"]["RoleArn"] = role
        assert checked(text(processing("A"), step, parameters=[parameter("Role")]))


@pytest.mark.parametrize(("kind", "accepted"), [("Integer", True), ("String", False)])
def test_a_parameter_must_be_of_the_type_that_the_argument_has(kind: str, accepted: bool) -> None:
    definition = text(resized(processing("A"), INSTANCES), parameters=[parameter("Instances", kind)])
    if accepted:
        assert checked(definition).steps["A"].name == "A"
    else:
        assert "InstanceCount" in refusal(definition)


def everywhere(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from everywhere(value, (*path, key))


@pytest.mark.parametrize("junk", [None, 3, True, "x", [], {}, [3], ["x"], {"a": 1}, {"Get": 3}], ids=str)
def test_whatever_stands_anywhere_is_accepted_or_refused_in_words(junk: Any) -> None:
    report = json_get("A", "Report", "accuracy")
    gate = condition("C", [{"Type": "Or", "Conditions": [compare("LessThan", report, 1)]}], [fail("F", join("a"))])
    sound = document(
        processing("A", RetryPolicies=[{"MaxAttempts": 3}]), gate, parameters=[parameter("P", default="x")]
    )
    sound["PipelineExperimentConfig"] = {"TrialName": get("Execution.PipelineExecutionId")}
    assert checked(json.dumps(sound))
    for path in everywhere(sound):
        broken = copy.deepcopy(sound)
        node: Any = broken
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = junk
        with contextlib.suppress(ServiceError):
            checked(json.dumps(broken))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"TrialName": get("Parameters.P")}, "PipelineExperimentConfig refers to parameter 'P'"),
        ({"TrialName": get("Steps.A.ProcessingJobName")}, "PipelineExperimentConfig refers to 'Steps.A.Pro"),
        ({"TrialName": 3}, "PipelineExperimentConfig must hold strings"),
    ],
)
def test_an_experiment_is_named_before_any_step_runs(config: Any, message: str) -> None:
    wrong = document(processing("A")) | {"PipelineExperimentConfig": config}
    assert message in refusal(json.dumps(wrong))


def test_null_members_of_the_compiled_document_are_ignored() -> None:
    definition = document(processing("A", DependsOn=None, RetryPolicies=None, PropertyFiles=None))
    definition |= {"MlflowConfig": None, "PipelineExperimentConfig": None, "Parameters": None}
    assert list(checked(json.dumps(definition)).steps) == ["A"]
