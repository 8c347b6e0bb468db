"""What is believed of arms whose rates may jump: per arm a mixture of Beta posteriors, one for each possible last jump.

This is Bayesian online changepoint detection (Adams and MacKay, 2007; Fearnhead and Liu, 2007) with conjugate Beta
segments, pruned to COMPONENTS of them. All runs of a simulation are filtered at once: the arrays are [runs, arms] or
[runs, arms, components]; a single experiment is one run.
"""

import dataclasses
import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

COMPONENTS = 12
JUMPS = 1.0  # Gamma(JUMPS, over EXPOSURE requests): the prior of how often any rate jumps
EXPOSURE = 25_000.0
# An arm that serves all requests jumps that many times as often, and an idle one: see docs/decisions/0008-adaptive.md.
SERVING, IDLE, POWER = 3.0, 0.4, 3.0
# A jumped rate is drawn from a Beta around the mean of all arms, worth so many trials; the intervals take turns.
CONCENTRATIONS = (500.0, 500.0, 50.0)
CONTAGION = 0.5  # the chance that what made one arm jump made the others jump too
NOTICED = 0.5  # the probability of a jump from which it is contagious
RECENT = 10  # intervals in which a jump is recent
SEEN = 0.3  # a component must have seen this part of an interval's traffic to speak of a jump
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
    """The mixture, what was served so far [runs, arms], and how strongly each arm has seemed to jump lately."""

    mixture: Mixture
    trials: Floats
    rewards: Floats
    intervals: int
    noticed: Floats
    alarm: Floats

    @classmethod
    def start(cls, runs: int, arms: int) -> "Filter":
        """Beta(1, 1) for every arm."""
        log_weight = np.full((runs, arms, COMPONENTS), -np.inf)
        log_weight[..., 0] = 0.0
        ones, none = np.ones_like(log_weight), np.zeros_like(log_weight)
        zeros = np.zeros((runs, arms))
        return cls(Mixture(log_weight, ones, ones, none, none), zeros, zeros, 0, zeros, zeros)

    def after(self, trials: Floats, rewards: Floats) -> "Filter":
        """The beliefs after one more interval."""
        mixture = self.mixture
        if self.intervals:
            mixture = mixture.with_jump(self._hazard(trials), self._prior(), self.intervals)
        mixture = mixture.after(trials, rewards)
        noticed = self._jumped(mixture, trials)
        return Filter(
            mixture,
            self.trials + trials,
            self.rewards + rewards,
            self.intervals + 1,
            np.maximum(noticed, self.noticed * (1 - 1 / RECENT)),
            np.maximum(noticed - self.noticed, 0.0),
        )

    def _hazard(self, trials: Floats) -> Floats:
        """The chance that each arm jumped before this interval: the learnt rate of jumps, over its requests."""
        served, new = self.trials.sum(axis=1, keepdims=True), trials.sum(axis=1, keepdims=True)
        expected = JUMPS * np.log1p(new / (EXPOSURE + served)) / trials.shape[1]
        share = trials / np.maximum(new, 1e-300)
        own = -np.expm1(-expected * (IDLE + (SERVING - IDLE) * share**POWER))
        hazard: Floats = np.clip(own + CONTAGION * _largest_of_others(self.alarm), 1e-12, LARGEST_HAZARD)
        return hazard

    def _prior(self) -> tuple[Floats, Floats]:
        mean = (self.rewards.sum(axis=1, keepdims=True) + 1) / (self.trials.sum(axis=1, keepdims=True) + 2)
        concentration = CONCENTRATIONS[self.intervals % len(CONCENTRATIONS)]
        return concentration * mean, concentration * (1 - mean)

    def _jumped(self, mixture: Mixture, trials: Floats) -> Floats:
        """How probable it is, from data, that an arm jumped lately, above what is NOTICED: 0 to 1."""
        if self.intervals < RECENT:
            return np.zeros_like(trials)
        seen = mixture.trials > SEEN * trials.sum(axis=1)[:, None, None]
        recent = mixture.began > self.intervals - RECENT
        probability = (mixture.weight * (seen & recent)).sum(axis=2)
        above: Floats = np.clip((probability - NOTICED) / (1 - NOTICED), 0.0, 1.0)
        return above


def _largest_of_others(values: Floats) -> Floats:
    """Of [runs, arms], for each arm the largest of the other arms' values."""
    if values.shape[1] == 1:
        return np.zeros_like(values)
    ordered = np.sort(values, axis=1)
    return np.where(values == ordered[:, -1:], ordered[:, -2:-1], ordered[:, -1:])


def log_beta(a: Floats, b: Floats) -> Floats:
    """The logarithm of the Beta function."""
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)


def log_gamma(x: Floats) -> Floats:
    """To 1e-12 of it, for x above 0: Stirling's series, eight steps up where x is small."""
    z = np.where(x < 20, x + 8, x)
    series = (z - 0.5) * np.log(z) - z + 0.5 * math.log(2 * math.pi)
    series += 1 / (12 * z) - 1 / (360 * z**3) + 1 / (1260 * z**5) - 1 / (1680 * z**7)
    small = np.minimum(x, 20)
    values: Floats = series - np.where(x < 20, np.log(np.prod([small + step for step in range(8)], axis=0)), 0.0)
    return values
