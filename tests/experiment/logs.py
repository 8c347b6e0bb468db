"""The events of an experiment that Thompson sampling ran, to replay."""

import collections
import itertools
import math
import random
from collections.abc import Sequence

from abtest.experiment.allocation.strategies import traffic_shares
from abtest.experiment.record.assignment import draw
from abtest.experiment.record.events import Event
from tests.experiment.samples import EXPERIMENT, NAMES, conversion, invocation

INTERVAL, WINDOW = 1000, 500  # seconds


def logged(
    seed: int, *, rates: Sequence[float] = (0.2, 0.4), intervals: int = 6, users: int = 60, names: Sequence[str] = NAMES
) -> list[Event]:
    """Thompson sampling's events; each user comes twice in the interval and may convert within the window."""
    source, events = random.Random(seed), list[Event]()
    closed: list[tuple[float, float]] = [(0.0, 0.0)] * len(rates)
    for interval in range(intervals):
        shares = dict(zip(names, traffic_shares(closed, strategy="ThompsonSampling", floor=0.05), strict=True))
        outcomes: collections.defaultdict[str, list[float]] = collections.defaultdict(list)
        for user, visit in itertools.product(range(users), range(2)):
            user_id = f"{seed}-{interval}-{user}"
            variant = draw(EXPERIMENT, user_id, shares)
            seconds = interval * INTERVAL + user + 100 * visit
            came = invocation(
                f"{user_id}-{visit}",
                seconds,
                user_id=user_id,
                endpoint_variant=variant,
                propensity=shares[variant],
                decision_id=f"{EXPERIMENT}-d{interval:06d}",
            )
            reward = float(source.random() < rates[names.index(variant)])
            events += [came, conversion(came, seconds + source.randrange(WINDOW))] if reward else [came]
            outcomes[variant].append(reward)
        closed = [
            (n + len(outcomes[name]), s + math.fsum(outcomes[name])) for name, (n, s) in zip(names, closed, strict=True)
        ]
    return events
