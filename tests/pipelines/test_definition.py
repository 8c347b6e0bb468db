"""The committed definition, as SageMaker's API would see it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from pipelines import definition
from pipelines.definition import DefinitionError
from pipelines.rules import PARAMETERS, Rules

OUTPUTS = {
    "BucketName": "reviews-dev-data",
    "PipelineRoleArn": "arn:aws:iam::000000000000:role/pipeline",
    "ModelExecutionRoleArn": "arn:aws:iam::000000000000:role/model",
    "ChampionGroupName": "reviews-champion",
    "ChallengerGroupName": "reviews-challenger",
}

# What the pipeline's service adds to a step's arguments, and the operation that it calls with them.
OPERATIONS = {
    "Processing": ("CreateProcessingJob", {"ProcessingJobName": "x"}),
    "Training": ("CreateTrainingJob", {"TrainingJobName": "x"}),
    "Tuning": ("CreateHyperParameterTuningJob", {"HyperParameterTuningJobName": "x"}),
    "Model": ("CreateModel", {"ModelName": "x"}),
    "Transform": ("CreateTransformJob", {"TransformJobName": "x"}),
    "RegisterModel": ("CreateModelPackage", {}),
}

VERSION = "[0-9a-f]{40}(-dirty)?|unknown"
FILLED = json.loads(definition.fill(OUTPUTS, region="us-east-1"))
DEFAULTS = {f"Parameters.{parameter['Name']}": parameter["DefaultValue"] for parameter in FILLED["Parameters"]}


def resolved(value: Any) -> Any:
    """The value with defaults for parameters and stubs for what only an execution knows."""
    match value:
        case {"Get": reference}:
            return DEFAULTS.get(reference, "stub")
        case {"Std:Join": {"On": separator, "Values": parts}}:
            return separator.join(str(resolved(part)) for part in parts)
        case {"Std:JsonGet": _}:
            return 0.6
        case dict():
            return {key: resolved(part) for key, part in value.items()}
        case list():
            return [resolved(part) for part in value]
    return value


def test_no_experiment_is_made_of_an_execution() -> None:
    """The role has no right to make one, and not every region has the service."""
    assert FILLED["PipelineExperimentConfig"] is None


def walk(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from walk(step["Arguments"].get(branch, []))


STEPS = {step["Name"]: step for step in walk(FILLED["Steps"])}
REQUESTING = [name for name, step in STEPS.items() if step["Type"] in OPERATIONS]


@pytest.mark.parametrize("name", REQUESTING)
def test_each_step_makes_a_request_that_botocore_accepts(name: str) -> None:
    operation, added = OPERATIONS[STEPS[name]["Type"]]
    shape = botocore.session.get_session().get_service_model("sagemaker").operation_model(operation).input_shape
    report = ParamValidator().validate(resolved(STEPS[name]["Arguments"]) | added, shape)
    assert not report.has_errors(), report.generate_report()


def test_the_steps_are_those_of_the_design() -> None:
    assert list(STEPS) == [
        *("PrepareFeatures", "TrainChampion", "TuneChallenger"),
        *("CreateChampion", "TransformChampion", "EvaluateChampion"),
        *("CreateChallenger", "TransformChallenger", "EvaluateChallenger"),
        *("CheckChampion", "RegisterChampion", "ChampionRefused"),
        *("CheckChallenger", "RegisterChallenger", "ChallengerRefused"),
    ]


def test_every_reference_names_a_step_or_a_parameter() -> None:
    for reference in re.findall(r'"Get": "([^"]+)"', json.dumps(FILLED)):
        scope, name = reference.split(".")[:2]
        assert (scope == "Steps" and name in STEPS) or reference in DEFAULTS or scope == "Execution", reference


def test_the_challenger_is_registered_after_the_champion() -> None:
    assert STEPS["CheckChallenger"]["DependsOn"] == ["RegisterChampion"]
    assert [step["Name"] for step in STEPS["CheckChampion"]["Arguments"]["IfSteps"]] == ["RegisterChampion"]


def test_no_condition_stands_in_a_branch_of_another() -> None:
    """SageMaker has no nested condition steps."""
    checks = [step["Name"] for step in FILLED["Steps"] if step["Type"] == "Condition"]
    assert checks == [name for name, step in STEPS.items() if step["Type"] == "Condition"]


def test_a_refusal_names_model_accuracy_and_floor() -> None:
    message = resolved(STEPS["ChampionRefused"]["Arguments"]["ErrorMessage"])
    assert message == "The champion is not registered: its test accuracy 0.6 is under the floor 0.5"


def test_the_challenger_is_compared_on_the_champions_predictions_for_the_same_rows() -> None:
    inputs = {
        item["InputName"]: item["S3Input"]["S3Uri"]
        for item in STEPS["EvaluateChallenger"]["Arguments"]["ProcessingInputs"]
    }
    assert inputs["champion"] == {"Get": "Steps.TransformChampion.TransformOutput.S3OutputPath"}
    assert inputs["labels"] == {"Get": "Steps.PrepareFeatures.ProcessingOutputConfig.Outputs['labels'].S3Output.S3Uri"}
    champions = json.dumps(STEPS["EvaluateChampion"])
    assert "TransformChallenger" not in champions
    assert "--champion" not in champions


def test_only_a_challenger_that_is_not_credibly_worse_is_registered() -> None:
    gate = STEPS["CheckChallenger"]["Arguments"]
    floor, loss = gate["Conditions"]
    assert (floor["Type"], loss["Type"]) == ("GreaterThanOrEqualTo", "LessThanOrEqualTo")
    assert loss["LeftValue"]["Std:JsonGet"]["Path"] == "comparison.credible_loss"
    assert (resolved(floor["RightValue"]), resolved(loss["RightValue"])) == (0.5, 0.0)
    assert [step["Name"] for step in gate["IfSteps"]] == ["RegisterChallenger"]
    assert resolved(STEPS["ChallengerRefused"]["Arguments"]["ErrorMessage"]) == (
        "The challenger is not registered: its test accuracy is 0.6 where the floor is 0.5 and it loses at least 0.6 "
        "to the champion (95 % interval, same test rows) where MaximumCredibleLoss is 0.0"
    )


def test_a_package_names_the_job_and_the_code_that_made_it() -> None:
    made = {role: STEPS[f"Register{role}"]["Arguments"]["MetadataProperties"] for role in ("Champion", "Challenger")}
    assert made["Champion"]["GeneratedBy"] == {"Get": "Steps.TrainChampion.TrainingJobArn"}
    assert made["Challenger"]["GeneratedBy"] == {"Get": "Steps.TuneChallenger.BestTrainingJob.TrainingJobArn"}
    assert all(re.fullmatch(VERSION, properties["CommitId"]) for properties in made.values())


def test_the_code_version_is_the_builds_or_the_checkouts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(definition.BUILT_COMMIT, raising=False)
    assert re.fullmatch(VERSION, definition.code_version())
    monkeypatch.setattr(definition, "TEMPLATE_PATH", tmp_path / "definition.json")
    assert definition.code_version() == "unknown"
    monkeypatch.setenv(definition.BUILT_COMMIT, "c0ffee")
    assert definition.code_version() == "c0ffee"


def test_tuning_is_nine_jobs_three_at_once_with_capped_buckets() -> None:
    config = resolved(STEPS["TuneChallenger"]["Arguments"]["HyperParameterTuningJobConfig"])
    assert (config["Strategy"], config["TrainingJobEarlyStoppingType"]) == ("Bayesian", "Off")
    static = resolved(STEPS["TuneChallenger"]["Arguments"]["TrainingJobDefinition"]["StaticHyperParameters"])
    assert (static["early_stopping"], static["patience"]) == ("True", "4")
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3}
    ranges = {item["Name"]: item for kind in config["ParameterRanges"].values() for item in kind}
    assert set(ranges) == {"epochs", "learning_rate", "min_count", "vector_dim", "word_ngrams", "buckets"}
    assert ranges["buckets"]["MaxValue"] == "200000"


def test_a_package_says_what_it_is() -> None:
    properties = resolved(STEPS["RegisterChallenger"]["Arguments"]["CustomerMetadataProperties"])
    assert properties == {
        "ExecutionId": "stub",
        "TestRole": "challenger",
        "TestAccuracy": "0.6",
        "CodeUri": f"s3://{OUTPUTS['BucketName']}/{definition.code_prefix()}/",
    }
    status = STEPS["RegisterChampion"]["Arguments"]["ModelApprovalStatus"]
    assert resolved(status) == "PendingManualApproval"


def test_a_package_names_its_evaluation_and_its_data_card() -> None:
    metrics = STEPS["RegisterChampion"]["Arguments"]["ModelMetrics"]
    cards = metrics["ModelDataQuality"]["Statistics"]
    assert resolved(cards) == {"ContentType": "application/json", "S3Uri": "stub/features.json"}
    assert "Steps.PrepareFeatures.ProcessingOutputConfig.Outputs['card']" in json.dumps(cards)
    assert resolved(metrics["ModelQuality"]["Statistics"])["S3Uri"] == "stub/evaluation.json"


def test_the_published_rules_are_the_defaults_of_parameters() -> None:
    assert {name: DEFAULTS[f"Parameters.{name}"] for name in PARAMETERS} == {
        "MinimumVotes": 5,
        "MinimumProductHelpfulVotes": 5,
        "HelpfulnessThreshold": 0.8,
        "SentimentBins": "0,2,3,6",
        "TrainFraction": 0.9,
        "ValidationFraction": 0.05,
        "TestFraction": 0.05,
        "TrafficFraction": 0.0,
        "MaximumMalformedShare": 0.05,
        "Seed": 1,
    }


def test_every_rule_is_an_argument_of_the_script() -> None:
    arguments = resolved(STEPS["PrepareFeatures"]["Arguments"]["AppSpecification"]["ContainerArguments"])
    given = dict(zip(arguments[::2], map(str, arguments[1::2]), strict=True))
    assert Rules.of({name: given["--" + name.replace("_", "-")] for name in vars(Rules())}) == Rules()


def test_nothing_is_left_to_fill() -> None:
    assert "${" not in json.dumps(FILLED)
    assert f'"s3://reviews-dev-data/{definition.code_prefix()}/"' in json.dumps(FILLED)


def test_images_are_those_of_the_region() -> None:
    assert definition.images("eu-west-1")["BlazingTextImageUri"].startswith("685385470294.dkr.ecr.eu-west-1")
    with pytest.raises(DefinitionError, match="region 'mars-1' has no BlazingText image"):
        definition.images("mars-1")


def test_missing_stack_outputs_are_named() -> None:
    with pytest.raises(DefinitionError, match="no output PipelineRoleArn, ModelExecutionRoleArn"):
        definition.fill({name: OUTPUTS[name] for name in OUTPUTS if "Role" not in name}, region="us-east-1")


def test_the_small_data_parameters_are_parameters() -> None:
    assert {item["Name"] for item in definition.checked(definition.SMALL_DATA_PARAMETERS)} < set(
        definition.parameters()
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Sead", "1", "has no parameter 'Sead'; it has AccuracyFloor"),
        ("Seed", "1.5", "Seed must be integer, not '1.5'"),
        ("AccuracyFloor", "high", "AccuracyFloor must be float"),
        ("ModelApprovalStatus", "Maybe", "must be one of PendingManualApproval, Approved, Rejected"),
    ],
)
def test_a_wrong_parameter_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        definition.checked({name: value})
