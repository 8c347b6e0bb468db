"""What the states of a rebalance pass on by a key, in S3: an execution's payloads are 256 KiB at most.

Between two Decisions closes an interval, and the always-valid test needs each for ever: a year has 35,000 of them.
"""

import gzip
import json
import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from abtest.adapters.event_store import CHECKPOINTS, client
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.counting import columns
from abtest.experiment.counting.counts import Counts, read_shares, write_shares
from abtest.experiment.record import times
from abtest.experiment.record.decision import Boundary
from abtest.experiment.record.experiment import Experiment

EVIDENCE = "evidence/"  # of use for the time of an execution; the bucket lets it expire
BOUNDARIES = f"{CHECKPOINTS}boundaries/"

logger = logging.getLogger(__name__)


class CountsStore:
    """Counts and what they are counted by, in one bucket."""

    def __init__(self, bucket_name: str) -> None:
        self._bucket_name = bucket_name

    def put(self, experiment: Experiment, counts: Counts) -> str:
        """The key under which `get` finds them; the same for the same `as_of`, so that a retry writes it again."""
        key = f"{EVIDENCE}{experiment.experiment_id}/{times.to_text(counts.as_of)}.json.gz"
        self._write(key, {"experiment": experiment.to_json(), "counts": counts.to_json()})
        return key

    def get(self, key: str) -> tuple[Experiment, Counts]:
        """What `put` was given."""
        document = self._read(key)
        return Experiment.from_json(document["experiment"]), Counts.from_json(document["counts"])

    def boundaries(self, table: ExperimentsTable, experiment: Experiment) -> list[Boundary]:
        """Of the experiment's Decisions, oldest first.

        The Decisions are the truth and never change, so those read before are kept in one object: only new ones are
        read from the table, all of them if the object is lost or wrong.
        """
        # Ids are given again after the tables, but not the bucket, were destroyed.
        key = f"{BOUNDARIES}{experiment.experiment_id}/{times.to_text(experiment.started_at)}.json.gz"
        known = self._known(key)[: experiment.decision_count]
        new = table.boundaries(experiment, after=len(known))
        if new:
            self._keep(key, [*known, *new])
        return [*known, *new]

    def _known(self, key: str) -> list[Boundary]:
        try:
            found = self._read(key)
            pairs = zip(columns.from_steps(found["as_of"]), read_shares(found["old_shares"]), strict=True)
            return [Boundary(*pair) for pair in pairs]
        except (ClientError, OSError, EOFError, ValueError, TypeError, KeyError, OverflowError) as error:
            logger.info("The Decisions are read anew, as %s holds none: %s", key, error)
            return []

    def _keep(self, key: str, boundaries: list[Boundary]) -> None:
        as_of, old_shares = zip(*boundaries, strict=True)
        try:
            self._write(key, {"as_of": columns.to_steps(as_of), "old_shares": write_shares(old_shares)})
        except (ClientError, BotoCoreError):
            logger.exception("%s could not be written", key)

    def _write(self, key: str, document: Any) -> None:
        content = gzip.compress(json.dumps(document).encode(), 6, mtime=0)
        client().put_object(Bucket=self._bucket_name, Key=key, Body=content)

    def _read(self, key: str) -> Any:
        """Raises ClientError if there is none, OSError, EOFError or ValueError if it is none of ours."""
        content = client().get_object(Bucket=self._bucket_name, Key=key)["Body"].read()
        return json.loads(gzip.decompress(content))
