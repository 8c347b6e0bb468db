"""Tuning jobs through boto3: real trials, several at once, the same best one whatever order they end in."""

from collections.abc import Callable
from typing import Any

import psutil
import pytest

from abtest.sandbox.sagemaker.jobs import search
from tests.conftest import wait_for
from tests.sandbox.sagemaker.jobs.requests import described, ended, tuning

pytestmark = pytest.mark.slow

Refused = Callable[..., tuple[str, str]]
NOUN = "hyper_parameter_tuning_job"

RATES = {"Name": "learning_rate", "MinValue": "0.05", "MaxValue": "0.5", "ScalingType": "Logarithmic"}
DIMENSIONS = {"Name": "vector_dim", "MinValue": "4", "MaxValue": "32", "ScalingType": "Auto"}
# 100000 leaves no vocabulary: such a trial fails.
COUNTS = {"Name": "min_count", "Values": ["1", "2", "3", "4", "5", "6", "7", "8", "100000"]}
RANGES = {
    "ContinuousParameterRanges": [RATES],
    "IntegerParameterRanges": [DIMENSIONS],
}


def trials(sagemaker: Any, name: str, **arguments: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, MaxResults=100, **arguments
    )["TrainingJobSummaries"]
    return found


def objective(trial: dict[str, Any]) -> float:
    return float(trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])


@pytest.mark.operation("CreateHyperParameterTuningJob")
@pytest.mark.operation("DescribeHyperParameterTuningJob")
@pytest.mark.operation("ListTrainingJobsForHyperParameterTuningJob")
def test_nine_trials_three_at_once_find_the_same_best_twice(sagemaker: Any, s3: Any) -> None:
    names = ("search-a", "search-b")
    for name in names:
        sagemaker.create_hyper_parameter_tuning_job(**tuning(name, RANGES, min_count="1"))
    jobs = [ended(sagemaker, NOUN, name, seconds=120) for name in names]
    assert jobs[0]["HyperParameterTuningJobStatus"] == "Completed", jobs[0]
    assert jobs[0]["TrainingJobStatusCounters"]["Completed"] == 9
    assert jobs[0]["ObjectiveStatusCounters"] == {"Succeeded": 9, "Pending": 0, "Failed": 0}
    first, second = (trials(sagemaker, name) for name in names)
    assert [t["TunedHyperParameters"] for t in first] == [t["TunedHyperParameters"] for t in second]
    assert [objective(t) for t in first] == [objective(t) for t in second]
    best = jobs[0]["BestTrainingJob"]
    assert best["TrainingJobName"] == max(first, key=objective)["TrainingJobName"]
    assert best["TunedHyperParameters"] == jobs[1]["BestTrainingJob"]["TunedHyperParameters"]
    check_trial(sagemaker, best, jobs[0]["HyperParameterTuningJobArn"])
    assert overlapping(first) > 1


def check_trial(sagemaker: Any, trial: dict[str, Any], tuning_arn: str) -> None:
    """A trial is a training job like any other."""
    job = described(sagemaker, "training_job", trial["TrainingJobName"])
    assert trial["TrainingJobName"].startswith("search-a-00")
    assert job["TuningJobArn"] == tuning_arn
    assert trial["TunedHyperParameters"].items() < job["HyperParameters"].items()
    assert job["HyperParameters"]["mode"] == "supervised"
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith(f"/{trial['TrainingJobName']}/output/model.tar.gz")


def overlapping(found: list[dict[str, Any]]) -> int:
    """The most trials that ran at one time."""

    def at(moment: Any) -> int:
        return len([trial for trial in found if trial["TrainingStartTime"] <= moment < trial["TrainingEndTime"]])

    return max(at(trial["TrainingStartTime"]) for trial in found)


def test_a_failing_trial_is_tolerated(sagemaker: Any, s3: Any) -> None:
    ranges = {"CategoricalParameterRanges": [COUNTS]}
    sagemaker.create_hyper_parameter_tuning_job(**tuning("one-fails", ranges))
    job = ended(sagemaker, NOUN, "one-fails", seconds=120)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    counters = job["TrainingJobStatusCounters"]
    assert (counters["Completed"], counters["NonRetryableError"]) == (8, 1)
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 8, "Pending": 0, "Failed": 1}
    failed = trials(sagemaker, "one-fails", StatusEquals="Failed")
    assert [trial["TunedHyperParameters"] for trial in failed] == [{"min_count": "100000"}]
    assert "No word occurs" in failed[0]["FailureReason"]
    assert failed[0]["ObjectiveStatus"] == "Failed"
    ranked = trials(sagemaker, "one-fails", SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    assert len(ranked) == 8
    assert objective(ranked[0]) == objective(job["BestTrainingJob"])
    best = [trial["TrainingJobName"] for trial in ranked if objective(trial) == objective(ranked[0])]
    assert job["BestTrainingJob"]["TrainingJobName"] == min(best)


def kill(trial: dict[str, Any]) -> bool:
    """Kills the trial's program as a lack of memory would; False while there is none."""
    name, module = trial["TrainingJobName"], "abtest.sandbox.blazingtext.training"
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if module in words and name in words[-1] and "guard" not in " ".join(words):
            process.kill()
            return True
    return False


def test_a_crashing_trial_is_reported_and_the_search_goes_on(sagemaker: Any, s3: Any) -> None:
    epochs = {"Name": "epochs", "Values": ["5", "6", "7", "10000000"]}
    request = tuning("one-crashes", {"CategoricalParameterRanges": [epochs]}, jobs=4, parallel=2, min_count="1")
    del request["TrainingJobDefinition"]["StaticHyperParameters"]["epochs"]
    sagemaker.create_hyper_parameter_tuning_job(**request)
    endless = wait_for(
        lambda: [t for t in trials(sagemaker, "one-crashes") if t["TunedHyperParameters"]["epochs"] == "10000000"]
    )
    wait_for(lambda: kill(endless[0]))
    job = ended(sagemaker, NOUN, "one-crashes", seconds=120)
    assert job["HyperParameterTuningJobStatus"] == "Completed", job
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 1}
    (crashed,) = trials(sagemaker, "one-crashes", StatusEquals="Failed")
    assert crashed["TrainingJobName"] == endless[0]["TrainingJobName"]
    assert crashed["FailureReason"].startswith("AlgorithmError:")
    assert job["BestTrainingJob"]["TunedHyperParameters"]["epochs"] != "10000000"


def test_random_search_is_honoured_and_the_tuners_early_stopping_is_said_to_do_nothing(
    sagemaker: Any, s3: Any, log: Callable[[str, str], str]
) -> None:
    for strategy in ("Random", "Bayesian"):
        request = tuning(f"by-{strategy}", RANGES, jobs=5, parallel=1, min_count="1", early_stopping="True")
        config = request["HyperParameterTuningJobConfig"]
        config.update(Strategy=strategy, TrainingJobEarlyStoppingType="Auto")
        sagemaker.create_hyper_parameter_tuning_job(**request)
    for strategy in ("Random", "Bayesian"):
        assert ended(sagemaker, NOUN, f"by-{strategy}", seconds=120)["HyperParameterTuningJobStatus"] == "Completed"
    random, bayesian = (
        [t["TunedHyperParameters"] for t in trials(sagemaker, f"by-{s}")] for s in ("Random", "Bayesian")
    )
    expected: list[search.Trial] = []
    for proposal in random:
        assert proposal == search.propose("Random", RANGES, 7, expected)
        expected.append(search.Trial(proposal, search.FAILED))
    assert random != bayesian
    assert "TrainingJobEarlyStoppingType does not apply in the sandbox" in log("tuning", "by-Random")
    first = trials(sagemaker, "by-Random")[0]["TrainingJobName"]
    assert "early_stopping does not apply in the sandbox" in log("training", first)


def test_a_job_without_a_successful_trial_fails(sagemaker: Any, s3: Any) -> None:
    request = tuning("all-fail", {"IntegerParameterRanges": [DIMENSIONS]}, jobs=2, parallel=2, min_count="100000")
    sagemaker.create_hyper_parameter_tuning_job(**request)
    job = ended(sagemaker, NOUN, "all-fail")
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("All training jobs failed.")
    assert "BestTrainingJob" not in job


@pytest.mark.operation("StopHyperParameterTuningJob")
def test_a_stop_ends_the_trials_that_run(sagemaker: Any, s3: Any) -> None:
    request = tuning("endless-search", RANGES, parallel=2, epochs="10000000", min_count="1")
    sagemaker.create_hyper_parameter_tuning_job(**request)
    wait_for(lambda: len(trials(sagemaker, "endless-search")) == 2)
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="endless-search")
    job = ended(sagemaker, NOUN, "endless-search")
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert [trial["TrainingJobStatus"] for trial in trials(sagemaker, "endless-search")] == ["Stopped"] * 2


@pytest.mark.operation("ListHyperParameterTuningJobs")
def test_tuning_jobs_are_listed(sagemaker: Any, s3: Any) -> None:
    for name in ("listed-x", "listed-y"):
        sagemaker.create_hyper_parameter_tuning_job(**tuning(name, RANGES, jobs=1, parallel=1, min_count="1"))
        ended(sagemaker, NOUN, name)
    found = sagemaker.list_hyper_parameter_tuning_jobs(NameContains="listed-", SortBy="Name", SortOrder="Ascending")
    summaries = found["HyperParameterTuningJobSummaries"]
    assert [summary["HyperParameterTuningJobName"] for summary in summaries] == ["listed-x", "listed-y"]
    assert summaries[0]["Strategy"] == "Bayesian"
    assert summaries[0]["TrainingJobStatusCounters"]["Completed"] == 1


@pytest.mark.operation("ListHyperParameterTuningJobs", error="ValidationException")
def test_a_token_that_nobody_gave_is_refused(sagemaker: Any, error: Refused) -> None:
    assert error(sagemaker.list_hyper_parameter_tuning_jobs, NextToken="x")[0] == "ValidationException"


@pytest.mark.operation("CreateHyperParameterTuningJob", error="ResourceInUse")
def test_a_name_is_used_once(sagemaker: Any, s3: Any, error: Refused) -> None:
    request = tuning("unique-search", RANGES, jobs=1, parallel=1, min_count="1")
    sagemaker.create_hyper_parameter_tuning_job(**request)
    assert error(sagemaker.create_hyper_parameter_tuning_job, **request)[0] == "ResourceInUse"
    ended(sagemaker, NOUN, "unique-search")


@pytest.mark.operation("DescribeHyperParameterTuningJob", error="ResourceNotFound")
@pytest.mark.operation("StopHyperParameterTuningJob", error="ResourceNotFound")
@pytest.mark.operation("ListTrainingJobsForHyperParameterTuningJob", error="ResourceNotFound")
def test_an_unknown_job_is_not_found(sagemaker: Any, error: Refused) -> None:
    for call in (
        sagemaker.describe_hyper_parameter_tuning_job,
        sagemaker.stop_hyper_parameter_tuning_job,
        sagemaker.list_training_jobs_for_hyper_parameter_tuning_job,
    ):
        assert error(call, HyperParameterTuningJobName="nobody")[0] == "ResourceNotFound"


@pytest.mark.operation("CreateHyperParameterTuningJob", error="ValidationException")
@pytest.mark.parametrize(
    ("config", "static", "message"),
    [
        ({"Strategy": "Hyperband"}, {}, "the strategies Bayesian and Random"),
        ({"ParameterRanges": {}}, {}, "at least one hyperparameter range"),
        (
            {"ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 3}},
            {},
            "must not be greater than MaxNumberOfTrainingJobs",
        ),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:f1"}},
            {},
            "objective metric for the hyperparameter tuning job, [validation:f1], isn't valid",
        ),
        ({}, {"vector_dim": "8"}, "vector_dim is both static and in ParameterRanges"),
        (
            {"ParameterRanges": {"CategoricalParameterRanges": [{"Name": "mode", "Values": ["supervised"]}]}},
            {},
            "mode",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused(
    sagemaker: Any, error: Refused, config: dict[str, Any], static: dict[str, str], message: str
) -> None:
    request = tuning("refused", RANGES)
    request["TrainingJobDefinition"]["StaticHyperParameters"].update(static)
    request["HyperParameterTuningJobConfig"].update(config)
    code, text = error(sagemaker.create_hyper_parameter_tuning_job, **request)
    assert code == "ValidationException"
    assert message in text
