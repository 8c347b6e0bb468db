import dataclasses

import pytest

from abtest.sandbox.blazingtext.hyperparameters import TUNABLE, HyperparameterError, Hyperparameters


def test_the_defaults_are_those_of_aws() -> None:
    assert dataclasses.asdict(Hyperparameters.from_strings({"mode": "supervised"})) == {
        "mode": "supervised",
        "buckets": 2_000_000,
        "early_stopping": False,
        "epochs": 5,
        "learning_rate": 0.05,
        "min_count": 5,
        "min_epochs": 5,
        "patience": 4,
        "vector_dim": 100,
        "word_ngrams": 2,
    }


def test_strings_become_values() -> None:
    given = {"mode": "supervised", "epochs": "7", "learning_rate": "5e-2", "early_stopping": "True", "min_count": "0"}
    parsed = Hyperparameters.from_strings(given)
    assert (parsed.epochs, parsed.learning_rate, parsed.early_stopping, parsed.min_count) == (7, 0.05, True, 0)


def test_sagemakers_own_names_are_ignored() -> None:
    Hyperparameters.from_strings({"mode": "supervised", "_tuning_objective_metric": "validation:accuracy"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "skipgram"),
        ("buckets", "0"),
        ("early_stopping", "yes"),
        ("epochs", "-1"),
        ("epochs", "1.5"),
        ("learning_rate", "0"),
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("learning_rate", "fast"),
        ("min_count", "-1"),
        ("vector_dim", ""),
        ("word_ngrams", "0"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(HyperparameterError, match=f"'{value}' is not valid for '{name}'"):
        Hyperparameters.from_strings({"mode": "supervised", name: value})


@pytest.mark.parametrize(
    ("dimension", "requested", "used"), [(100, 2_000_000, 41_943), (16, 262_144, 262_144), (300, 500, 500)]
)
def test_buckets_are_capped_by_the_memory_they_take(dimension: int, requested: int, used: int) -> None:
    given = {"mode": "supervised", "vector_dim": str(dimension), "buckets": str(requested)}
    assert Hyperparameters.from_strings(given).buckets_used() == used


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(HyperparameterError, match="'dim' was unexpected"):
        Hyperparameters.from_strings({"mode": "supervised", "dim": "10"})


def test_the_mode_is_required() -> None:
    with pytest.raises(HyperparameterError, match="'mode' is a required property"):
        Hyperparameters.from_strings({})


def test_what_may_be_tuned_is_a_hyperparameter() -> None:
    assert set(TUNABLE) < {field.name for field in dataclasses.fields(Hyperparameters)}
