import dataclasses
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from abtest.report import charts
from abtest.report.rounds import Round, rounds_of
from tests.report.test_page import NAMES, decision

pytestmark = pytest.mark.slow

PICTURES = [
    *(charts.traffic_share, charts.cumulative_reward, charts.reward_rate),
    *(charts.posteriors, charts.evidence, charts.advantage),
]


def rounds(*numbers: int) -> list[Round]:
    return rounds_of([decision(n) for n in numbers])


@pytest.mark.parametrize("chart", PICTURES)
@pytest.mark.parametrize("numbers", [(1,), (1, 2, 3, 4)])
def test_every_chart_is_one_svg_that_names_variants(chart: Any, numbers: tuple[int, ...]) -> None:
    svg = chart(rounds(*numbers), NAMES)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert any(name in svg for name in NAMES)


@pytest.mark.parametrize("chart", PICTURES)
def test_every_picture_repeats_in_colours_that_the_page_can_change(chart: Any) -> None:
    """A dark page sets them anew; text and axes take the page's own colour."""
    svg = chart(rounds(1, 2), NAMES)
    assert svg == chart(rounds(1, 2), NAMES)
    assert "currentColor" in svg
    assert charts.INK not in svg
    assert svg.count(charts.GRID) == svg.count(f"var(--grid, {charts.GRID})")
    for index, colour in enumerate(charts.COLOURS):
        assert svg.count(colour) == svg.count(f"var(--c{index}, {colour})")


def test_where_nothing_is_known_there_is_no_picture() -> None:
    start, first = rounds(1)
    alone = dataclasses.replace(first, e_values={}, effects={})
    assert charts.evidence([start, alone], NAMES) == ""
    assert charts.advantage([start, alone], NAMES) == ""


def test_the_evidence_shows_what_is_needed_also_where_it_is_far_more() -> None:
    start, first = rounds(1)
    sure = dataclasses.replace(first, e_values={"Champion1": 1e100})
    svg = charts.evidence([start, sure], NAMES)
    assert "needed to decide" in svg
    assert "1e+50" not in svg


def joined() -> list[Round]:
    """Challenger2 comes with the second round and is gone in the fourth; Challenger1 is away in the third."""
    start, *others = rounds(1, 2, 3, 4)
    both = {"Champion1": 0.5, "Challenger1": 0.5}
    three = {"Champion1": 0.5, "Challenger1": 0.25, "Challenger2": 0.25}
    shares = [both, three, {"Champion1": 0.5, "Challenger2": 0.5}, both]
    return [start, *(dataclasses.replace(r, shares=s) for r, s in zip(others, shares, strict=True))]


@pytest.mark.parametrize("chart", [charts.traffic_share, charts.cumulative_reward])
def test_a_line_is_drawn_only_where_its_variant_takes_part(chart: Any) -> None:
    svg = chart(joined(), [*NAMES, "Challenger2"])
    lines = re.findall(r'<path d="([^"]*)" clip-path[^>]*stroke: var\(--c(\d)', svg)
    assert {index: len(re.findall("[ML]", path)) for path, index in lines} == {"0": 5, "1": 4, "2": 2}
    assert {index: path.count("M") for path, index in lines} == {"0": 1, "1": 2, "2": 1}


def test_nothing_is_believed_of_a_variant_that_nobody_has_had() -> None:
    """Its flat prior would stretch the axis from 0 to 100 %."""
    assert charts.posteriors(joined(), [*NAMES, "Challenger2"]) == charts.posteriors(joined(), NAMES)
    start, _ = rounds(1)
    assert "Champion1" in charts.posteriors([start], NAMES)


def test_the_margin_is_drawn_where_there_is_one() -> None:
    assert ">margin<" in charts.advantage(rounds(1, 2), NAMES, margin=0.05)
    assert ">margin<" not in charts.advantage(rounds(1, 2), NAMES)


def test_the_density_integrates_to_one() -> None:
    steps = 10_000
    area = sum(charts.beta_density((i + 0.5) / steps, 58, 44) for i in range(steps)) / steps
    assert area == pytest.approx(1, abs=1e-9)
