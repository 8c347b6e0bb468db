"""Checks the demo's result against the registered artefacts, and writes `summary.json` and `report.html`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from abtest.adapters import artefacts
from abtest.adapters.artefacts import RegisteredModel
from abtest.cli.demo import users, verify
from abtest.cli.demo.request import Request, Reviews
from abtest.cli.shown import summary
from abtest.report import page

Json = dict[str, Any]


def collect(request: Request, reviews: Reviews, outputs: Mapping[str, str], slice_size: int) -> tuple[Json, list[Any]]:
    """Returns the summary, without times and memory, and the experiment's Decisions."""
    experiment, decisions, _ = summary.latest(outputs)
    document = summary.summarise(experiment, decisions)
    document |= {
        "reviews": asdict(reviews.found),
        "users": {"planned": request.users, "rounds": request.rounds, "reviews_each": users.REVIEWS_PER_USER},
        "held_out_reviews": slice_size,
        "seed": request.seed,
        "models": [_tested(variant, outputs["BucketName"]) for variant in document["variants"]],
    }
    return document, decisions


def _tested(variant: Json, bucket: str) -> Json:
    """Adds the test accuracy to the variant; returns what is known of its model.

    Raises UserError if the registered artefact does not have the accuracy that its evaluation states.
    """
    model = artefacts.registered_model(variant["model_package_arn"])
    accuracy, recomputed = model.test_accuracy, _recomputed(model, bucket)
    verify.require_same(variant["variant_name"], accuracy["value"], recomputed)
    variant.update(
        test_accuracy=accuracy["value"],
        test_accuracy_interval=[accuracy["lower"], accuracy["upper"]],
        test_rows=model.evaluation["test_rows"],
    )
    return {
        "variant_name": variant["variant_name"],
        "model_package_arn": model.model_package_arn,
        "model_data_url": model.model_data_url,
        "hyperparameters": artefacts.hyperparameters(model),
        "model_sha256": recomputed.model_sha256,
    }


def _recomputed(model: RegisteredModel, bucket: str) -> verify.Recomputed:
    features = model.features_uri(bucket)
    return verify.recompute(
        artefacts.read(model.model_data_url),
        artefacts.read(f"{features}/test/test.jsonl").decode().splitlines(),
        artefacts.read(f"{features}/labels/labels.txt").decode().splitlines(),
    )


def notes(document: Json, generated: bool) -> list[str]:
    """Returns what you must know to read the report, a sentence each."""
    drawn = document["users"]["reviews_each"] * sum(v["invocation_count"] for v in document["variants"])
    found = []
    if generated:
        found.append("The reviews are a generated sample, not real ones: set REVIEWS= to use your own.")
    if drawn > document["held_out_reviews"]:
        found.append(
            f"The simulated users drew {drawn:,} reviews from {document['held_out_reviews']:,} held-out ones, so "
            "reviews recur. The conversion rates are those of this slice, not of all reviews."
        )
    return found


def remove(folder: Path) -> None:
    """Removes an earlier result, so that it is not taken for that of a demo that fails."""
    for path in _paths(folder):
        path.unlink(missing_ok=True)


def _paths(folder: Path) -> tuple[Path, Path]:
    return folder / "summary.json", folder / "report.html"


def write(folder: Path, document: Json, decisions: Sequence[Any], generated: bool) -> tuple[Path, Path]:
    """Writes `summary.json` and `report.html`; returns their paths."""
    summary_path, report_path = _paths(folder)
    summary_path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    report_path.write_text(page.render(document, decisions, notes(document, generated)), encoding="utf-8")
    return summary_path, report_path
