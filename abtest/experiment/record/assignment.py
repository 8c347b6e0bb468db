"""Which variant a user gets: a weighted rendezvous hash of (experiment, user) over the current shares."""

import hashlib
import math
from collections.abc import Mapping


def draw(experiment_id: str, user_id: str, shares: Mapping[str, float]) -> str:
    """The variant for the user: each with the probability of its share (0..1) over users, always the same for one.

    Every variant has a score, -share / ln(u) with u in (0, 1) from SHA-256 of the three names, and the highest wins.
    A change of shares moves users only towards variants whose share grew, relatively. Raises ValueError if no share is
    above 0.
    """
    scores = {
        name: share / -math.log(_uniform(experiment_id, user_id, name)) for name, share in shares.items() if share > 0
    }
    if not scores:
        raise ValueError("shares: at least one must be above 0")
    return max(sorted(scores), key=lambda name: scores[name])


def _uniform(*names: str) -> float:
    """Between 0 and 1, both excluded; the names' lengths keep ("a", "bc") and ("ab", "c") apart."""
    key = "".join(f"{len(name)}:{name}" for name in names)
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).digest()
    return ((int.from_bytes(digest[:8]) >> 12) + 0.5) / 2**52
