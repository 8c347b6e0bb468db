"""Endpoints beside the stage's own that take part: their experiments, and an index of them in the same table."""

import datetime
from collections.abc import Sequence
from typing import Any

from abtest.adapters.experiments_table import EXPERIMENT, Item, key_of, past_key, unchanged
from abtest.adapters.releases import ReleasesTable
from abtest.experiment import times
from abtest.experiment.experiment import Experiment
from abtest.experiment.rebalance import Decision

INDEX, ENDPOINT = "#ADOPTED", "ENDPOINT#"  # the index's partition key, which can be no endpoint's name; its items


class AdoptedEndpoints(ReleasesTable):
    """The table of experiments, with the index of adopted endpoints."""

    def live(self) -> list[str]:
        """The names of the adopted endpoints that have an experiment now, in order."""
        return [item["name"] for item in self._query(INDEX, ENDPOINT) if item["live"]]

    def retired_by_hand(self, endpoint_name: str) -> str | None:
        """When the endpoint was created that was retired by hand and not adopted since."""
        found = self._read(INDEX, f"{ENDPOINT}{endpoint_name}")
        return found["retired_by_hand"] if found else None

    def begin(
        self,
        experiment: Experiment,
        *,
        counter: int,
        before: Experiment | None,
        execution: str,
        also: Sequence[Item] = (),
    ) -> None:
        """As for the stage's own, and in the index."""
        also = [*also, self._indexed(experiment.endpoint_name, live=True)]
        super().begin(experiment, counter=counter, before=before, execution=execution, also=also)

    def resume(
        self,
        past: Experiment,
        decision: Decision | None,
        *,
        before: Experiment | None,
        execution: str,
        also: Sequence[Item] = (),
    ) -> None:
        """As for the stage's own, and in the index."""
        also = [*also, self._indexed(past.endpoint_name, live=True)]
        super().resume(past, decision, before=before, execution=execution, also=also)

    def retire(self, experiment: Experiment, *, by_hand: str | None, execution: str, now: datetime.datetime) -> None:
        """Keeps the current experiment as a past one; `by_hand` is as `retired_by_hand` returns it.

        Raises StaleError.
        """
        name, kept = experiment.endpoint_name, experiment.to_json() | {"retired_at": times.to_text(now)}
        self._write(
            [
                self._lease_check(name, execution),
                self._deletion(name, EXPERIMENT, **unchanged(experiment)),
                self._put(name, past_key(experiment.experiment_id), kept),
                self._indexed(name, live=False, by_hand=by_hand),
            ]
        )

    def _indexed(self, endpoint_name: str, *, live: bool, by_hand: str | None = None) -> Item:
        document = {"name": endpoint_name, "live": live, "retired_by_hand": by_hand}
        return self._put(INDEX, f"{ENDPOINT}{endpoint_name}", document)

    def _deletion(self, endpoint_name: str, item: str, **condition: Any) -> Item:
        return {"Delete": {"TableName": self._table_name, "Key": key_of(endpoint_name, item), **condition}}
