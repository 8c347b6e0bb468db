"""A tuning job as people look at it: its trials with what they reached."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training job of a search; `objective` is none for one that failed, whose `reason` says why."""

    training_job_name: str
    status: str
    objective: float | None
    hyperparameters: dict[str, str]
    seconds: int | None
    reason: str | None


@dataclasses.dataclass(frozen=True)
class Search:
    """A tuning job and its trials, the best one first, failed ones last."""

    tuning_job_name: str
    strategy: str
    metric_name: str
    trials: tuple[Trial, ...]
