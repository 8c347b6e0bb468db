"""Simulated users, after the published simulation: each sends held-out reviews and converts if the top one was right.

A new user sends one invocation with 20 held-out reviews. Of these the one ranked most helpful counts (those
predicted helpful first, then by the probability of being helpful), and the user converts, posting a reward
of 1, if that review's label was predicted rightly. Who sends what depends on the seed and the user's number only.
"""

import json
import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from abtest.cli.shown.waiting import told

HELPFUL = "__label__Helpful"
REVIEWS_PER_USER = 20
CLIENTS = 4

Post = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]


@dataclass(frozen=True)
class Review:
    """A held-out review: its tokens, as the model was trained on them, and its true label."""

    text: str
    label: str


@dataclass(frozen=True)
class Prediction:
    label: str
    probability: float


@dataclass(frozen=True)
class Visit:
    """What one user did: which variant served, and the reward posted (0 if the user did not convert)."""

    user_id: str
    endpoint_variant: str
    reward: float


class ApiRefusedError(Exception):
    """The API answered a simulated user with an error."""


def parse_reviews(lines: Iterable[str]) -> list[Review]:
    """Reads reviews from the JSON lines of the pipeline's traffic slice."""
    return [Review(row["text"], row["label"]) for row in map(json.loads, lines)]


def reviews_of_user(traffic: Sequence[Review], *, seed: int, user: int) -> list[Review]:
    """Returns the reviews that user number `user` sends: drawn with replacement only if the slice is too small."""
    generator = random.Random(f"{seed}/{user}")
    if len(traffic) < REVIEWS_PER_USER:
        return generator.choices(traffic, k=REVIEWS_PER_USER)
    return generator.sample(list(traffic), REVIEWS_PER_USER)


def probability_helpful(prediction: Prediction) -> float:
    return prediction.probability if prediction.label == HELPFUL else 1.0 - prediction.probability


def most_helpful(predictions: Sequence[Prediction]) -> int:
    """Returns the index of the review ranked first; ties go to the earlier one."""
    return max(
        range(len(predictions)),
        key=lambda i: (predictions[i].label == HELPFUL, probability_helpful(predictions[i]), -i),
    )


def reward_of(sent: Sequence[Review], predictions: Sequence[Prediction]) -> float:
    """Returns 1.0 if the review ranked most helpful was labelled rightly, else 0.0."""
    top = most_helpful(predictions)
    return float(predictions[top].label == sent[top].label)


def parse_predictions(answer: Any) -> list[Prediction]:
    """Reads BlazingText's answer: one object for each review, its `label` and `prob` lists best first."""
    rows = json.loads(answer) if isinstance(answer, str) else answer
    return [Prediction(row["label"][0], float(row["prob"][0])) for row in rows]


def visit(post: Post, endpoint_name: str, user_id: str, sent: Sequence[Review]) -> Visit:
    """Makes one user's invocation and, if the answer was right, the conversion. Raises ApiRefusedError."""
    body = {
        "user_id": user_id,
        "endpoint_name": endpoint_name,
        "content_type": "application/json",
        "data": json.dumps({"instances": [review.text for review in sent]}),
    }
    served = _accepted(post, "/invocation", body)
    reward = reward_of(sent, parse_predictions(served["predictions"]))
    if reward > 0:
        _accepted(post, "/conversion", {**served, "reward": reward})
    return Visit(user_id, served["endpoint_variant"], reward)


def _accepted(post: Post, route: str, body: dict[str, Any]) -> dict[str, Any]:
    status, answer = post(route, body)
    if status >= 300:
        error = answer.get("error", {})
        raise ApiRefusedError(f"POST {route} answered {status}: {error.get('message', answer)}")
    return answer


def run(
    post: Post,
    *,
    endpoint_name: str,
    traffic: Sequence[Review],
    users: range,
    seed: int,
) -> list[Visit]:
    """Returns the visits of the users with these numbers, in order; a few users come at a time."""

    def one(user: int) -> Visit:
        return visit(post, endpoint_name, f"user-{seed}-{user:06d}", reviews_of_user(traffic, seed=seed, user=user))

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(told(pool.map(one, users), "users", len(users)))
