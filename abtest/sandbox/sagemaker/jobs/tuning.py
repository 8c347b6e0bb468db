"""Runs hyperparameter tuning jobs: trials are real training jobs, several at once; the objective picks the best."""

import hashlib
import threading

from abtest.sandbox import algorithms
from abtest.sandbox.sagemaker import background, state, tags
from abtest.sandbox.sagemaker.errors import ServiceError, validation
from abtest.sandbox.sagemaker.jobs import records, runner, search, training, trials
from abtest.sandbox.sagemaker.jobs.kinds import TRAINING, TUNING
from abtest.sandbox.sagemaker.jobs.process import JobStoppedError, JobTimedOutError, SandboxStoppingError
from abtest.sandbox.sagemaker.jobs.runner import Job, JobFailedError
from abtest.sandbox.sagemaker.operations import operation
from abtest.sandbox.sagemaker.wire import Json

WAIT_SECONDS = 0.05
DEFAULT_SEED = 0  # without RandomSeed: a job repeated gives the same trials

NOT_HERE = ("TrainingJobDefinitions", "WarmStartConfig", "Autotune")
STRATEGIES = ("Bayesian", "Random")
ENDS = (JobStoppedError, JobTimedOutError, SandboxStoppingError)
METRIC_HYPERPARAMETER = "_tuning_objective_metric"  # which SageMaker adds to each trial


@operation("CreateHyperParameterTuningJob")
def create_tuning_job(request: Json) -> Json:
    check(request)
    record = records.create(TUNING, request)
    tags.put(record["HyperParameterTuningJobArn"], request.get("Tags"))
    runner.start(TUNING, record, work)
    return {"HyperParameterTuningJobArn": record["HyperParameterTuningJobArn"]}


@operation("DescribeHyperParameterTuningJob")
def describe_tuning_job(request: Json) -> Json:
    return trials.with_results(records.record_of(TUNING, request["HyperParameterTuningJobName"]))


@operation("ListHyperParameterTuningJobs")
def list_tuning_jobs(request: Json) -> Json:
    found = [trials.with_results(record) | trials.limits_of(record) for record in state.table(TUNING.table).values()]
    return records.listing(TUNING, request, found)


@operation("StopHyperParameterTuningJob")
def stop_tuning_job(request: Json) -> Json:
    runner.stop(TUNING, request["HyperParameterTuningJobName"])
    return {}


@operation("ListTrainingJobsForHyperParameterTuningJob")
def list_trials(request: Json) -> Json:
    record = records.record_of(TUNING, request["HyperParameterTuningJobName"])
    return state.page("TrainingJobSummaries", trials.selected(record, request), request)


def check(request: Json) -> None:
    """Raises ValidationException for what SageMaker refuses, and for what the sandbox does not implement."""
    for name in NOT_HERE:
        if name in request:
            raise validation(f"The sandbox does not implement {name}")
    config = request["HyperParameterTuningJobConfig"]
    if "TrainingJobDefinition" not in request:
        raise validation("TrainingJobDefinition is required")
    if config["Strategy"] not in STRATEGIES:
        raise validation(f"The sandbox implements the strategies {' and '.join(STRATEGIES)}, not {config['Strategy']}")
    if "TuningJobCompletionCriteria" in config:
        raise validation("The sandbox does not implement TuningJobCompletionCriteria")
    _check_limits(config["ResourceLimits"])
    search.check(config.get("ParameterRanges", {}))
    _check_algorithm(request["TrainingJobDefinition"], config)
    training.check(request["TrainingJobDefinition"])


def _check_limits(limits: Json) -> None:
    if "MaxNumberOfTrainingJobs" not in limits:
        raise validation("ResourceLimits needs MaxNumberOfTrainingJobs")
    if limits["MaxParallelTrainingJobs"] > limits["MaxNumberOfTrainingJobs"]:
        raise validation("MaxParallelTrainingJobs must not be greater than MaxNumberOfTrainingJobs")


def _check_algorithm(definition: Json, config: Json) -> None:
    objective = config.get("HyperParameterTuningJobObjective")
    if not objective:
        raise validation("HyperParameterTuningJobObjective is required")
    names = [item["Name"] for _, item in search.listed(config["ParameterRanges"])]
    static = sorted(set(names) & definition.get("StaticHyperParameters", {}).keys())
    if static:
        raise validation(f"The hyperparameter {static[0]} is both static and in ParameterRanges")
    algorithm = algorithms.find(definition["AlgorithmSpecification"].get("TrainingImage", ""))
    if algorithm is None or algorithm.training is None:
        return  # each trial fails, and says that nothing stands in for the image
    if objective["MetricName"] not in algorithm.training.metrics:
        raise validation(
            f"The objective metric for the hyperparameter tuning job, [{objective['MetricName']}], isn't valid for the "
            f"algorithm {algorithm.name}. Choose a valid objective metric: {', '.join(algorithm.training.metrics)}."
        )
    for name in names:
        if name not in algorithm.training.tunable:
            raise validation(f"The hyperparameter {name} of {algorithm.name} isn't tunable")


def work(job: Job) -> None:
    """Runs the trials. Trial n is proposed once all before it are, and those up to n - parallel have ended.

    It learns from exactly these, whatever else has ended by then, so that a seed repeats the search.
    """
    config = job.record["HyperParameterTuningJobConfig"]
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        job.say("TrainingJobEarlyStoppingType does not apply in the sandbox: each trial runs to its end")
    refused: list[str] = []
    parallel = config["ResourceLimits"]["MaxParallelTrainingJobs"]
    _wait(job, [background.spawn(_work_off, job, refused) for _ in range(parallel)])
    if refused:
        raise JobFailedError(f"ClientError: {refused[0]}")
    _require_objective(job)


def _work_off(job: Job, refused: list[str]) -> None:
    """Works as one of the workers: runs trials until none is left, or the tuning job is to end."""
    while not refused:
        try:
            record = _begin_trial(job)
        except (StopIteration, *ENDS):
            return
        except ServiceError as error:
            refused.append(error.message)
            return
        if record is None:
            background.stopping.wait(WAIT_SECONDS)
            continue
        runner.execute(TRAINING, record, training.work, training.finish)
        job.say(trials.sentence(record, record["_tuned"]))


def _begin_trial(job: Job) -> Json | None:
    """Returns the record of the next trial, yet to run; None while earlier ones run that it is to learn from.

    Raises StopIteration after the last one, whatever `Limits.check` raises, and ServiceError.
    """
    config = job.record["HyperParameterTuningJobConfig"]
    limits = config["ResourceLimits"]
    with state.lock:
        job.limits.check()
        before = trials.of(job.record)
        if len(before) == limits["MaxNumberOfTrainingJobs"]:
            raise StopIteration
        known = max(0, len(before) + 1 - limits["MaxParallelTrainingJobs"])
        if any(trials.runs(record) for record in before[:known]):
            return None
        seen = [_seen(job, record, ended=place < known) for place, record in enumerate(before)]
        seed = config.get("RandomSeed", DEFAULT_SEED)
        proposal = search.propose(config["Strategy"], config["ParameterRanges"], seed, seen)
        index = len(before) + 1
        record = training.create(_trial(job, index, proposal), **_marks(job, index, proposal))
        runner.register(record["TrainingJobArn"])
    return record


def _seen(job: Job, record: Json, *, ended: bool) -> search.Trial:
    """Returns what a later proposal may know of a trial."""
    value = trials.value(job.record, record)
    if not ended:
        return search.Trial(record["_tuned"], search.RUNNING)
    if value is None:
        return search.Trial(record["_tuned"], search.FAILED)
    return search.Trial(record["_tuned"], trials.sign(job.record) * value)


def _trial(job: Job, index: int, proposal: search.Proposal) -> Json:
    """Returns the request of a training job."""
    definition = job.record["TrainingJobDefinition"]
    metric = job.record["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    static = definition.get("StaticHyperParameters", {})
    unlike = ("StaticHyperParameters", "DefinitionName", "HyperParameterTuningResourceConfig")
    digest = hashlib.sha256(f"{job.record['HyperParameterTuningJobArn']} {index}".encode()).hexdigest()
    return {key: value for key, value in definition.items() if key not in unlike} | {
        "TrainingJobName": f"{job.name}-{index:03d}-{digest[:8]}",
        "HyperParameters": {METRIC_HYPERPARAMETER: metric} | static | proposal,
    }


def _marks(job: Job, index: int, proposal: search.Proposal) -> Json:
    arn = job.record["HyperParameterTuningJobArn"]
    return {"TuningJobArn": arn, "_index": index, "_tuned": proposal}


def _wait(job: Job, workers: list[threading.Thread]) -> None:
    """Waits until all trials have ended; stops those that run when the tuning job is to end."""
    try:
        for worker in workers:
            while worker.is_alive():
                job.limits.check()
                worker.join(WAIT_SECONDS)
        job.limits.check()  # the workers may have seen the end before us
    except (JobStoppedError, JobTimedOutError):
        _stop_trials(job)
        for worker in workers:
            worker.join()
        raise


def _stop_trials(job: Job) -> None:
    with state.lock:
        for record in trials.of(job.record):
            if record["TrainingJobStatus"] == "InProgress":
                training.stop_training_job({"TrainingJobName": record["TrainingJobName"]})


def _require_objective(job: Job) -> None:
    found = trials.of(job.record)
    if trials.best(job.record) is not None:
        return
    reasons = [record.get("FailureReason", "no objective metric in the log") for record in found]
    if all(record["TrainingJobStatus"] == "Failed" for record in found):
        raise JobFailedError(
            "All training jobs failed. Hyperparameter tuning job can only succeed if at least one training job "
            f"completes successfully. The first one failed with: {reasons[0]}"
        )
    raise JobFailedError(f"No objective metrics found after running {len(found)} training jobs.")
