from typing import Any

import pytest

from abtest.sandbox.sagemaker.pipelines.expressions import (
    ExpressionError,
    Reference,
    Values,
    follow,
    parse_path,
    parse_reference,
    references,
    resolve,
)
from tests.sandbox.sagemaker.pipelines.definitions import get, join, json_get

DESCRIBED = {
    "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/model.tar.gz"},
    "ProcessingOutputConfig": {"Outputs": [{"OutputName": "train", "S3Output": {"S3Uri": "s3://bucket/train"}}]},
    "FinalMetricDataList": [{"MetricName": "validation:accuracy", "Value": 0.7}],
    "TrainingJobSummaries": [{"TrainingJobName": "best"}, {"TrainingJobName": "worst"}],
    "HyperParameters": {"mode": "supervised"},
}
PARAMETERS = {"Name": "reviews", "Count": 3, "Rate": 0.5, "Flag": True}


def value(reference: Reference) -> Any:
    return PARAMETERS[reference.name] if reference.root == "Parameters" else follow(DESCRIBED, reference.path)


VALUES = Values(value, lambda step, file, path: [step, file, *path], lambda uri, path: [uri, *path])


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("a[0].b", ("a", 0, "b")),
        ("a['b.c'].d", ("a", "b.c", "d")),
        ('a["b"]', ("a", "b")),
        ("$.a.b", ("a", "b")),
        ("[1][2]", (1, 2)),
        ("Outputs['validation:accuracy']", ("Outputs", "validation:accuracy")),
    ],
)
def test_a_path_is_split_into_names_and_indexes(text: str, path: tuple[Any, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize("text", ["a[", "a[x]", "a..b", "a]", "a['b]"])
def test_a_path_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ExpressionError, match="not a valid path"):
        parse_path(text)


@pytest.mark.parametrize("text", ["Parameters", "Parameters.A.b", "Execution.A[0]", "Other.A", "", None, 3])
def test_a_reference_that_cannot_be_read(text: Any) -> None:
    with pytest.raises(ExpressionError, match="is not a reference"):
        parse_reference(text)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("plain", "plain"),
        (None, None),
        (get("Parameters.Count"), 3),
        (get("Steps.Train.ModelArtifacts.S3ModelArtifacts"), "s3://bucket/model.tar.gz"),
        (get("Steps.Prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"), "s3://bucket/train"),
        (get("Steps.Train.FinalMetricDataList['validation:accuracy'].Value"), 0.7),
        (get("Steps.Tune.TrainingJobSummaries[1].TrainingJobName"), "worst"),
        (get("Steps.Train.HyperParameters['mode']"), "supervised"),
        (join("s3:/", get("Parameters.Name"), 7), "s3://reviews/7"),
        (join(get("Parameters.Rate"), get("Parameters.Flag"), get("Parameters.Count"), on=","), "0.5,true,3"),
        (join("a", join("b", "c", on="-"), on="+"), "a+b-c"),
        ({"Std:Join": {"Values": ["a", "b"]}}, "ab"),
        (json_get("Evaluate", "Report", "a.b[0]"), ["Evaluate", "Report", "a", "b", 0]),
        (
            {"Std:JsonGet": {"S3Uri": join("s3://bucket", get("Parameters.Name")), "Path": "a"}},
            ["s3://bucket/reviews", "a"],
        ),
        ({"Key": [get("Parameters.Name"), {"Deep": get("Parameters.Count")}]}, {"Key": ["reviews", {"Deep": 3}]}),
        ({"Get": "Parameters.Name", "Other": 1}, {"Get": "Parameters.Name", "Other": 1}),
    ],
)
def test_an_expression_is_replaced_by_its_value(expression: Any, expected: Any) -> None:
    assert resolve(expression, VALUES) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"Std:Join": {"On": "/"}}, "Std:Join needs Values"),
        ({"Std:Join": {"Values": "abc"}}, "needs a list"),
        ({"Std:Join": {"Values": [None]}}, "cannot be joined"),
        ({"Std:Join": {"Values": [["a"]]}}, "cannot be joined"),
        ({"Std:JsonGet": {"Path": "a"}}, "needs PropertyFile"),
        ({"Std:JsonGet": {"PropertyFile": get("Steps.A.PropertyFiles.B")}}, "needs Path"),
        ({"Std:JsonGet": {"PropertyFile": get("Steps.A.Outputs"), "Path": "a"}}, "not a reference to a property file"),
        (get("Steps.Train.ModelArtifacts.Other"), "there is nothing at 'ModelArtifacts.Other'"),
        (get("Steps.Train.TrainingJobSummaries[2].TrainingJobName"), r"nothing at 'TrainingJobSummaries\[2\]'"),
        (get("Steps.Prepare.ProcessingOutputConfig.Outputs['other']"), "nothing at"),
    ],
)
def test_an_expression_without_a_value(expression: Any, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        resolve(expression, VALUES)


def test_references_are_found_at_any_depth() -> None:
    document = [{"a": get("Parameters.A")}, join("x", get("Steps.B.C")), json_get("D", "E", "f")]
    assert [str(reference) for reference in references(document)] == [
        "Parameters.A",
        "Steps.B.C",
        "Steps.D.PropertyFiles.E",
    ]
