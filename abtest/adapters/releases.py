"""What was deployed to an endpoint, now and before: the RELEASE item, by which a rollback finds its way.

build-endpoint writes it in the transaction that registers the experiment; `abtest rollback` marks in it which past
experiment is to be resumed.
"""

from collections.abc import Sequence

from abtest.adapters.experiments_table import (
    EXPERIMENT,
    ExperimentsTable,
    Item,
    attribute_is,
    key_of,
    past_key,
    unchanged,
)
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.plan import Plan
from abtest.experiment.record.release import Releases

RELEASE = "RELEASE"


class ReleasesTable(ExperimentsTable):
    """The experiments table as build-endpoint and the rollback see it: with what was deployed."""

    def releases(self, endpoint_name: str) -> Releases:
        """Empty before the first deployment."""
        document = self._read(endpoint_name, RELEASE)
        return Releases.from_json(document) if document else Releases()

    def wanted_back(self, endpoint_name: str, releases: Releases, plan: Plan) -> Experiment | None:
        """The past experiment that a rollback wants resumed, if it is the plan's champion that began it."""
        if releases.resume is None:
            return None
        document = self._read(endpoint_name, past_key(releases.resume))
        past = Experiment.from_json(document) if document else None
        return past if past and plan.continues(past) else None

    def want_back(self, endpoint_name: str, releases: Releases, experiment_id: str | None) -> None:
        """Asks for a past experiment. Raises StaleError if `releases` is not what the table holds any more."""
        if writes := self.changed(endpoint_name, releases, releases.wanting(experiment_id)):
            self._write(writes)

    def changed(self, endpoint_name: str, before: Releases, after: Releases) -> list[Item]:
        """The writes, for a transaction, that make `after` of `before`; none if they are the same."""
        if before == after:
            return []
        return [self._put(endpoint_name, RELEASE, after.to_json(), **attribute_is("revision", before.revision))]

    def release(self, endpoint_name: str, writes: Sequence[Item], *, execution: str) -> None:
        """Writes what `changed` made, without a change of the experiment. Raises StaleError as `begin` does."""
        if writes:
            self._write([self._lease_check(endpoint_name, execution), *writes])

    def resume(
        self,
        past: Experiment,
        decision: Decision | None,
        *,
        before: Experiment | None,
        execution: str,
        also: Sequence[Item] = (),
    ) -> None:
        """Makes the experiment `past` the current one again, and a past one of `before`.

        `decision` is that of a change of its variants. As `begin` for `also` and StaleError.
        """
        name = past.endpoint_name
        there = {"ConditionExpression": "attribute_exists(endpoint_name)"}
        key = key_of(name, past_key(past.experiment_id))
        writes = [
            self._lease_check(name, execution),
            self._put(name, EXPERIMENT, past.to_json(), **unchanged(before)),
            {"Delete": {"TableName": self._table_name, "Key": key, **there}},
        ]
        if before:
            writes.append(self._put(name, past_key(before.experiment_id), before.to_json()))
        if decision:
            writes.append(self._record(decision, execution))
        self._write([*writes, *also])
