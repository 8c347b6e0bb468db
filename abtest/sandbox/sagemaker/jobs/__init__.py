"""Runs processing, training, tuning and transform jobs: real work in subprocesses on this machine."""

from abtest.sandbox.sagemaker import state
from abtest.sandbox.sagemaker.jobs import paths, processing, records, runner, training, transform, tuning
from abtest.sandbox.sagemaker.jobs.kinds import KINDS, TRAINING

# Importing a kind of job registers its operations.
__all__ = ["processing", "recover", "stop_all", "training", "transform", "tuning"]

STOPPED = "The sandbox stopped while the job was running"

stop_all = runner.stop_all


def recover() -> list[str]:
    """Marks the jobs that ran when the last process ended as Failed; returns a sentence about each."""
    sentences = []
    for kind in KINDS:
        finish = training.finish if kind is TRAINING else records.finish
        for record in state.every_record(kind.table):
            if record[kind.status_key] in records.RUNNING:
                finish(kind, record, "Failed", STOPPED)
                paths.drop_root(kind, record[kind.name_key])
                sentences.append(f"The {records.words(kind)} {record[kind.name_key]} is Failed: {STOPPED}.")
    return sentences
