"""Where a registered model comes from: its training job, the search that chose it, evaluation, data card and code."""

import json
from typing import Any

from botocore.exceptions import ClientError

from abtest.adapters import registry
from abtest.adapters.artefacts import read
from abtest.experiment.record.tuning import Search, Trial

Json = dict[str, Any]

GONE = ("ValidationException", "ResourceNotFound", "NoSuchKey", "NoSuchBucket")


def training_job(package: Json) -> Json | None:
    """The description of the job that wrote the package's artefact, at OUTPUT_PATH/JOB/output/model.tar.gz.

    None for an artefact from elsewhere. `package` is a description, as `registry.describe` gives it.
    """
    url = package.get("InferenceSpecification", {}).get("Containers", [{}])[0].get("ModelDataUrl", "")
    parts = url.rsplit("/", 3)
    if len(parts) < 4 or parts[2] != "output":
        return None
    try:
        found: Json = registry.client().describe_training_job(TrainingJobName=parts[1])
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        return None
    return found


def search(job: Json) -> Search | None:
    """The search that the training job was a trial of; None for one that was trained by itself.

    The tuning job's name comes from the trial's, NAME-001-HASH: ARNs have it in lower case.
    """
    if not job.get("TuningJobArn"):
        return None
    name, client = job["TrainingJobName"].rsplit("-", 2)[0], registry.client()
    config = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)[
        "HyperParameterTuningJobConfig"
    ]
    pages = client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=name
    )
    objective = config["HyperParameterTuningJobObjective"]
    found = [_trial(summary) for page in pages for summary in page["TrainingJobSummaries"]]
    sign = -1 if objective["Type"] == "Maximize" else 1
    ranked = sorted(found, key=lambda trial: (trial.objective is None, sign * (trial.objective or 0)))
    return Search(name, config["Strategy"], objective["MetricName"], tuple(ranked))


def _trial(summary: Json) -> Trial:
    begun, ended = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    return Trial(
        training_job_name=summary["TrainingJobName"],
        status=summary["TrainingJobStatus"],
        objective=metric.get("Value"),
        hyperparameters=dict(sorted(summary["TunedHyperParameters"].items())),
        seconds=round((ended - begun).total_seconds()) if begun and ended else None,
        reason=summary.get("FailureReason"),
    )


def evaluation(package: Json) -> Json | None:
    """The content of the package's evaluation.json; None if it has none."""
    return _statistics(package, "ModelQuality")


def data_card(package: Json) -> Json | None:
    """The content of the package's features.json; None if it has none."""
    return _statistics(package, "ModelDataQuality")


def _statistics(package: Json, kind: str) -> Json | None:
    uri = package.get("ModelMetrics", {}).get(kind, {}).get("Statistics", {}).get("S3Uri")
    if not uri:
        return None
    try:
        found: Json = json.loads(read(uri))
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        return None
    return found
