import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.evidence.shadow_comparison import ShadowMeasurement, compared, judge, label, waits
from abtest.experiment.record.safety import ShadowConfig
from tests.experiment.samples import START

CONFIG = ShadowConfig(minutes=10, least_requests=20, least_agreement=0.8, most_5xx_rate=0.1, most_latency_ratio=2)
GOOD = ShadowMeasurement(pairs=20, agreeing=16, errors=2, champion_latency_ms=10, shadow_latency_ms=20)


def blazingtext(name: str, probability: float) -> str:
    return json.dumps([{"label": [name], "prob": [probability]}])


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (blazingtext("__label__A", 0.9), blazingtext("__label__A", 0.6), True),
        (blazingtext("__label__A", 0.9), blazingtext("__label__B", 0.9), False),
        ("0.93", "0.51", True),
        ("0.93", "0.49", False),
        ("0.9,0.1", "0.8,0.4", True),
        ("0.9,0.1", "0.8,0.6", False),
        ("3.0", "2.0", False),  # a class's number
        ('{"predictions": [0.7]}', '{"predictions": [0.9]}', True),
        ('{"predicted_label": "a", "score": 1}', '{"predicted_label": "a", "score": 2}', True),
        ('{"other": 1}', '{"other": 2}', False),
        ("yes", "yes", True),
        ("yes", "no", False),
        ("null", "", False),
        ("NaN", "[NaN]", False),
        ("[NaN]", "[NaN]", True),
    ],
)
def test_answers_agree_by_their_labels(one: str, other: str, agree: bool) -> None:
    assert (label(one) == label(other)) is agree


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.text()))
def test_only_what_both_answered_is_compared(champion: dict[str, str], shadow: dict[str, str]) -> None:
    pairs, agreeing = compared(champion, shadow)
    assert 0 <= agreeing <= pairs == len(set(champion) & set(shadow))
    assert compared(champion, champion) == (len(champion), len(champion))
    assert compared(champion, shadow) == compared(shadow, champion)


@pytest.mark.parametrize(
    ("measured", "minutes", "waiting"),
    [
        (GOOD, 9.9, "it lasts until 2026-01-01T00:10:00.000Z"),
        (GOOD, 10, None),
        (ShadowMeasurement(pairs=12, errors=7), 10, "19 of 20 requests"),
        (ShadowMeasurement(pairs=12, errors=8), 10, None),
        (ShadowMeasurement(), 3 * 24 * 60 - 1, "0 of 20 requests"),
        (ShadowMeasurement(), 3 * 24 * 60, None),
    ],
)
def test_it_waits_for_its_time_and_its_requests_three_days_at_most(
    measured: ShadowMeasurement, minutes: float, waiting: str | None
) -> None:
    now = START + datetime.timedelta(minutes=minutes)
    assert waits(measured, CONFIG, began=START, now=now) == waiting


@pytest.mark.parametrize(
    ("measured", "passed", "reason"),
    [
        (GOOD, True, "the labels agree in 16 of 20 requests, 2 failed, latency 2 times the champion's."),
        (ShadowMeasurement(20, 16, 0, 10, 21), False, "latency 2.1 times the champion's, 2 is the most."),
        (ShadowMeasurement(20, 15, 0, 10, 10), False, "the labels agree in 15 of 20 requests, 0.8 is the least."),
        (ShadowMeasurement(18, 18, 3, 10, 10), False, "3 of 21 requests failed, 0.1 is the most."),
        (ShadowMeasurement(0, 0, 20), False, "20 of 20 requests failed, 0.1 is the most."),
        (ShadowMeasurement(19, 19), False, "only 19 of 20 requests within 3 days."),
        (ShadowMeasurement(20, 20), True, "the labels agree in 20 of 20 requests, 0 failed, no latency was measured."),
    ],
)
def test_the_first_figure_that_is_not_good_enough_decides(
    measured: ShadowMeasurement, passed: bool, reason: str
) -> None:
    verdict = judge(measured, CONFIG)
    assert (verdict.passed, verdict.reason) == (passed, reason)
