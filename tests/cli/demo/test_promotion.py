"""How a demo ends: who won, after how many users, and who serves; or how many users are missing."""

from typing import Any

from abtest.cli.demo import promotion


def document(status: str, counts: tuple[tuple[int, int], ...], **changes: Any) -> dict[str, Any]:
    names = [f"V{number}" for number in range(len(counts))]
    variants = [
        {"variant_name": name, "invocation_count": n, "conversion_count": s}
        for name, (n, s) in zip(names, counts, strict=True)
    ]
    decision = {"status": status, "leader": "V1", "users": sum(n for n, _ in counts)}
    given = {"variants": variants, "decision": decision, "alpha": 0.05, "endpoint_name": "e", "promotion": None}
    return given | changes


def test_a_winner_is_told_with_what_an_ordinary_test_needs() -> None:
    won = {"variant_name": "V1", "champion_version": 2, "serves_alone": True}
    assert promotion.ending(document("decided", ((100, 20), (100, 30)), promotion=won)) == [
        "V1 was found to be better after 200 users. A test that is looked at once needs 588 for the difference seen.",
        "V1 is promoted: Champion2 is the same model, and serves alone on e.",
    ]


def test_without_a_decision_it_says_how_many_users_are_missing() -> None:
    (line,) = promotion.ending(document("running", ((100, 20), (100, 30))))
    assert line == (
        "200 users came without a decision. Half of such tests are decided by 588, for the difference seen so far. "
        "To go on: make demo USERS=588."
    )


def test_without_a_difference_nothing_is_promised() -> None:
    assert promotion.ending(document("running", ((100, 20), (100, 20)))) == [
        "200 users came without a decision. To go on: make demo USERS=400."
    ]
    assert promotion.ending(document("decided", ((10, 0), (10, 10)))) == ["V1 was found to be better after 20 users."]
