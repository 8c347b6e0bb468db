"""By how much one variant is better than another, with an interval that may be looked at after every interval."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Effect:
    """By how much the leader is better than another variant, in units of reward less cost (-2..2; above 0 is better).

    The interval from `low` to `high` holds the true difference, at all looks at once, with probability `level`.
    """

    difference: float
    low: float
    high: float
    level: float
