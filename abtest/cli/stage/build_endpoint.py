"""Commands wait here from the approval of models until the endpoint serves them."""

import time
from collections.abc import Mapping, Sequence

from abtest.adapters import executions, shadows
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli.shown.output import UserError
from abtest.cli.shown.waiting import meanwhile
from abtest.experiment.record.experiment import Experiment

LONGEST_SECONDS = 3600.0  # an endpoint takes minutes on AWS, seconds in the sandbox
IDLE_SECONDS = 120.0  # an approval's event takes seconds; a second approval's may find the first one's run at its end
POLL_SECONDS = 0.5
CHOICE = (
    "it takes the newest approved champion, and the newest approved challengers that were created after it, "
    "as abtest models list shows"
)


class BuildEndpoint:
    """Follows the state machine build-endpoint. Make one before the approval whose effect you wait for."""

    def __init__(self, outputs: Mapping[str, str]) -> None:
        self._machine_arn = outputs["BuildEndpointStateMachineArn"]
        self._endpoint_name = outputs["EndpointName"]
        self._table = ExperimentsTable(outputs["ExperimentsTableName"])
        self._failed_before = executions.newest(self._machine_arn, "FAILED")

    def served(self, package_arns: Sequence[str], *, seconds: float = LONGEST_SECONDS) -> Experiment:
        """Waits until the endpoint serves these packages, or one is a shadow, and says so meanwhile.

        Raises UserError with the cause if build-endpoint fails, and if it rests without serving them.
        """
        begun = last_ran = time.monotonic()
        with meanwhile(f"waiting until {self._endpoint_name} serves it"):
            while (now := time.monotonic()) - begun < seconds:
                self._refuse_failure()
                runs = executions.newest(self._machine_arn, "RUNNING") is not None
                experiment = self._table.current(self._endpoint_name)
                missing = set(package_arns) - (set(experiment.packages.values()) if experiment else set())
                if experiment and (missing <= self._in_shadow() if missing else not runs):
                    return experiment
                last_ran = now if runs else last_ran
                if now - last_ran > IDLE_SECONDS:
                    raise UserError(f"build-endpoint is idle and does not serve {', '.join(sorted(missing))}: {CHOICE}")
                time.sleep(POLL_SECONDS)
        raise UserError(
            f"{self._endpoint_name} did not serve all of {', '.join(package_arns)} within {seconds:.0f} s: "
            "look at the executions of build-endpoint"
        )

    def _refuse_failure(self) -> None:
        failed = executions.newest(self._machine_arn, "FAILED")
        if failed and failed != self._failed_before:
            raise UserError(f"build-endpoint failed: {executions.wait(failed, seconds=0).cause}")

    def _in_shadow(self) -> set[str]:
        """Returns the packages that answer copies of the champion's requests and do not serve yet."""
        begun = shadows.all_of(self._table, self._endpoint_name)
        return {shadow.pair.challenger_arn for shadow in begun if shadow.passed is None}
