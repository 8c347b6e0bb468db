import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.cli.demo import users
from abtest.cli.demo.users import HELPFUL, Prediction, Review

NOT_HELPFUL = "__label__NotHelpful"
TRAFFIC = [Review(f"text {n}", HELPFUL if n % 2 else NOT_HELPFUL) for n in range(50)]


def test_a_review_predicted_helpful_ranks_before_any_other() -> None:
    assert users.most_helpful([Prediction(NOT_HELPFUL, 0.51), Prediction(HELPFUL, 0.5)]) == 1


def test_among_the_predicted_helpful_the_most_probable_ranks_first() -> None:
    assert users.most_helpful([Prediction(HELPFUL, 0.6), Prediction(HELPFUL, 0.9), Prediction(HELPFUL, 0.7)]) == 1


def test_where_none_is_predicted_helpful_the_least_certain_refusal_ranks_first() -> None:
    assert users.most_helpful([Prediction(NOT_HELPFUL, 0.9), Prediction(NOT_HELPFUL, 0.6)]) == 1


def test_ties_go_to_the_earlier_review() -> None:
    assert users.most_helpful([Prediction(HELPFUL, 0.6)] * 3) == 0


def test_a_user_converts_only_if_the_top_review_was_labelled_rightly() -> None:
    sent = [Review("a", HELPFUL), Review("b", NOT_HELPFUL)]
    assert users.reward_of(sent, [Prediction(HELPFUL, 0.9), Prediction(HELPFUL, 0.8)]) == 1.0
    assert users.reward_of(sent, [Prediction(HELPFUL, 0.7), Prediction(HELPFUL, 0.8)]) == 0.0


@given(st.integers(0, 2**32), st.integers(0, 10_000))
def test_what_a_user_sends_depends_on_seed_and_number_only(seed: int, user: int) -> None:
    first = users.reviews_of_user(TRAFFIC, seed=seed, user=user)
    assert first == users.reviews_of_user(TRAFFIC, seed=seed, user=user)
    assert len(first) == len({review.text for review in first}) == users.REVIEWS_PER_USER


def test_a_slice_that_is_too_small_is_drawn_from_with_replacement() -> None:
    assert len(users.reviews_of_user(TRAFFIC[:3], seed=1, user=1)) == users.REVIEWS_PER_USER


def answering(label: str, posted: list[tuple[str, dict[str, Any]]]) -> users.Post:
    def post(route: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        posted.append((route, body))
        count = len(json.loads(body["data"])["instances"]) if "data" in body else 0
        predictions = [{"label": [label], "prob": [0.9]}] * count
        return 201, {"endpoint_variant": "Champion1", "inference_id": "i", "user_id": "u", "predictions": predictions}

    return post


def test_only_a_reward_above_zero_is_posted_with_the_response_of_the_invocation() -> None:
    posted: list[tuple[str, dict[str, Any]]] = []
    helpful = [Review("a", HELPFUL)] * 2
    assert users.visit(answering(HELPFUL, posted), "e", "u", helpful).reward == 1.0
    assert [route for route, _ in posted] == ["/invocation", "/conversion"]
    assert posted[1][1] | {"reward": 1.0, "inference_id": "i"} == posted[1][1]
    posted.clear()
    assert users.visit(answering(NOT_HELPFUL, posted), "e", "u", helpful).reward == 0.0
    assert [route for route, _ in posted] == ["/invocation"]


def test_a_refusal_of_the_api_names_route_status_and_error() -> None:
    refusal = {"error": {"code": "NotFound", "message": "no experiment"}}
    with pytest.raises(users.ApiRefusedError, match=r"/invocation answered 404.*no experiment"):
        users.visit(lambda *_: (404, refusal), "e", "u", TRAFFIC[:1])


def test_visits_come_in_the_order_of_the_users() -> None:
    visits = users.run(answering(HELPFUL, []), endpoint_name="e", traffic=TRAFFIC, users=range(5, 9), seed=3)
    assert [v.user_id for v in visits] == [f"user-3-{n:06d}" for n in range(5, 9)]
