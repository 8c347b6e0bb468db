"""After a crash: nothing runs any more that the restored records say is running."""

from abtest.sandbox.sagemaker import state
from abtest.sandbox.sagemaker.pipelines import records

REASON = "The sandbox stopped while the execution was running"


def recover() -> list[str]:
    """Fails every execution that was running, and its running steps; one sentence for each."""
    with state.lock:
        broken = [
            record
            for record in state.every_record("pipeline_executions")
            if record["PipelineExecutionStatus"] in records.UNFINISHED
        ]
        for record in broken:
            records.fail(record, REASON)
    return [f"Pipeline execution {record['PipelineExecutionArn']} is Failed: {REASON}." for record in broken]
