"""What is believed of arms whose rates may jump: per arm a mixture of Beta posteriors, one for each possible last jump.

This is Bayesian online changepoint detection (Adams and MacKay, 2007; Fearnhead and Liu, 2007) with conjugate Beta
segments, pruned to COMPONENTS of them. All runs of a simulation are filtered at once: the arrays are [runs, arms] or
[runs, arms, components]; a single experiment is one run.
"""

import dataclasses

import numpy as np

from abtest.experiment.allocation.log_gamma import log_beta
from abtest.experiment.arrays import Floats

COMPONENTS = 12
JUMPS = 1.0  # Gamma(JUMPS, over EXPOSURE requests): the prior of how often any rate jumps
EXPOSURE = 25_000.0
# An arm that serves all requests jumps that many times as often, and an idle one: see docs/decisions/0008-adaptive.md.
SERVING, IDLE = 3.0, 0.2
# A jumped rate is drawn from a Beta around the mean of all arms, as far from it as arms are from the leader, which is
# worth a number of trials between these.
LEAST_WORTH, MOST_WORTH = 20.0, 2_000.0
LARGEST_HAZARD = 0.5


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Of each arm, components oldest first: log weight, Beta parameters, trials, and the interval when each began."""

    log_weight: Floats
    a: Floats
    b: Floats
    trials: Floats
    began: Floats

    @property
    def weight(self) -> Floats:
        return np.exp(self.log_weight)

    @property
    def mean(self) -> Floats:
        """Of each arm's rate: [runs, arms]."""
        means: Floats = (self.weight * self.a / (self.a + self.b)).sum(axis=2)
        return means

    def had_jumps_been(self, times: float) -> "Mixture":
        """The beliefs if jumps had been `times` as likely before anything was seen; exact for one jump at most."""
        log_weight = self.log_weight + np.where(self.began > 0, np.log(times), 0.0)
        log_weight -= np.logaddexp.reduce(log_weight, axis=2, keepdims=True)
        return dataclasses.replace(self, log_weight=log_weight)

    def with_jump(self, hazard: Floats, prior: tuple[Floats, Floats], interval: int) -> "Mixture":
        """A new component, with the Beta parameters `prior`, takes `hazard` [runs, arms] of the weight.

        The lightest old one gives it its place: it is merged into its younger neighbour.
        """
        lightest = self.log_weight.argmin(axis=2)[..., None]
        last = COMPONENTS - 1
        neighbour = np.where(lightest < last, lightest + 1, last - 1)
        kept = self.log_weight.copy()
        merged = np.logaddexp(*(np.take_along_axis(kept, index, 2) for index in (lightest, neighbour)))
        np.put_along_axis(kept, neighbour, merged, 2)
        places = np.arange(COMPONENTS)
        source = np.minimum(np.where(places >= lightest, places + 1, places), last)
        kept += np.log1p(-hazard)[..., None]
        old = [np.take_along_axis(x, source, 2) for x in (kept, self.a, self.b, self.trials, self.began)]
        for values, new in zip(old, (np.log(hazard), *prior, np.zeros(1), np.full(1, interval)), strict=True):
            values[..., -1] = new
        return Mixture(*old)

    def after(self, trials: Floats, rewards: Floats) -> "Mixture":
        """Bayes' rule with a batch [runs, arms]."""
        n, s = trials[..., None], rewards[..., None]
        a, b = self.a + s, self.b + n - s
        log_weight = self.log_weight + log_beta(a, b) - log_beta(self.a, self.b)
        log_weight -= np.logaddexp.reduce(log_weight, axis=2, keepdims=True)
        return Mixture(log_weight, a, b, self.trials + n, self.began)


@dataclasses.dataclass(frozen=True)
class Filter:
    """The mixture, and what was served so far [runs, arms]; `idle` (0 or more) is IDLE but where that is studied."""

    mixture: Mixture
    trials: Floats
    rewards: Floats
    intervals: int
    idle: float = IDLE

    @classmethod
    def start(cls, runs: int, arms: int, idle: float = IDLE) -> "Filter":
        """Beta(1, 1) for every arm."""
        log_weight = np.full((runs, arms, COMPONENTS), -np.inf)
        log_weight[..., 0] = 0.0
        ones, none = np.ones_like(log_weight), np.zeros_like(log_weight)
        zeros = np.zeros((runs, arms))
        return cls(Mixture(log_weight, ones, ones, none, none), zeros, zeros, 0, idle)

    def after(self, trials: Floats, rewards: Floats) -> "Filter":
        """The beliefs after one more interval."""
        mixture = self.mixture
        if self.intervals:
            mixture = mixture.with_jump(self._hazard(trials), self._prior(), self.intervals)
        return dataclasses.replace(
            self,
            mixture=mixture.after(trials, rewards),
            trials=self.trials + trials,
            rewards=self.rewards + rewards,
            intervals=self.intervals + 1,
        )

    def _hazard(self, trials: Floats) -> Floats:
        """The chance that each arm jumped before this interval: the learnt rate of jumps, over its requests."""
        served, new = self.trials.sum(axis=1, keepdims=True), trials.sum(axis=1, keepdims=True)
        expected = JUMPS * np.log1p(new / (EXPOSURE + served)) / trials.shape[1]
        share = trials / np.maximum(new, 1e-300)
        often = self.idle + (SERVING - self.idle) * share
        hazard: Floats = np.clip(-np.expm1(-expected * often), 1e-12, LARGEST_HAZARD)
        return hazard

    def _prior(self) -> tuple[Floats, Floats]:
        """The Beta of a jumped rate: each [runs, 1]."""
        mean = (self.rewards.sum(axis=1, keepdims=True) + 1) / (self.trials.sum(axis=1, keepdims=True) + 2)
        rates = self.mixture.mean
        behind = ((rates.max(axis=1, keepdims=True) - rates) ** 2).sum(axis=1, keepdims=True)
        variance = behind / max(rates.shape[1] - 1, 1)
        worth = np.clip(mean * (1 - mean) / np.maximum(variance, 1e-300), LEAST_WORTH, MOST_WORTH)
        return worth * mean, worth * (1 - mean)
