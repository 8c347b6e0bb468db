"""Says which steps of an execution may start now. Pure: it is told what happens and answers what is ready."""

from abtest.sandbox.sagemaker.pipelines.definition import BRANCHES, Definition

PENDING, RUNNING, SKIPPED = "Pending", "Running", "Skipped"
SUCCEEDED, FAILED, STOPPED = "Succeeded", "Failed", "Stopped"


class Schedule:
    """Keeps the states of all steps of one execution.

    A step is ready when all that it depends on has succeeded, at most `limit` run at once. Once a step has
    failed, or after `close`, nothing starts any more; what runs is waited for. The steps of a branch not taken
    are skipped, and with them every step that depends on one of those.
    """

    def __init__(self, definition: Definition, limit: int | None = None) -> None:
        self._steps = definition.steps
        self._limit = limit
        self._closed = False
        self.states = dict.fromkeys(definition.steps, PENDING)

    def ready(self) -> list[str]:
        if self._closed:
            return []
        free = len(self._steps) if self._limit is None else max(0, self._limit - len(self.running))
        return [name for name in self._in(PENDING) if self._is_ready(name)][:free]

    @property
    def running(self) -> list[str]:
        return self._in(RUNNING)

    @property
    def failed(self) -> bool:
        return bool(self._in(FAILED))

    @property
    def done(self) -> bool:
        return not self.running and not self.ready()

    def start(self, name: str) -> None:
        self.states[name] = RUNNING

    def end(self, name: str, status: str) -> None:
        """Records that the step `name` has ended as SUCCEEDED, FAILED or STOPPED."""
        self.states[name] = status
        if status != SUCCEEDED:
            self.close()

    def close(self) -> None:
        self._closed = True

    def decide(self, name: str, outcome: bool) -> None:
        """Records a Condition step's outcome: the step `name` has succeeded, and its other branch is skipped."""
        self.end(name, SUCCEEDED)
        taken = BRANCHES[outcome]
        for child, step in self._steps.items():
            if step.parent == name and step.branch != taken:
                self.states[child] = SKIPPED
        self._skip_dependents()

    def _skip_dependents(self) -> None:
        while lost := [name for name in self._in(PENDING) if self._depends_on_skipped(name)]:
            self.states.update(dict.fromkeys(lost, SKIPPED))

    def _depends_on_skipped(self, name: str) -> bool:
        return any(self.states[other] == SKIPPED for other in self._steps[name].dependencies)

    def _is_ready(self, name: str) -> bool:
        return all(self.states[other] == SUCCEEDED for other in self._steps[name].dependencies)

    def _in(self, state: str) -> list[str]:
        return [name for name, its in self.states.items() if its == state]
