"""From a package back to its job, its search, its evaluation and its data card."""

import datetime
import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from abtest.adapters import artefacts, lineage, registry

BEGUN = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)
PACKAGE: dict[str, Any] = {
    "InferenceSpecification": {
        "Containers": [{"ModelDataUrl": "s3://bucket/models/challenger/find-002-ab12/output/model.tar.gz"}]
    },
    "ModelMetrics": {
        "ModelQuality": {"Statistics": {"S3Uri": "s3://bucket/run/evaluation.json"}},
        "ModelDataQuality": {"Statistics": {"S3Uri": "s3://bucket/run/features.json"}},
    },
}


def trial(number: int, value: float | None, **more: Any) -> dict[str, Any]:
    metric = {"MetricName": "validation:accuracy", "Value": value}
    return {
        "TrainingJobName": f"find-{number:03d}-ab12",
        "TrainingJobStatus": "Failed" if value is None else "Completed",
        "TunedHyperParameters": {"word_ngrams": "2", "epochs": str(number)},
        "FinalHyperParameterTuningJobObjectiveMetric": None if value is None else metric,
        "TrainingStartTime": BEGUN,
        "TrainingEndTime": BEGUN + datetime.timedelta(seconds=number),
        **more,
    }


def fake_sagemaker(objective: str = "Maximize") -> SimpleNamespace:
    """A client with one search of three trials, in two pages."""
    pages = [[trial(1, 0.6)], [trial(2, 0.7), trial(3, None, FailureReason="AlgorithmError: killed")]]

    def describe_training_job(TrainingJobName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if not TrainingJobName.startswith("find-"):
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "DescribeTrainingJob")
        return {"TrainingJobName": TrainingJobName, "TuningJobArn": "arn:find"}

    def describe_hyper_parameter_tuning_job(HyperParameterTuningJobName: str) -> dict[str, Any]:  # noqa: N803
        assert HyperParameterTuningJobName == "find"
        return {
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {"Type": objective, "MetricName": "validation:accuracy"},
            }
        }

    return SimpleNamespace(
        describe_training_job=describe_training_job,
        describe_hyper_parameter_tuning_job=describe_hyper_parameter_tuning_job,
        get_paginator=lambda _: SimpleNamespace(
            paginate=lambda **_: [{"TrainingJobSummaries": summaries} for summaries in pages]
        ),
    )


def test_a_search_lists_its_trials_best_first_and_failed_ones_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "client", fake_sagemaker)
    job = lineage.training_job(PACKAGE)
    assert job is not None
    assert job["TrainingJobName"] == "find-002-ab12"
    search = lineage.search(job)
    assert search is not None
    assert (search.tuning_job_name, search.strategy, search.metric_name) == ("find", "Bayesian", "validation:accuracy")
    assert [found.objective for found in search.trials] == [0.7, 0.6, None]
    assert search.trials[0].hyperparameters == {"epochs": "2", "word_ngrams": "2"}
    assert search.trials[0].seconds == 2
    assert search.trials[-1].reason == "AlgorithmError: killed"


def test_the_smallest_objective_is_first_where_it_is_minimized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "client", lambda: fake_sagemaker("Minimize"))
    search = lineage.search({"TuningJobArn": "arn:find", "TrainingJobName": "find-002-ab12"})
    assert search is not None
    assert [found.objective for found in search.trials] == [0.6, 0.7, None]


@pytest.mark.parametrize("url", ["s3://bucket/model.tar.gz", "s3://bucket/elsewhere/old-job/output/model.tar.gz", ""])
def test_a_model_from_elsewhere_has_no_training_job(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(registry, "client", fake_sagemaker)
    assert lineage.training_job({"InferenceSpecification": {"Containers": [{"ModelDataUrl": url}]}}) is None
    assert lineage.training_job({}) is None
    assert lineage.search({"TrainingJobName": "alone"}) is None


def test_reports_are_read_where_they_are_and_left_out_where_not(aws: None) -> None:
    artefacts.client.cache_clear()
    assert lineage.evaluation({}) is lineage.data_card(PACKAGE) is None
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket")
    assert lineage.evaluation(PACKAGE) is None
    s3.put_object(Bucket="bucket", Key="run/evaluation.json", Body=json.dumps({"test_rows": 3}))
    s3.put_object(Bucket="bucket", Key="run/features.json", Body=json.dumps({"rows_read": 9}))
    assert lineage.evaluation(PACKAGE) == {"test_rows": 3}
    assert lineage.data_card(PACKAGE) == {"rows_read": 9}
    artefacts.client.cache_clear()
