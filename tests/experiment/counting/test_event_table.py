"""Tables of parts of the events, merged, count what all lines at once do, and survive being written."""

import io
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.counting import delays
from abtest.experiment.counting.count import count
from abtest.experiment.counting.counts import Counts
from abtest.experiment.counting.event_table import EventTable
from tests.experiment import reference
from tests.experiment.counting.test_count import traffic
from tests.experiment.samples import EXPERIMENT, at, conversion, invocation


def table(lines: list[str]) -> EventTable:
    return EventTable.of(lines)[0]


def close(one: Counts, other: Counts) -> None:
    """But for the last digits of sums, the same."""
    assert set(one.variants) == set(other.variants)
    for name, counts in one.variants.items():
        assert counts.to_json() == pytest.approx(other.of(name).to_json())
    for a, b in zip(one.history, other.history, strict=True):
        assert (a.ended_at, set(a.outcomes)) == (b.ended_at, set(b.outcomes))
        assert all(a.outcomes[name] == pytest.approx(b.outcomes[name]) for name in a.outcomes)
    for first, second in zip(one.weighted_history, other.weighted_history, strict=True):
        assert set(first) == set(second)
        assert all(first[name] == pytest.approx(second[name], abs=2e-6) for name in first)
    assert one.new_users == other.new_users
    rest = ("apart", "late_conversion_count", "orphan_conversion_count", "malformed_line_count", "foreign_event_count")
    assert [getattr(one, name) for name in rest] == [getattr(other, name) for name in rest]
    assert one.reward_out_of_range_count == other.reward_out_of_range_count


@given(
    traffic(),
    st.randoms(use_true_random=False),
    st.integers(0, 150),
    st.sampled_from([0, 20]),
    st.sampled_from([None, 0, 9]),
    st.sampled_from([1, 30]),
)
def test_parts_count_as_the_whole_in_any_order_with_any_overlap(
    lines: list[str], source: random.Random, as_of: int, window: int, period: int | None, least: int
) -> None:
    """Objects of S3 come late, twice, in any order; a year's checkpoints are merged with what is new."""
    retries = [invocation("i0", 70, user_id="w").to_line(), conversion(invocation("i1", 0), 149, 0.3).to_line()]
    lines += [line for line in retries if source.random() < 0.5]
    arguments: dict[str, Any] = {
        "experiment_id": EXPERIMENT,
        "as_of": at(as_of),
        "attribution_window_seconds": window,
        "user_period_seconds": period,
        "boundaries": [at(30), at(60)],
    }
    parts: list[list[str]] = [[] for _ in range(4)]
    for line in lines:
        for part in source.sample(parts, source.choice([1, 1, 2])):
            part.insert(source.randrange(len(part) + 1), line)
    one, other, *rest = [EventTable.from_bytes(table(part).to_bytes())[0] for part in parts]
    merged = EventTable.merged([*rest, EventTable.merged([other, one])])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delays, "LEAST_CONVERSIONS", least)
        assert count(merged, **arguments) == count(table(lines), **arguments)
        close(count(merged, **arguments), reference.counts_of(lines, **arguments))


def test_what_came_before_is_left_out() -> None:
    old, new = invocation("a", 0), invocation("b", 5000)
    lines = [old.to_line(), new.to_line(), conversion(old, 4000).to_line()]
    whole = EventTable.merged([table(lines), EventTable.of(["{"], at(0))[0], EventTable.of(["["], at(3600))[0]])
    kept = whole.since(at(4000))
    assert [len(rows) for rows in (kept.invocations, kept.conversions, kept.malformed)] == [1, 1, 1]


def test_it_is_small() -> None:
    lines = [invocation(f"i{number}", number).to_line() for number in range(2000)]
    assert len(table(lines).to_bytes()) < 2000 * 30


@pytest.mark.parametrize("name", ["invocations", "conversions", "malformed", "beside"])
def test_what_is_no_table_is_refused(name: str) -> None:
    served = invocation("a")
    content = table([served.to_line(), conversion(served).to_line(), "{"]).to_bytes()
    whole = dict(np.load(io.BytesIO(content)))
    for wrong in (None, np.array([object()]), np.zeros(1), np.zeros((1, 1), whole[name].dtype)):
        file = io.BytesIO()
        changed = {key: value for key, value in whole.items() if key != name} | ({} if wrong is None else {name: wrong})
        np.savez(file, **changed)
        with pytest.raises(ValueError):
            EventTable.from_bytes(file.getvalue())
    for broken in (b"", b"no file", content[:-9], content[:100] + b"?" + content[101:]):
        with pytest.raises(ValueError):
            EventTable.from_bytes(broken)
