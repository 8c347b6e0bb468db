"""Credits a reward to the invocation that earned it, whatever variant the caller believes to have seen."""

import datetime

from abtest.adapters.assignments_table import AssignmentsTable
from abtest.adapters.event_stream import EventStream
from abtest.experiment.record.events import Conversion, Invocation


def convert(
    assignments: AssignmentsTable,
    stream: EventStream,
    experiment_id: str,
    user_id: str,
    inference_id: str | None,
    reward: float,
) -> Conversion | None:
    """Sends the conversion; None if the user has no invocation in the experiment. Raises botocore's errors."""
    invocation = credited(assignments, experiment_id, user_id, inference_id)
    if invocation is None:
        return None
    conversion = Conversion.of(invocation, reward=reward, timestamp=datetime.datetime.now(datetime.UTC))
    stream.put(conversion)
    return conversion


def credited(
    assignments: AssignmentsTable, experiment_id: str, user_id: str, inference_id: str | None
) -> Invocation | None:
    """The user's invocation `inference_id`, else the user's last randomised one; None if there is neither."""
    if inference_id and (named := assignments.invocation(experiment_id, user_id, inference_id)):
        return named
    last = assignments.last_inference_id(experiment_id, user_id)
    if last is None:
        return None
    if found := assignments.invocation(experiment_id, user_id, last):
        return found
    # The last one is not there if the model failed: then the one before it is.
    randomised = (one for one in assignments.invocations(experiment_id, user_id) if one.randomised)
    return max(randomised, key=lambda one: one.timestamp, default=None)
