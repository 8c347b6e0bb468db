import datetime
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from abtest.experiment.rebalance import Decision
from abtest.experiment.variants import Shares, VariantCounts
from abtest.report import charts, history, page

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
NAMES = ("Champion1", "Challenger1")
COUNTS = [((40, 24), (35, 26)), ((70, 41), (80, 60)), ((90, 52), (135, 104)), ((100, 57), (200, 156))]
SHARES = [(0.1, 0.9), (0.06, 0.94), (0.02, 0.98), (0.02, 0.98)]


def decision(number: int) -> Decision:
    counts, shares = COUNTS[number - 1], SHARES[number - 1]
    old = (0.5, 0.5) if number == 1 else SHARES[number - 2]
    at = START + datetime.timedelta(minutes=number)
    return Decision(
        decision_id=f"reviews-demo-v1-1-d{number:06d}",
        number=number,
        experiment_id="reviews-demo-v1-1",
        endpoint_name="sagemaker-reviews-demo",
        decided_at=at,
        as_of=at,
        strategy="ThompsonSampling",
        old_shares=Shares(dict(zip(NAMES, old, strict=True))),
        new_shares=Shares(dict(zip(NAMES, shares, strict=True))),
        counts={
            name: VariantCounts(invocation_count=n, conversion_count=r, reward_sum=r, user_count=n, first_reward_sum=r)
            for name, (n, r) in zip(NAMES, counts, strict=True)
        },
        probability_best={"Champion1": 0.03, "Challenger1": 0.97},
        value_remaining=0.02,
        e_values={"Champion1": 3.5},
        e_value_threshold=20.0,
        status="running",
        leader="Challenger1",
        reason="Challenger1 leads <by 5 points>.",
        updated=True,
    )


def summary() -> dict[str, Any]:
    variant = {"initial_weight": 0.5, "current_weight": 0.5, "traffic_share": 0.5, "probability_best": 0.5}
    counted = {"invocation_count": 100, "conversion_count": 57, "reward_sum": 57.0}
    return {
        "experiment_id": "reviews-demo-v1-1",
        "endpoint_name": "sagemaker-reviews-demo",
        "strategy": "ThompsonSampling",
        "alpha": 0.05,
        "variants": [{"variant_name": name, **variant, **counted, "test_accuracy": 0.66} for name in NAMES],
        "decision": {"status": "running", "leader": "Challenger1", "reason": "Challenger1 leads <by 5 points>."},
    }


@pytest.fixture(scope="module")
def html() -> str:
    return page.render(summary(), [decision(n) for n in (3, 1, 2, 4)], ["The reviews are a <generated> sample."])


def test_the_page_needs_nothing_from_elsewhere(html: str) -> None:
    addresses = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert all(address.startswith("#") for address in addresses)
    assert "<script" not in html
    assert "@import" not in html


def test_an_open_difference_is_not_called_a_win(html: str) -> None:
    assert "Still running: Challenger1 leads, and the difference is not established." in html
    assert "Decided" not in html


def test_a_decision_names_its_winner() -> None:
    assert page.headline({"status": "decided", "leader": "Challenger1"}) == "Decided: Challenger1 is better."


def test_sentences_of_others_are_escaped(html: str) -> None:
    assert "The reviews are a &lt;generated&gt; sample." in html
    assert "<by 5 points>" not in html


def test_rounds_begin_with_the_initial_shares_and_follow_the_decisions_numbers() -> None:
    rounds = history.rounds_of([decision(n) for n in (2, 1)])
    assert [r.number for r in rounds] == [0, 1, 2]
    assert [r.shares["Champion1"] for r in rounds] == [0.5, 0.1, 0.06]
    assert [r.reward("Challenger1") for r in rounds] == [0, 26, 60]


def test_there_is_nothing_to_report_before_the_first_decision() -> None:
    with pytest.raises(ValueError, match="there is none yet"):
        history.rounds_of([])


@pytest.mark.parametrize(
    "chart", [charts.traffic_share, charts.cumulative_reward, charts.reward_rate, charts.posteriors]
)
def test_every_chart_is_one_svg_that_names_the_variants_and_repeats(chart: Any) -> None:
    rounds = history.rounds_of([decision(n) for n in (1, 2, 3, 4)])
    svg = chart(rounds, NAMES)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert all(name in svg for name in NAMES)
    assert svg == chart(rounds, NAMES)


def test_the_density_integrates_to_one() -> None:
    steps = 10_000
    area = sum(charts.beta_density((i + 0.5) / steps, 58, 44) for i in range(steps)) / steps
    assert area == pytest.approx(1, abs=1e-9)
