"""A model card shows one registered model: its metrics, and where it comes from."""

from collections.abc import Iterator
from typing import Any

from abtest.adapters import lineage
from abtest.adapters.lineage import Json
from abtest.experiment.record.tuning import Search

METRICS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "brier_score": "Brier score",
    "expected_calibration_error": "calibration error",
}
CURVES = ("receiver_operating_characteristic_curve", "precision_recall_curve")


def details(package: Json) -> Json:
    """Returns what is known of a package beyond its line in the list; unknown members are left out."""
    containers = package.get("InferenceSpecification", {}).get("Containers", [{}])
    made = package.get("MetadataProperties", {})
    found = {
        "model_data_url": containers[0].get("ModelDataUrl"),
        "approval_note": package.get("ApprovalDescription"),
        **package.get("CustomerMetadataProperties", {}),
        "code_version": made.get("CommitId"),
        "training_job": _training(lineage.training_job(package), made.get("GeneratedBy")),
        "data_card": lineage.data_card(package),
        "evaluation": _without_curves(lineage.evaluation(package)),
    }
    return {name: value for name, value in found.items() if value}


def _training(job: Json | None, arn: str | None) -> Json | None:
    """Describes the training job as SageMaker still knows it; else only by the name that the package remembers."""
    if job is None:
        return {"arn": arn} if arn else None
    own = {name: value for name, value in sorted(job["HyperParameters"].items()) if not name.startswith("_")}
    return {
        "name": job["TrainingJobName"],
        "arn": job["TrainingJobArn"],
        "seconds": job.get("TrainingTimeInSeconds"),
        "hyperparameters": own,
        "data": {
            channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
            for channel in job.get("InputDataConfig", [])
        },
        "tuning_job_arn": job.get("TuningJobArn"),
    }


def _without_curves(report: Json | None) -> Json | None:
    """Leaves out the curves' hundreds of points, which nobody reads here."""
    if report is None:
        return None
    metrics = report.get("binary_classification_metrics", {})
    kept = {name: metric for name, metric in metrics.items() if name not in CURVES}
    return report | {"binary_classification_metrics": kept}


def lines(document: Json) -> Iterator[tuple[str, str]]:
    """Yields (what, value) for people, a line each."""
    for name, value in document.items():
        tell = _TOLD.get(name)
        if tell:
            yield from tell(value)
        else:
            yield name, str(value)


def _job_lines(job: Json) -> Iterator[tuple[str, str]]:
    yield "training_job", job.get("name") or job["arn"]
    if job.get("hyperparameters"):
        yield "hyperparameters", ", ".join(f"{name} {value}" for name, value in job["hyperparameters"].items())
    for channel, uri in job.get("data", {}).items():
        yield f"data ({channel})", uri
    if job.get("tuning_job_arn"):
        yield "tuning_job", f"{job['tuning_job_arn']} (its trials: abtest models trials)"


def _card_lines(card: Json) -> Iterator[tuple[str, str]]:
    yield "reviews", f"{card['rows_kept']:,} of {card['rows_read']:,} rows of {card['source']}"
    yield "dropped", ", ".join(f"{reason} {rows:,}" for reason, rows in card["dropped"].items()) or "none"
    yield "rows", ", ".join(f"{name} {rows:,}" for name, rows in card["rows"].items())


def _evaluation_lines(report: Json) -> Iterator[tuple[str, str]]:
    metrics = report["binary_classification_metrics"]
    for name, words in METRICS.items():
        if name in metrics:
            yield words, f"{interval(metrics[name])} on {report['test_rows']:,} test rows"
    if "comparison" in report:
        yield "against champion", comparison(report["comparison"])


def interval(metric: Json) -> str:
    """Writes a value with its 95 % interval."""
    return f"{metric['value']:.3f} (95 %: {metric['lower']:.3f} to {metric['upper']:.3f})"


def comparison(found: Json) -> str:
    p_value = found["mcnemar_exact_p_value"]
    return f"{found['verdict']}: accuracy {interval(found['differences']['accuracy'])}, exact McNemar p {p_value:.3f}"


_TOLD: dict[str, Any] = {"training_job": _job_lines, "data_card": _card_lines, "evaluation": _evaluation_lines}


def trial_table(search: Search) -> tuple[list[str], list[list[str]]]:
    """Returns columns and rows of a search: a trial each, the best first."""
    names = sorted({name for trial in search.trials for name in trial.hyperparameters})
    rows = [
        [
            trial.training_job_name,
            "-" if trial.objective is None else f"{trial.objective:.4f}",
            *(trial.hyperparameters.get(name, "-") for name in names),
            "-" if trial.seconds is None else str(trial.seconds),
            trial.status if not trial.reason else f"{trial.status}: {trial.reason.splitlines()[0]}",
        ]
        for trial in search.trials
    ]
    return ["training job", search.metric_name, *names, "seconds", "status"], rows
