"""Sample-ratio mismatch under changing shares, as a test that may be looked at after every interval.

While a Decision is in force a new user gets variant v with its share p_v, whatever happened before. The alternatives
are shares distorted by one factor e**b on one variant v throughout, as where a part of its users is lost or counted
twice: q_v = p_v e**b / (1 - p_v + p_v e**b), the others in proportion. Lindon and Malek, "Anytime-Valid Inference for
Multinomial Count Data" (NeurIPS 2022), use this family for processes whose rates vary with time. For n users of an
interval, n_v of them on v, the likelihood ratio is

    e**(b n_v) / (1 - p_v + p_v e**b)**n

Its expectation given the past is 1 if the users were drawn by the shares, which may follow from anything in the past.
So the product over intervals is a martingale, the mean over all (v, b) too, and by Ville's inequality it ever reaches
1/alpha with probability at most alpha.

The share of a variant that nobody got in an interval is not recorded. It is what the other shares leave; where several
share that rest, the ratio is taken at the end of its range at which it is least, which keeps the bound.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from abtest.experiment.counting.new_users import NewUsers
from abtest.experiment.evidence.e_values import log_sum, of_log

FACTORS = tuple(sign * 0.0125 * 2**step for step in range(8) for sign in (-1, 1))  # b: 1 % to a factor of 5


@dataclasses.dataclass(frozen=True)
class SampleRatio:
    """The highest e-value so far, and what was counted then.

    `variant_name` fitted its shares least: `users` of the `total` new users got it, `expected` should have.
    """

    e_value: float
    variant_name: str
    users: int
    expected: float
    total: int


def sample_ratio(intervals: Sequence[NewUsers], variant_names: Sequence[str]) -> SampleRatio:
    """How the new users of `intervals`, oldest first, fit the shares that drew them; an e-value of 1 says nothing."""
    logs = {(name, b): 0.0 for name in variant_names for b in FACTORS}
    highest, worst, seen = 0.0, variant_names[0], 0
    for number, interval in enumerate(intervals, start=1):
        for name in variant_names:
            users, (low, high) = interval.users.get(name, 0), _share_range(interval, name, variant_names)
            for b in FACTORS:
                share = high if b > 0 else low
                logs[name, b] += b * users - interval.count * math.log1p(share * math.expm1(b))
        now = float(log_sum(np.array(list(logs.values())))) - math.log(len(logs))  # of their mean
        if now > highest:
            highest, worst, seen = now, max(logs, key=lambda key: logs[key])[0], number
    read = intervals[:seen]
    return SampleRatio(
        e_value=of_log(highest),
        variant_name=worst,
        users=sum(interval.users.get(worst, 0) for interval in read),
        expected=math.fsum(i.count * sum(_share_range(i, worst, variant_names)) / 2 for i in read),
        total=sum(interval.count for interval in read),
    )


def _share_range(interval: NewUsers, name: str, variant_names: Sequence[str]) -> tuple[float, float]:
    """The least and the largest share that the variant can have had; the same where it is known."""
    if name in interval.shares:
        return interval.shares[name], interval.shares[name]
    rest = min(1.0, max(0.0, 1 - math.fsum(interval.shares.values())))
    alone = all(other in interval.shares for other in variant_names if other != name)
    return (rest if alone else 0.0), rest
