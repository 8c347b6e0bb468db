"""Measures times, as ratios taken in one run: another machine has other seconds, but about the same ratios."""

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.special import betainc, betainccinv, betaincinv, betaln

from abtest.experiment import probability_best
from abtest.experiment.simulation import Policy, Scenario, interval_policy, request_policy, simulate
from abtest.experiment.simulation.batched import probability_best as probability_best_batched
from bench import counting

SEED = 5
ARMS = (2, 5, 20)
SIMULATED = Scenario("five arms", (0.1, 0.08, 0.08, 0.08, 0.08), intervals=50, requests=1000)


def reference(counts: list[tuple[float, float]]) -> list[float]:
    """Returns P(best) by scipy's adaptive quadrature of density times distribution functions, to 1e-10."""
    a, b = (np.array(column) for column in zip(*((1 + s, 1 + n - s) for n, s in counts), strict=True))
    low, high = betaincinv(a, b, 1e-15).min(), betainccinv(a, b, 1e-15).max()
    points = np.unique(a / (a + b))

    def integrand(x: float, arm: int) -> float:
        below = betainc(a, b, x)
        below[arm] = math.exp((a[arm] - 1) * math.log(x) + (b[arm] - 1) * math.log1p(-x) - betaln(a[arm], b[arm]))
        return float(below.prod())

    return [
        float(quad(integrand, low, high, args=(arm,), points=points, epsabs=1e-10, epsrel=1e-10, limit=500)[0])
        for arm in range(len(counts))
    ]


def seconds(function: Callable[[], Any], repeats: int) -> float:
    """Returns the median time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def one_probability(arms: int) -> dict[str, Any]:
    random = np.random.default_rng(SEED)
    trials = random.integers(500, 5000, size=arms)
    counts = [(float(n), float(random.binomial(n, 0.05))) for n in trials]
    ours = seconds(lambda: probability_best(counts), 20)
    theirs = seconds(lambda: reference(counts), 1)
    error = max(abs(a - b) for a, b in zip(probability_best(counts), reference(counts), strict=True))
    many = np.tile(np.array(counts).T[:, None], (1, 1000, 1))
    batched = seconds(lambda: probability_best_batched(many[0], many[1]), 3) / 1000
    return {
        "what": f"probability_best, {arms} arms",
        "ms": 1000 * ours,
        "reference": "scipy.integrate.quad",
        "reference_ms": 1000 * theirs,
        "ratio": ours / theirs,
        "largest_error": error,
        "batched_ms": 1000 * batched,
    }


def simulator(ours: str, runs: int) -> list[dict[str, Any]]:
    """Times `runs` runs of 50 intervals with 5 arms, in seconds, beside the published Thompson sampling per request."""
    policies: list[Policy] = [
        interval_policy("WeightedSampling"),
        interval_policy("ThompsonSampling"),
        interval_policy(ours),
        request_policy("ThompsonSampling"),
    ]
    times = [seconds(lambda policy=policy: simulate(SIMULATED, policy, runs=runs), 1) for policy in policies]  # type: ignore[misc]
    return [
        {"what": policy.name, "runs": runs, "seconds": taken, "ratio": taken / times[-1]}
        for policy, taken in zip(policies, times, strict=True)
    ]


def measure(ours: str, runs: int) -> dict[str, Any]:
    return {
        "probability_best": [one_probability(arms) for arms in ARMS],
        "simulator": simulator(ours, runs),
        "counting": counting.measure(),
    }
