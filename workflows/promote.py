"""promote registers a decided experiment's winner as the champion's new version.

Started by the event "Experiment Decided" where the stage promotes automatically, and by hand with `{}`. The input
is not read: the function promotes what is decided now, once.
"""

from workflows.fields import Graph, Succeed
from workflows.tasks import failure, function

TIMEOUT_SECONDS = 600


def promote() -> Graph:
    """Builds the whole machine. Approval is the registry's, and starts build-endpoint by its own event."""
    register = function(
        "Promote",
        payload={},
        result=["change", "message"],
        slot="$.promotion",
        on_error=failure("Failed"),
    )
    register.next(Succeed("Done", output_path="$.promotion"))
    return Graph(register, comment="Winner of an experiment -> new champion", timeout_seconds=TIMEOUT_SECONDS)
