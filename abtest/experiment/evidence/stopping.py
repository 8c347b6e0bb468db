"""The always-valid test that names a leader, however often it is looked at and however shares moved meanwhile.

A user enters the test once, with one outcome, a fixed time after the first request, in a batch of all users whom
one Decision's shares drew and who enter in the same interval. For a pair of arms (a, b) of which these shares give the
parts p_a and p_b = 1 - p_a, means m_a - m_b = d and a stake l >= 0, all fixed before the batch's outcomes, the capital
is multiplied by

    1 + l p_b (y - m_a)   for a user of a with reward y,      1 - l p_a (y - m_b)   for a user of b

As a user of either is one of a with probability p_a, each factor expects

    p_a (1 + l p_b (mu_a - m_a)) + p_b (1 - l p_a (mu_b - m_b)) = 1 + l p_a p_b (mu_a - mu_b - d)

which is at most 1 where a's mean exceeds b's by at most d: whatever the means are, also if they drift, and with any
number of users of either arm. This is testing by betting (Waudby-Smith and Ramdas, "Estimating means of bounded random
variables by betting", 2024) with the recorded propensities. The capital is spread over STAKES; small ones find small
differences, so that any difference is found at last. Of rewards only sums are known, so each product is taken as if s
users had reward 1 and the others 0: 1 + x (y - m) is log concave in y, so for rewards between 0 and 1 it is smaller
than the product. It falls as d rises, since m_a and m_b move apart: what refutes d refutes any smaller one.

Products of factors over batches, and fixed averages of them over stakes, expect at most 1, so by Ville's inequality
such an e-value ever reaches c with probability at most 1/c.

**Who is named.** For each arm b one e-value tests "b is a best arm": its bet in each batch is that the leader of the
others, by what entered before, is better than b; none if it is far behind. An arm is named once those of all others
have reached c = 1/alpha. Take any best arm, the champion if it is one. To name an arm while another is better, or a
challenger that is no better than the champion, the one e-value of that arm must have reached c, though its hypothesis
is true: the probability is at most alpha for any number of arms. If the e-values of all arms reach c, the best arm
changed, and nobody is named.

All this stands on the shares: where users of one arm are lost (`sample_ratio`), nothing may be concluded.

**Equivalence** is declared, with a margin, once for every challenger both "at least the margin better than the
champion" and "at least the margin worse" have been refuted at c. That is false only if some challenger does differ so
much, and then one such pair's one e-value must have reached c. With two arms that one is never below the e-value by
which the worse arm would be named, as its d is smaller: alpha bounds the chance of either error. With more arms
c = 2/alpha does.

**When an arm leaves**, what was bet on it says nothing about the best of those left, and who left may depend on what
was seen: the e-values begin anew with later Decisions' users and a part of alpha of their own (`part_of_alpha`: nine
tenths until the first leaves, then half of the rest each time). An arm that joins only makes the hypotheses narrower:
they go on.

Where invocations cost something, d is the difference of the two arms' costs, plus or minus a margin.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.arrays import Floats
from abtest.experiment.evidence.betting import BestTest, PairTest
from abtest.experiment.evidence.e_values import of_log
from abtest.experiment.record.variants import Trials

UNTIL_ONE_LEAVES = 0.9  # of alpha


@dataclasses.dataclass(frozen=True)
class Batch:
    """Users who enter the test together: outcomes by variant, and the shares (0..1) that drew them."""

    outcomes: Mapping[str, Trials]
    shares: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Proof:
    """`leader` is None until one is named; `equivalent` says whether all arms are, within the margin.

    `e_values[b]` is the highest so far against "b is a best arm"; `threshold` is what they must reach. `refuted` are
    the arms of which it has; if these are all, rates have crossed and nobody is named.
    """

    leader: str | None
    equivalent: bool
    e_values: Mapping[str, float]
    threshold: float

    @property
    def refuted(self) -> frozenset[str]:
        return frozenset(name for name, e_value in self.e_values.items() if e_value >= self.threshold)

    @property
    def crossed(self) -> bool:
        return len(self.refuted) == len(self.e_values)


def threshold_of(arms: int, alpha: float, margin: float | None = None, leaves: int = 0) -> float:
    """What an e-value must reach; `alpha` (0..1, both excluded) bounds the chance of ever reaching a false verdict.

    `leaves` says how often the e-values began anew because an arm left.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha: must be between 0 and 1, not {alpha}")
    return (1 + (margin is not None and arms > 2)) / (alpha * part_of_alpha(leaves))


def part_of_alpha(leaves: int) -> float:
    """What the e-values have of alpha after so many new beginnings; all parts sum to 1."""
    return (1 - UNTIL_ONE_LEAVES) * 2.0**-leaves if leaves else UNTIL_ONE_LEAVES


def verdict(
    batches: Sequence[Batch],
    variant_names: Sequence[str],
    alpha: float,
    *,
    margin: float | None = None,
    costs: Mapping[str, float] | None = None,
    leaves: int = 0,
) -> Proof:
    """What the batches, in the order in which they entered, prove of these variants.

    The leader is the first variant to pass, even if later batches speak less clearly; equivalence that came before
    stands as well. The first of `variant_names` is the champion; `margin` (above 0, in units of reward) None means that
    nothing is equivalent. `costs` are of an invocation of each variant, in units of reward: an arm is better if its
    reward exceeds the other's by more than its cost does. A single variant leads nobody.
    """
    threshold = threshold_of(len(variant_names), alpha, margin, leaves)
    own = np.array([(costs or {}).get(name, 0.0) for name in variant_names])
    users, rewards, shares = arrays_of(batches, variant_names)
    path = BestTest((), own).add(users, rewards, shares)
    refuted = path >= math.log(threshold)
    named_at = _first(refuted.sum(axis=1) == len(variant_names) - 1) if len(variant_names) > 1 else len(batches)
    equivalent_at = len(batches)
    if margin is not None and len(variant_names) > 1:
        close = [
            PairTest((), own[a] - own[b] - margin).add(users[:, [a, b]], rewards[:, [a, b]], shares[:, [a, b]])
            for a, b in champions_pairs(len(variant_names))
        ]
        equivalent_at = _first(np.min(close, axis=0) >= math.log(threshold))
    named = named_at < len(batches) and named_at <= equivalent_at
    return Proof(
        leader=variant_names[int(refuted[named_at].argmin())] if named else None,
        equivalent=not named and equivalent_at < len(batches),
        e_values={name: of_log(log) for name, log in zip(variant_names, path[-1], strict=True)}
        if len(batches)
        else dict.fromkeys(variant_names, 1.0),
        threshold=threshold,
    )


def champions_pairs(arms: int) -> list[tuple[int, int]]:
    """The champion, arm 0, with each challenger, in both orders."""
    return [pair for arm in range(1, arms) for pair in ((0, arm), (arm, 0))]


def _first(passed: NDArray[np.bool_]) -> int:
    return int(passed.argmax()) if passed.any() else len(passed)


def arrays_of(batches: Sequence[Batch], variant_names: Sequence[str]) -> tuple[Floats, Floats, Floats]:
    """Users, reward sums and shares, each [batches, arms]; zeros of a variant that a batch does not hold."""
    cells = np.array(
        [
            [(*batch.outcomes.get(name, (0, 0.0)), batch.shares.get(name, 0.0)) for name in variant_names]
            for batch in batches
        ],
        dtype=np.float64,
    ).reshape(len(batches), len(variant_names), 3)
    return cells[..., 0], cells[..., 1], cells[..., 2]
