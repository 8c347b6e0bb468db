"""GrowthBook's bandit: the rule of its statistics engine, in all runs at once.

PyPI's gbstats 0.8.0 holds GrowthBook's tests but no bandit, so that rule is written here anew, after
`packages/stats/gbstats/bayesian/bandits.py` of growthbook/growthbook at commit 1158698: normal posteriors with a prior
N(0, 10^4), a sample variance of 0 taken for no data at all, weights = the shares of the draws in which an arm is best,
at least 0.01 each, and no move before every arm has 100 units. Its other mode, "top two", splits two arms evenly for
ever. The draws are fixed by a seed there too; they are 10,000, here 2,000 to save time.
"""

import dataclasses

import numpy as np

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation.known import Known
from abtest.experiment.simulation.policies import IntervalPolicy, Picks

PRIOR_PRECISION = 1e-4
LEAST_SHARE = 0.01
LEAST_UNITS = 100
DRAWS = 2000
GROUP = 100  # runs at once


def normal_posteriors(trials: Floats, rewards: Floats) -> tuple[Floats, Floats]:
    """Returns mean and standard deviation of each arm's posterior; [runs, arms] of [runs, arms]."""
    means = np.divide(rewards, trials, out=np.zeros_like(rewards), where=trials > 0)
    variances = means * (1 - means)
    precisions = np.divide(trials, variances, out=np.zeros_like(trials), where=variances > 0)
    posterior = PRIOR_PRECISION + precisions
    return precisions * means / posterior, 1 / np.sqrt(posterior)


def best_shares(means: Floats, deviations: Floats, draws: Floats) -> Floats:
    """Returns the share of `draws` [draws, arms], standard normal, in which each arm is the best; [runs, arms]."""
    parts = []
    for start in range(0, len(means), GROUP):
        part = slice(start, start + GROUP)
        values = means[part, None] + deviations[part, None] * draws
        best = values.argmax(axis=2)
        parts.append(np.stack([(best == arm).mean(axis=1) for arm in range(means.shape[1])], axis=1))
    return np.concatenate(parts)


@dataclasses.dataclass(frozen=True)
class _Session:
    draws: Floats

    def shares(self, known: Known) -> Floats:
        trials, rewards = known.totals
        shares = np.maximum(best_shares(*normal_posteriors(trials, rewards), self.draws), LEAST_SHARE)
        shares /= shares.sum(axis=1, keepdims=True)
        shares[(trials < LEAST_UNITS).any(axis=1)] = 1 / trials.shape[1]
        return shares

    def leaders(self, known: Known) -> Picks:
        best: Picks = best_shares(*normal_posteriors(*known.totals), self.draws).argmax(axis=1)
        return best


def _begin(runs: int, arms: int) -> _Session:  # noqa: ARG001
    return _Session(np.random.default_rng(1).standard_normal((DRAWS, arms)))


POLICIES = (IntervalPolicy("GrowthBook bandit", _begin, reading="raw"),)
