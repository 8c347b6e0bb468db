"""Decides by what CountEvents counted, and says whether the endpoint's weights have to move."""

import datetime
from collections.abc import Mapping

from abtest.adapters.counts_store import CountsStore
from abtest.experiment import rebalance
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.variants import Shares

TOLERANCE = 1e-4  # of a share: SageMaker keeps weights in single precision


class VariantsDifferError(Exception):
    """The endpoint does not serve the experiment's variants."""


def decide(
    store: CountsStore, key: str, weights: Mapping[str, float], *, now: datetime.datetime
) -> tuple[Decision, bool]:
    """The Decision by what lies in the store under `key`, and whether it moves the endpoint's current `weights`.

    Raises VariantsDifferError.
    """
    experiment, counts = store.get(key)
    decision = rebalance.decide(experiment, counts, decided_at=now)
    return decision, differ(decision.new_shares, weights)


def differ(shares: Mapping[str, float], weights: Mapping[str, float]) -> bool:
    """Whether an endpoint with these weights splits its traffic otherwise. Raises VariantsDifferError."""
    if set(weights) != set(shares):
        raise VariantsDifferError(
            f"The endpoint serves {', '.join(sorted(weights))}, the experiment has {', '.join(sorted(shares))}: "
            "build-endpoint has not registered its change, or someone else changed the endpoint."
        )
    current = Shares.of_weights(weights)
    return any(abs(current[name] - share) > TOLERANCE for name, share in shares.items())
