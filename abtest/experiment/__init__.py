"""The pure core: events, counts, posteriors, traffic shares, decisions. Standard library only."""

from abtest.experiment.posterior import probability_best
from abtest.experiment.strategies import traffic_shares

__all__ = ["probability_best", "traffic_shares"]
