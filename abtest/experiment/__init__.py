"""The pure core, from events to shares and decisions: no clock, environment, network or global random numbers."""

from abtest.experiment.posterior import probability_best
from abtest.experiment.strategies import traffic_shares

__all__ = ["probability_best", "traffic_shares"]
