"""Sums up a tuning job from its training jobs' records: summaries, counters, the best one."""

from typing import Any

from abtest.sandbox.sagemaker import state
from abtest.sandbox.sagemaker.jobs.kinds import TRAINING
from abtest.sandbox.sagemaker.jobs.records import RUNNING
from abtest.sandbox.sagemaker.wire import Json


def of(record: Json) -> list[Json]:
    """Returns the training jobs of the tuning job `record`, in the order of their indexes."""
    arn = record["HyperParameterTuningJobArn"]
    found = [job for job in state.table(TRAINING.table).values() if job.get("TuningJobArn") == arn]
    return sorted(found, key=lambda job: int(job["_index"]))


def with_results(record: Json) -> Json:
    """Returns the record with its counters and its best training job so far."""
    leader = best(record)
    results = {
        "TrainingJobStatusCounters": status_counters(record),
        "ObjectiveStatusCounters": objective_counters(record),
    }
    return record | results | ({"BestTrainingJob": summary(record, leader)} if leader else {})


def limits_of(record: Json) -> Json:
    """Returns the members of a summary that a description has deeper down."""
    config = record["HyperParameterTuningJobConfig"]
    return {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}


def status_counters(record: Json) -> Json:
    counted = [job["TrainingJobStatus"] for job in of(record)]
    return {
        "Completed": counted.count("Completed"),
        "InProgress": counted.count("InProgress") + counted.count("Stopping"),
        "RetryableError": 0,
        "NonRetryableError": counted.count("Failed"),
        "Stopped": counted.count("Stopped"),
    }


def objective_counters(record: Json) -> Json:
    counted = [objective_status(record, job) for job in of(record)]
    return {name: counted.count(name) for name in ("Succeeded", "Pending", "Failed")}


def objective_status(record: Json, job: Json) -> str:
    if runs(job):
        return "Pending"
    return "Failed" if value(record, job) is None else "Succeeded"


def runs(job: Json) -> bool:
    """Says whether a trial has not ended yet."""
    return job["TrainingJobStatus"] in RUNNING


def sign(record: Json) -> int:
    """Returns 1 where a larger objective is better, else -1."""
    return 1 if objective(record)["Type"] == "Maximize" else -1


def value(record: Json, job: Json) -> float | None:
    """Returns the objective of a training job that completed and has one."""
    name = objective(record)["MetricName"]
    found = [item["Value"] for item in job.get("FinalMetricDataList", []) if item["MetricName"] == name]
    return float(found[-1]) if found and job["TrainingJobStatus"] == "Completed" else None


def best(record: Json) -> Json | None:
    """Returns the training job with the best objective; of equals the one with the lowest index."""
    rated = [(value(record, job), job) for job in of(record)]
    succeeded = [(sign(record) * number, job) for number, job in rated if number is not None]
    return max(succeeded, key=lambda pair: pair[0])[1] if succeeded else None


def objective(record: Json) -> Json:
    found: Json = record["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    return found


def summary(record: Json, job: Json) -> Json:
    """Returns a HyperParameterTrainingJobSummary."""
    number = value(record, job)
    result = {**objective(record), "Value": number} if number is not None else None
    return job | {
        "TuningJobName": record["HyperParameterTuningJobName"],
        "TunedHyperParameters": job["_tuned"],
        "FinalHyperParameterTuningJobObjectiveMetric": result,
        "ObjectiveStatus": objective_status(record, job),
    }


def selected(record: Json, request: Json) -> list[Json]:
    """Filters and sorts summaries as ListTrainingJobsForHyperParameterTuningJob asks: by name, ascending."""
    wanted = request.get("StatusEquals")
    found = [summary(record, job) for job in of(record) if wanted in (None, job["TrainingJobStatus"])]
    key = request.get("SortBy", "Name")
    if key == "FinalObjectiveMetricValue":
        found = [item for item in found if item["FinalHyperParameterTuningJobObjectiveMetric"]]
    found.sort(key=lambda item: _sort_key(item, key), reverse=request.get("SortOrder") == "Descending")
    return found


def _sort_key(item: Json, key: str) -> Any:
    if key == "FinalObjectiveMetricValue":
        return item["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    return item[{"Name": "TrainingJobName", "Status": "TrainingJobStatus"}.get(key, key)]


def sentence(job: Json, proposal: dict[str, str]) -> str:
    """Returns a line of the tuning job's log."""
    metrics = {item["MetricName"]: item["Value"] for item in job.get("FinalMetricDataList", [])}
    return f"{job['TrainingJobName']}: {job['TrainingJobStatus']} {metrics} with {proposal}"
