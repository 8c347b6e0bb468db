"""Rewards to utility: what every posterior and strategy compares, 0..1 a trial, higher is better; the test, too, but
for costs, which it takes as differences between variants (`stopping`).

With rewards to minimize, utility is 1 - reward. An invocation's cost, in units of reward, is then taken off, and the
result brought back to 0..1 for all arms alike:

    utility = (reward - cost + C) / (1 + C)    C the largest cost of an arm

so that differences of utility are differences of reward less cost, divided by 1 + C. It is linear: sums and means of
rewards become sums and means of utility.

Rewards need not be 0 or 1. A sum of utilities then updates a Beta posterior fractionally: the Bernoulli likelihood is
taken as a quasi-likelihood (Papke and Wooldridge, "Econometric methods for fractional response variables", 1996). That
is right in the mean and cautious in the spread, since no variable on 0..1 varies more than the one on {0, 1} of the
same mean. The e-values hold for such rewards as they are (`stopping`).
"""

from collections.abc import Sequence

from abtest.experiment.record.settings import OBJECTIVES
from abtest.experiment.record.variants import Trials


def utility(counts: Sequence[Trials], *, objective: str = "maximize", costs: Sequence[float] = ()) -> list[Trials]:
    """Each arm's (trials, reward sum) as (trials, utility sum).

    `objective` is maximize or minimize; `costs` are of one invocation of each arm (0..1, none: all 0). Raises
    ValueError beginning with the wrong argument's name.

    >>> utility([(10, 4.0), (10, 5.0)], objective="minimize")
    [(10, 6.0), (10, 5.0)]
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective: must be maximize or minimize, not {objective!r}")
    if costs and len(costs) != len(counts):
        raise ValueError(f"costs: must be one for each of {len(counts)} arms, not {len(costs)}")
    if not all(0 <= cost <= 1 for cost in costs):
        raise ValueError(f"costs: must be from 0 to 1, not {list(costs)}")
    largest = max(costs, default=0.0)
    found = []
    for (trials, reward), cost in zip(counts, costs or [0.0] * len(counts), strict=True):
        gain = trials - reward if objective == "minimize" else reward
        # Within 0..trials, whatever the rounding.
        found.append((trials, min(max((gain + (largest - cost) * trials) / (1 + largest), 0.0), trials)))
    return found
