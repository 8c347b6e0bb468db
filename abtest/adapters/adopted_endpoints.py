"""Endpoints beside the stage's own that take part: their experiments, and an index of them in the same table."""

import datetime
from typing import Any

from abtest.adapters.experiments_table import EXPERIMENT, Item, key_of, past_key, unchanged
from abtest.adapters.releases import ReleasesTable
from abtest.experiment.record import times
from abtest.experiment.record.experiment import Experiment

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

    def retire(
        self,
        endpoint_name: str,
        experiment: Experiment | None,
        *,
        by_hand: str | None,
        execution: str,
        now: datetime.datetime,
    ) -> None:
        """Keeps the current experiment, if there is one, as a past one; `by_hand` is as `retired_by_hand` returns it.

        Raises StaleError.
        """
        writes = [
            self._lease_check(endpoint_name, execution),
            self.indexed(endpoint_name, live=False, by_hand=by_hand),
        ]
        if experiment:
            kept = experiment.to_json() | {"retired_at": times.to_text(now)}
            writes.append(self._deletion(endpoint_name, EXPERIMENT, **unchanged(experiment)))
            writes.append(self._put(endpoint_name, past_key(experiment.experiment_id), kept))
        self._write(writes)

    def indexed(self, endpoint_name: str, *, live: bool, by_hand: str | None = None) -> Item:
        """The write of the index, for the transaction that begins, resumes or retires the endpoint's experiment."""
        document = {"name": endpoint_name, "live": live, "retired_by_hand": by_hand}
        return self._put(INDEX, f"{ENDPOINT}{endpoint_name}", document)

    def _deletion(self, endpoint_name: str, item: str, **condition: Any) -> Item:
        return {"Delete": {"TableName": self._table_name, "Key": key_of(endpoint_name, item), **condition}}
