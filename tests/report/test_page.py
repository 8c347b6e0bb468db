import dataclasses
import datetime
import re
from typing import Any

import pytest

from abtest.experiment.record.decision import Decision
from abtest.experiment.record.findings import Effect
from abtest.experiment.record.variants import Shares, VariantCounts
from abtest.report import page
from tests.experiment.samples import SETTINGS

pytestmark = pytest.mark.slow

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
        settings=SETTINGS,
        old_shares=Shares(dict(zip(NAMES, old, strict=True))),
        new_shares=Shares(dict(zip(NAMES, shares, strict=True))),
        counts={
            name: VariantCounts(invocation_count=n, conversion_count=r, reward_sum=r, user_count=n, user_mean_sum=r)
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
        effects={"Champion1": Effect(0.2 - number / 100, 0.1 - number / 10, 0.3, 0.95)},
    )


def summary() -> dict[str, Any]:
    variant = {"initial_weight": 0.5, "current_weight": 0.5, "traffic_share": 0.5, "probability_best": 0.5}
    counted = {"invocation_count": 100, "conversion_count": 57, "reward_sum": 57.0}
    return {
        "experiment_id": "reviews-demo-v1-1",
        "endpoint_name": "sagemaker-reviews-demo",
        "strategy": "ThompsonSampling",
        "mode": "earn_first",
        "objective": "maximize",
        "margin": None,
        "time_limit_hours": None,
        "alpha": 0.05,
        "variants": [{"variant_name": name, "cost": 0.0, **variant, **counted} for name in NAMES],
        "decision": {
            "status": "running",
            "leader": "Challenger1",
            "effects": {"Champion1": dataclasses.asdict(Effect(0.2, -0.1, 0.5, 0.95))},
            "margin": None,
            "reason": "Challenger1 leads <by 5 points>.",
            "guarantee": "It holds <at all times>.",
        },
        "findings": [
            {"name": "drift", "severity": "warning", "sentence": "Drift: <it moved>.", "figures": {}},
            {"name": "late_conversions", "severity": "notice", "sentence": "Late: 4.", "figures": {}},
        ],
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
    assert "Still running: Challenger1 leads, but the difference is not proven." in html
    assert "<b>Next:</b> Keep sending users, and check again later." in html
    assert "Decided" not in html


def test_sentences_of_others_are_escaped(html: str) -> None:
    assert "The reviews are a &lt;generated&gt; sample." in html
    assert "<by 5 points>" not in html
    assert "<at all times>" not in html
    assert "<it moved>" not in html


def test_the_page_says_how_large_the_effect_is_what_holds_and_what_is_wrong(html: str) -> None:
    assert "Estimated advantage of Challenger1 over Champion1: +20.00 percentage points" in html
    assert "It holds &lt;at all times&gt;." in html
    assert '<div class="note warning">Drift: &lt;it moved&gt;.</div>' in html
    assert '<div class="note notice">Late: 4.</div>' in html
    assert "earn first" in html


def test_columns_that_would_be_empty_are_left_out(html: str) -> None:
    assert "cost each" not in html
    assert "test accuracy" not in html
    document = summary()
    document["variants"][1] |= {"cost": 0.02, "test_accuracy": 0.66, "test_accuracy_interval": [0.6, 0.72]}
    full = page.render(document, [decision(1)])
    assert "0.02" in full
    assert "66.0\N{NO-BREAK SPACE}% (60.0 to 72.0)" in full


def test_who_is_out_keeps_a_line_a_canary_is_named_and_who_left_is_in_the_pictures() -> None:
    told = summary()
    told["variants"][0]["canary_until"] = "2026-01-01T00:30:00.000Z"
    told["variants"][1]["out"] = "5XX rate."
    last = dataclasses.replace(decision(4), probability_best={"Challenger1": 0.97})
    former = {"Champion1": 0.2, "Challenger0": 0.2, "Challenger1": 0.6}
    shown = page.render(told, [dataclasses.replace(decision(3), old_shares=Shares(former)), last])
    assert "Champion1 is a canary until 2026-01-01T00:30:00.000Z" in shown
    assert '<td class="n">out</td>' in shown
    assert '<div class="note warning">Challenger1 is out, and the champion serves its users: 5XX rate.</div>' in shown
    assert "\N{EN DASH}<br>97.0\N{NO-BREAK SPACE}%" in shown  # P(best) stands beside its own variant's share
    assert shown.count('class="swatch"') == 2
    assert ">Challenger0</text>" in shown
