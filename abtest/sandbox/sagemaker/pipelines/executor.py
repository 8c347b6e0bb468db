"""Runs executions, each in a thread that starts steps, looks at their jobs, and ends when all have.

As on AWS, a step that fails lets those that run go on to their end, and nothing more starts; the execution has
then failed. A Condition step is evaluated and a Fail step fails in this thread; all other types create one
resource through the operations of this service. CacheConfig is accepted and not applied: every step runs.
"""

from abtest.sandbox.sagemaker import background
from abtest.sandbox.sagemaker.pipelines import conditions, definition, records, step_types
from abtest.sandbox.sagemaker.pipelines.definition import Step
from abtest.sandbox.sagemaker.pipelines.expressions import ExpressionError
from abtest.sandbox.sagemaker.pipelines.resources import Run
from abtest.sandbox.sagemaker.pipelines.schedule import Schedule
from abtest.sandbox.sagemaker.pipelines.values import ExecutionValues, execution_id
from abtest.sandbox.sagemaker.wire import Json

POLL_SECONDS = 0.1


def execute(arn: str) -> None:
    """Runs the execution to its end, or until the sandbox stops or forgets it."""
    record = records.execution(arn)
    try:
        Executor(record).run()
    except Exception as error:
        records.fail(record, f"InternalServerError: {type(error).__name__}: {error}")
        raise


class Executor:
    """Runs one execution; not shared between threads."""

    def __init__(self, record: Json) -> None:
        self._record = record
        self._definition = definition.parse(record["_definition"])
        self._values = ExecutionValues(record, self._definition, record["_parameters"])
        limit = record.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps")
        self._schedule = Schedule(self._definition, limit)
        self._runs: dict[str, Run] = {}

    def run(self) -> None:
        while not background.stopping.is_set() and records.is_kept(self._record):
            self._turn()
            if self._schedule.done:
                self._finish()
                return
            background.stopping.wait(POLL_SECONDS)

    def _turn(self) -> None:
        if self._is_stopping:
            self._schedule.close()
            for run in self._runs.values():
                run.stop()
        while ready := self._schedule.ready():
            self._start(self._definition.steps[ready[0]])
        for run in list(self._runs.values()):
            self._follow(run)

    @property
    def _is_stopping(self) -> bool:
        return bool(self._record["PipelineExecutionStatus"] == records.STOPPING)

    def _start(self, step: Step) -> None:
        self._schedule.start(step.name)
        entry = records.add_step(self._record, step)
        try:
            arguments = self._values.resolve(step.arguments)
            if step.kind == step_types.CONDITION:
                self._decide(step, entry, conditions.every(arguments["Conditions"]))
            elif step.kind == step_types.FAIL:
                self._fail(step, entry, arguments.get("ErrorMessage", ""))
            else:
                self._runs[step.name] = Run(execution_id(self._record), step, arguments, entry)
        except ExpressionError as error:
            self._end(step, entry, records.FAILED, f"ClientError: {error}")

    def _decide(self, step: Step, entry: Json, outcome: bool) -> None:
        self._values.properties[step.name] = {"Outcome": outcome}
        records.change_step(entry, Metadata={"Condition": {"Outcome": str(outcome)}})
        self._end(step, entry, records.SUCCEEDED)
        self._schedule.decide(step.name, outcome)

    def _fail(self, step: Step, entry: Json, message: str) -> None:
        records.change_step(entry, Metadata={"Fail": {"ErrorMessage": message}})
        self._end(step, entry, records.FAILED, message)

    def _follow(self, run: Run) -> None:
        if run.status is None:
            run.advance()
        if run.status is not None:
            del self._runs[run.step.name]
            self._values.properties[run.step.name] = run.properties
            self._end(run.step, run.entry, run.status, run.reason)

    def _end(self, step: Step, entry: Json, status: str, reason: str | None = None) -> None:
        records.end_step(entry, status, reason)
        self._schedule.end(step.name, status)

    def _finish(self) -> None:
        if self._is_stopping:
            records.change_execution(self._record, records.STOPPED)
        elif self._schedule.failed:
            records.change_execution(self._record, records.FAILED, records.STEP_FAILURE)
        else:
            records.change_execution(self._record, records.SUCCEEDED)
