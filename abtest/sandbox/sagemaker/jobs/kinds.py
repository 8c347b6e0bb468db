"""Describes the four kinds of jobs: how AWS names their operations, members, ARNs and logs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of job. Operations and members are made of `noun`: CreateTrainingJob, TrainingJobName."""

    noun: str
    table: str
    arn_kind: str
    folder: str
    sort_by: str = "CreationTime"  # what List operations sort by where the request does not say
    sort_order: str = "Ascending"

    @property
    def name_key(self) -> str:
        return f"{self.noun}Name"

    @property
    def arn_key(self) -> str:
        return f"{self.noun}Arn"

    @property
    def status_key(self) -> str:
        return f"{self.noun}Status"

    @property
    def start_key(self) -> str:
        return f"{self.noun.removesuffix('Job')}StartTime"

    @property
    def end_key(self) -> str:
        return f"{self.noun.removesuffix('Job')}EndTime"

    @property
    def event(self) -> str:
        """The kind as in the detail-type of events: `Training Job`."""
        return f"{self.noun.removesuffix('TuningJob').removesuffix('Job')} {'Tuning Job' if self == TUNING else 'Job'}"

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/{self.noun}s"


PROCESSING = Kind("ProcessingJob", "processing_jobs", "processing-job", "processing")
TRAINING = Kind("TrainingJob", "training_jobs", "training-job", "training")
TUNING = Kind("HyperParameterTuningJob", "tuning_jobs", "hyper-parameter-tuning-job", "tuning", sort_by="Name")
TRANSFORM = Kind("TransformJob", "transform_jobs", "transform-job", "transform", sort_order="Descending")

KINDS = (PROCESSING, TRAINING, TUNING, TRANSFORM)
