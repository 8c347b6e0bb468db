"""What other shares would have earned from the same users: off-policy estimates, with intervals that hold at any look.

Users come one by one. User t was drawn by the logged shares p_t and brought the reward Y_t, 0 to 1; the target would
have drawn by q_t. Both may depend on everything before t, as they do when a bandit moves the traffic, and rates may
drift. With mu_t(a) the mean reward of arm a for user t, given the past, the quantity estimated is

    value = 1/T sum_t sum_a q_t(a) mu_t(a),    difference = 1/T sum_t sum_a (q_t(a) - p_t(a)) mu_t(a).

With w_t = q_t(A_t) / p_t(A_t) and a model m_t of mu_t that knows only users before t, the estimates are

    inverse propensity (IPW)    1/T sum w_t Y_t
    self-normalised IPW         sum w_t Y_t / sum w_t      (Swaminathan and Joachims, NeurIPS 2015)
    doubly robust               1/T sum [sum_a q_t(a) m_t(a) + w_t (Y_t - m_t(A_t))]    (Dudik et al., ICML 2011)

No weight is clipped. The interval of each is the doubly robust one with a coarser or finer model: none, one mean for
all arms, a mean for each. It is an empirical-Bernstein confidence sequence (Howard et al., Annals of Statistics 2021,
theorem 4; for time-varying off-policy values Waudby-Smith et al., "Anytime-valid off-policy inference for contextual
bandits", 2022; Karampatziakis et al., "Off-policy confidence sequences", ICML 2021). Let xi_t = w_t (Y_t - m_t(A_t))
and X_t = sum_a q_t(a) m_t(a) + xi_t. If m_t(a) <= c / w_t(a), to which the model is cut, then xi_t >= -c, however large
the weights, and by Fan et al. (Electronic Journal of Probability 2015) for every lambda in (0, 1/c)

    exp(lambda sum (X_t - E_t X_t) - psi(lambda) sum xi_t^2),    psi(lambda) = (-ln(1 - c lambda) - c lambda) / c^2,

is a supermartingale, whatever p_t, q_t and mu_t do. So is a mixture over (c, lambda), and by Ville's inequality it
reaches 1 / alpha with probability at most alpha, at any time: the average of E_t X_t, the value, has that lower limit.
The upper limit is the lower one of minus the value.

Weights that stabilise the variance (Hadad et al., PNAS 2021; Bibaut et al., NeurIPS 2021) are not used. They would give
narrower intervals where the value of the target never changes, but they average other users than all: for a target that
moves, or rates that drift, that is another quantity.

Where p_t(a) = 0 and q_t(a) > 0 the reward is unknown. Then only that it lies between 0 and 1 is used (Manski, American
Economic Review 1990): the lower limit counts it as 0, the upper one as 1; the estimates say what they put there.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

from abtest.experiment.evidence.e_values import log_sum

SHARES_ERROR = 1e-6
LIKELY = 2  # for sums of squares of about 1,000
# Scales c = 2^power with what they weigh in the mixture: small c suit rare rewards, large ones large weights and logs.
SCALES = {2.0**power: 1 / (1 + abs(power - LIKELY)) for power in range(-3, 10)}
RATES = (0.5, 0.2)  # lambda * c
BISECTIONS = 45

Models = Sequence[Sequence[float]]  # for each cohort, each arm's mean reward as the earlier cohorts show it


class UnidentifiedError(ValueError):
    """The log cannot say what the target would have earned; the message says why."""


@dataclasses.dataclass(frozen=True)
class Cohort:
    """Users drawn by the same shares, told by arm, in one order of arms for all cohorts.

    `logged` and `target` are shares (0..1; the target's sum to 1, the logged ones to less where they included an arm
    that no user of any cohort drew). `users` counts those who drew the arm; `reward_sum` and `square_sum` are of
    their rewards (each 0..1) and of the rewards' squares. Raises ValueError if these cannot be.
    """

    logged: tuple[float, ...]
    target: tuple[float, ...]
    users: tuple[int, ...]
    reward_sum: tuple[float, ...]
    square_sum: tuple[float, ...]

    def __post_init__(self) -> None:
        if len({len(getattr(self, field.name)) for field in dataclasses.fields(self)}) != 1:
            raise ValueError("cohort: every member must hold one value for each arm")
        if not all(0 <= share <= 1 for share in (*self.logged, *self.target)):
            raise ValueError(f"cohort: shares must be from 0 to 1, not {self.logged} and {self.target}")
        if abs(math.fsum(self.target) - 1) > SHARES_ERROR or math.fsum(self.logged) > 1 + SHARES_ERROR:
            raise ValueError(f"cohort: shares must sum to 1, not {self.logged} and {self.target}")
        for share, users, reward, square in zip(self.logged, self.users, self.reward_sum, self.square_sum, strict=True):
            if users and not share:
                raise ValueError(f"cohort: {users} users drew an arm whose share was 0")
            if not 0 <= square <= reward + 1e-9 or reward > users + 1e-9:
                raise ValueError(f"cohort: {users} users cannot have reward {reward} and squares {square}")

    @property
    def size(self) -> int:
        return sum(self.users)

    @property
    def weights(self) -> tuple[float, ...]:
        """Of each arm; 0 where nobody can have drawn it."""
        return tuple(q / p if p else 0.0 for p, q in zip(self.logged, self.target, strict=True))


@dataclasses.dataclass(frozen=True)
class ValueEstimate:
    """Reward per user: the estimate and the limits of its always-valid interval."""

    value: float
    lower: float
    upper: float


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What the target would have earned per user, in units of the reward.

    `logged` is what was earned, `difference` the doubly robust estimate of how much more the target would have earned.
    `effective_users` is (sum of weights)^2 / sum of squared weights (Kong, 1992); `mean_weight` is 1 but for chance if
    the propensities are right.
    `unknown_share` (0..1) is the part of the target's draws that the logged shares made impossible; IPW counts 0
    reward for it, self-normalised IPW the mean of the rest, the doubly robust estimate its model.
    """

    users: int
    confidence: float
    logged: ValueEstimate
    ipw: ValueEstimate
    self_normalised_ipw: ValueEstimate
    doubly_robust: ValueEstimate
    difference: ValueEstimate
    effective_users: float
    largest_weight: float
    mean_weight: float
    unknown_share: float


def evaluate(cohorts: Sequence[Cohort], *, confidence: float = 0.95) -> Evaluation:
    """The value of the cohorts' target shares; the cohorts stand in the order in which their shares were set.

    Every cohort's shares may depend on the cohorts before it and on nothing later. `confidence` is 0..1, exclusive.
    Raises UnidentifiedError if nobody drew what the target draws, if it draws an arm that nobody ever could, or if the
    draws contradict the logged shares, and ValueError for a wrong confidence.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: must be between 0 and 1, not {confidence:g}")
    cohorts = [cohort for cohort in cohorts if cohort.size]
    _check_support(cohorts)
    weights = [(w, n) for c in cohorts for w, n in zip(c.weights, c.users, strict=True) if n]
    total, squares = math.fsum(w * n for w, n in weights), math.fsum(w * w * n for w, n in weights)
    users, arms = sum(cohort.size for cohort in cohorts), len(cohorts[0].users)
    earned = math.fsum(w * s for c in cohorts for w, s in zip(c.weights, c.reward_sum, strict=True))
    none, by_arm = [[0.0] * arms for _ in cohorts], list(_means_by_arm(cohorts))
    alpha = (1 - confidence) / 2
    limits, as_logged = _Limits(cohorts, alpha), [dataclasses.replace(c, target=_normalised(c.logged)) for c in cohorts]
    logged = math.fsum(s for c in cohorts for s in c.reward_sum) / users
    return Evaluation(
        users=users,
        confidence=confidence,
        logged=_Limits(as_logged, alpha).of_value(logged, by_arm),
        ipw=limits.of_value(earned / users, none, [[1.0] * arms for _ in cohorts]),
        self_normalised_ipw=limits.of_value(earned / total, list(_overall_means(cohorts))),
        doubly_robust=limits.of_value(_doubly_robust(cohorts, by_arm), by_arm),
        difference=limits.of_difference(_doubly_robust(cohorts, by_arm, baseline=1.0), by_arm),
        effective_users=total**2 / squares,
        largest_weight=max(w for w, _ in weights),
        mean_weight=total / users,
        unknown_share=_unknown_share(cohorts),
    )


def _check_support(cohorts: Sequence[Cohort]) -> None:
    for arm in range(len(cohorts[0].users) if cohorts else 0):
        if any(c.target[arm] > 0 for c in cohorts) and not any(c.logged[arm] > 0 for c in cohorts):
            raise UnidentifiedError(f"arm {arm}: nobody could ever draw it, so nothing says what it earns")
    if not any(w and n for c in cohorts for w, n in zip(c.weights, c.users, strict=True)):
        raise UnidentifiedError("no user drew a variant that the target would have drawn")


def _normalised(shares: Sequence[float]) -> tuple[float, ...]:
    total = math.fsum(shares)
    return tuple(share / total for share in shares)


def _unknown_share(cohorts: Sequence[Cohort]) -> float:
    unknown = [c.size * math.fsum(q for p, q in zip(c.logged, c.target, strict=True) if not p) for c in cohorts]
    return math.fsum(unknown) / sum(cohort.size for cohort in cohorts)


def _means_by_arm(cohorts: Sequence[Cohort]) -> Iterator[list[float]]:
    """Each arm's mean reward among earlier users, drawn by one user's weight towards the mean of all (0.5 at first)."""
    users, reward = [0] * len(cohorts[0].users), [0.0] * len(cohorts[0].users)
    for cohort in cohorts:
        overall = (math.fsum(reward) + 0.5) / (sum(users) + 1)
        yield [(s + overall) / (n + 1) for n, s in zip(users, reward, strict=True)]
        users = [n + more for n, more in zip(users, cohort.users, strict=True)]
        reward = [s + more for s, more in zip(reward, cohort.reward_sum, strict=True)]


def _overall_means(cohorts: Sequence[Cohort]) -> Iterator[list[float]]:
    """Self-normalised IPW of earlier users, for every arm alike; it starts as one user with 0.5."""
    weight, earned = 1.0, 0.5
    for cohort in cohorts:
        yield [earned / weight] * len(cohort.users)
        weight += math.fsum(w * n for w, n in zip(cohort.weights, cohort.users, strict=True))
        earned += math.fsum(w * s for w, s in zip(cohort.weights, cohort.reward_sum, strict=True))


def _doubly_robust(cohorts: Sequence[Cohort], models: Models, *, baseline: float = 0.0) -> float:
    """Of the value, or with `baseline` 1 of the difference from the logged shares."""
    terms = [
        c.size * (q - baseline * p) * m + (w - baseline) * (s - n * m)
        for c, model in zip(cohorts, models, strict=True)
        for p, q, w, n, s, m in zip(c.logged, c.target, c.weights, c.users, c.reward_sum, model, strict=True)
    ]
    return math.fsum(terms) / sum(cohort.size for cohort in cohorts)


def _estimate(value: float, lower: float, upper: float) -> ValueEstimate:
    """Raises UnidentifiedError if there is nothing between the limits."""
    if lower > upper:
        raise UnidentifiedError("the users' draws contradict the recorded shares: no value fits both")
    return ValueEstimate(value, lower, upper)


@dataclasses.dataclass(frozen=True)
class _Limits:
    """Lower and upper limits, each wrong with probability at most `alpha` (0..1), at whatever time one looks."""

    cohorts: Sequence[Cohort]
    alpha: float

    def of_value(self, value: float, models: Models, upper_models: Models | None = None) -> ValueEstimate:
        upper = _unknown_share(self.cohorts) - self._lower(upper_models or models, sign=-1)
        return _estimate(value, max(0.0, self._lower(models, sign=1)), min(1.0, upper))

    def of_difference(self, value: float, models: Models) -> ValueEstimate:
        upper = _unknown_share(self.cohorts) - self._lower(models, sign=-1, baseline=1.0)
        return _estimate(value, self._lower(models, sign=1, baseline=1.0), min(1.0, upper))

    def _lower(self, models: Models, *, sign: int, baseline: float = 0.0) -> float:
        """The limit of `sign` times the mean of sum_a (q(a) - baseline p(a)) mu(a), without arms that had no share."""
        users = sum(cohort.size for cohort in self.cohorts)
        logs = []  # of each weighted supermartingale: a - b * mean
        for scale, weight in SCALES.items():
            scored = [_scored(c, m, sign, baseline, scale) for c, m in zip(self.cohorts, models, strict=True)]
            total, squares = (math.fsum(column) for column in zip(*scored, strict=True))
            share = math.log(weight / math.fsum(SCALES.values()) / len(RATES))
            for rate in RATES:
                psi = (-math.log1p(-rate) - rate) / scale**2
                logs.append((share + rate / scale * total - psi * squares, rate / scale * users))
        a, b = np.array(logs).T
        low, high = -1.0, 1.0
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            rejected = bool(log_sum(a - b * middle) >= -math.log(self.alpha))
            low, high = (middle, high) if rejected else (low, middle)
        return low


def _scored(cohort: Cohort, model: Sequence[float], sign: int, baseline: float, scale: float) -> tuple[float, float]:
    """The sums of X and of xi^2 over the users, with the model cut so that xi >= -scale."""
    total = squares = 0.0
    for p, q, n, s, square, mean in zip(
        cohort.logged, cohort.target, cohort.users, cohort.reward_sum, cohort.square_sum, model, strict=True
    ):
        weight = sign * (q / p - baseline) if p else 0.0
        m = mean
        if weight > 0:
            m = min(m, scale / weight)
        elif weight < 0:
            m = max(m, 1 + scale / weight)
        total += cohort.size * p * weight * m + weight * (s - n * m)
        squares += weight**2 * (square - 2 * m * s + n * m * m)
    return total, squares
