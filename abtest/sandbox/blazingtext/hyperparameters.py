"""Checks BlazingText's hyperparameters for text classification: AWS's names, defaults and valid values."""

from dataclasses import dataclass
from typing import Any, Self

# The vectors of n-grams take buckets * vector_dim * 4 bytes in memory, in the model and in each endpoint: 12 GB with
# AWS's largest values. Local data sets are small, so that the sandbox gives them no more than this.
MOST_BUCKET_BYTES = 16 * 1024 * 1024

# The objective metrics of the algorithm, and the regular expressions that find them in its log.
METRICS = {
    "train:accuracy": r"#train_accuracy: ([0-9.]+)",
    "validation:accuracy": r"#validation_accuracy: ([0-9.]+)",
}

# What a tuning job may vary.
TUNABLE = ("buckets", "epochs", "learning_rate", "min_count", "vector_dim", "word_ngrams")


class HyperparameterError(ValueError):
    """A hyperparameter is missing, unknown or has a value that the algorithm refuses; the message names it."""


@dataclass(frozen=True)
class Hyperparameters:
    """Valid hyperparameters. `early_stopping`, `min_epochs` and `patience` are accepted and change nothing here."""

    mode: str
    buckets: int = 2_000_000
    early_stopping: bool = False
    epochs: int = 5
    learning_rate: float = 0.05
    min_count: int = 5
    min_epochs: int = 5
    patience: int = 4
    vector_dim: int = 100
    word_ngrams: int = 2

    @classmethod
    def from_strings(cls, values: dict[str, str]) -> Self:
        """Reads a job's hyperparameters, all strings; names that begin with `_` are SageMaker's own and ignored."""
        own = {name: value for name, value in values.items() if not name.startswith("_")}
        unknown = sorted(own.keys() - _PARSERS.keys())
        if unknown:
            raise HyperparameterError(f"Additional properties are not allowed ({unknown[0]!r} was unexpected)")
        if "mode" not in own:
            raise HyperparameterError("'mode' is a required property")
        return cls(**{name: _PARSERS[name](name, value) for name, value in own.items()})

    def buckets_used(self) -> int:
        """Returns the requested buckets, capped so that their vectors fit into MOST_BUCKET_BYTES."""
        return max(1, min(self.buckets, MOST_BUCKET_BYTES // (self.vector_dim * 4)))


def _mode(name: str, value: str) -> str:
    if value != "supervised":
        raise HyperparameterError(f"{value!r} is not valid for {name!r}: the sandbox implements 'supervised' only")
    return value


def _boolean(name: str, value: str) -> bool:
    if value not in ("True", "False", "true", "false"):
        raise HyperparameterError(f"{value!r} is not valid for {name!r}: it must be 'True' or 'False'")
    return value.lower() == "true"


def _count(name: str, value: str) -> int:
    number = _integer(name, value)
    if number < 0:
        raise HyperparameterError(f"{value!r} is not valid for {name!r}: it must be a non-negative integer")
    return number


def _positive(name: str, value: str) -> int:
    number = _integer(name, value)
    if number < 1:
        raise HyperparameterError(f"{value!r} is not valid for {name!r}: it must be a positive integer")
    return number


def _integer(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise HyperparameterError(f"{value!r} is not valid for {name!r}: it must be an integer") from error


def _rate(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise HyperparameterError(f"{value!r} is not valid for {name!r}: it must be a positive number")
    return number


_PARSERS: dict[str, Any] = {
    "mode": _mode,
    "buckets": _positive,
    "early_stopping": _boolean,
    "epochs": _positive,
    "learning_rate": _rate,
    "min_count": _count,
    "min_epochs": _positive,
    "patience": _positive,
    "vector_dim": _positive,
    "word_ngrams": _positive,
}
