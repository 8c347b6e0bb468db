"""Counts are a function of the set of events and the time, whatever the order, duplicates and rubbish."""

import gzip
import json
import math
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.counting import delays
from abtest.experiment.counting.counts import Counts, Interval
from abtest.experiment.counting.new_users import NewUsers
from abtest.experiment.record import times
from abtest.experiment.record.events import Event, former_event_id, parse
from abtest.experiment.record.variants import Shares, VariantCounts
from tests.experiment.samples import EXPERIMENT, Counted, at, conversion, count_events, invocation


def count(
    events: list[Event], as_of: float, window: int = 100, boundaries: tuple[float, ...] = (), period: int | None = 0
) -> Counted:
    return count_events(
        [event.to_line() for event in events],
        experiment_id=EXPERIMENT,
        as_of=at(as_of),
        attribution_window_seconds=window,
        user_period_seconds=period,
        boundaries=[at(boundary) for boundary in boundaries],
    )


def champion(events: list[Event], as_of: float, window: int = 100) -> VariantCounts:
    return count(events, as_of, window).counts.of("Champion1")


def test_nothing_counts_as_nothing() -> None:
    counted = count([], 0)
    assert counted.counts.variants == {}
    assert len(counted.counts.history) == 1
    assert counted.counts.of("Champion1") == VariantCounts()


def test_trial_and_reward_enter_together_when_the_window_is_over() -> None:
    one = invocation("a", 0)
    events: list[Event] = [one, conversion(one, 50, 0.5)]
    pending = champion(events, 99)
    assert (pending.invocation_count, pending.reward_sum) == (0, 0)
    assert (pending.pending_invocation_count, pending.pending_conversion_count, pending.pending_reward_sum) == (
        1,
        1,
        0.5,
    )
    closed = champion(events, 100)
    assert (closed.invocation_count, closed.conversion_count, closed.reward_sum) == (1, 1, 0.5)
    assert (closed.pending_invocation_count, closed.pending_conversion_count) == (0, 0)


def test_a_conversion_after_the_window_is_late() -> None:
    one, two = invocation("a", 0), invocation("b", 0)
    counted = count([one, conversion(one, 101), two, conversion(two, 100)], 1000)
    assert counted.counts.of("Champion1").reward_sum == 1
    assert counted.counts.late_conversion_count == 1


def test_without_a_window_a_conversion_counts_whenever_it_comes() -> None:
    one = invocation("a", 0)
    events: list[Event] = [one, conversion(one, 500)]
    assert champion(events, 0, 0).invocation_count == 1
    assert champion(events, 499, 0).reward_sum == 0
    assert champion(events, 500, 0).reward_sum == 1


def test_what_happens_after_as_of_does_not_count() -> None:
    one = invocation("a", 0)
    later: list[Event] = [invocation("b", 11), conversion(one, 12)]
    assert count([one, *later], 10, 5).counts == count([one], 10, 5).counts


def test_a_retry_counts_once_as_the_earlier_one() -> None:
    one = invocation("a", 0)
    again = invocation("a", 50)
    earned, more = conversion(one, 60, 0.5), conversion(again, 70, 1.0)
    counted = champion([again, one, more, earned, earned], 100)
    assert (counted.invocation_count, counted.conversion_count, counted.reward_sum) == (1, 1, 0.5)


def test_traffic_that_was_not_drawn_is_counted_apart() -> None:
    manual = invocation("a", 0, strategy="Manual")
    fallback = invocation("b", 0, strategy="Fallback", target_variant=None)
    counted = count([manual, conversion(manual, 1), fallback], 1000).counts
    assert counted.variants == {}
    assert counted.apart == {"Manual": 1, "Fallback": 1}
    assert counted.orphan_conversion_count == 0


def test_a_conversion_without_its_invocation_is_kept_aside() -> None:
    one = invocation("a", 0)
    earned, stolen = conversion(one, 1), conversion(invocation("b", 0), 1, user_id="thief")
    counted = count([earned, invocation("b", 0), stolen], 1000)
    assert counted.counts.orphan_conversion_count == 2
    assert counted.counts.of("Champion1").conversion_count == 0
    assert count([earned, one], 1000).counts.orphan_conversion_count == 0


def test_another_experiments_events_are_foreign() -> None:
    other = invocation("a", 0, experiment_id="another")
    counted = count([other, other, conversion(other, 1)], 1000).counts
    assert counted.variants == {}
    assert counted.foreign_event_count == 2


def test_malformed_lines_are_counted_and_returned_and_stop_nothing() -> None:
    lines = ["{", invocation("a").to_line(), "{", "[]"]
    counted = count_events(lines, experiment_id=EXPERIMENT, as_of=at(0), attribution_window_seconds=0)
    assert {(wrong.line, wrong.problem) for wrong in counted.malformed} == {
        ("[]", "is not a JSON object"),
        ("{", "is not JSON"),
    }
    assert counted.counts.malformed_line_count == 2
    assert counted.counts.of("Champion1").invocation_count == 1


def test_a_user_counts_by_the_mean_reward_of_the_period() -> None:
    """The window is 100 s: what begins within 50 s of the first invocation counts, known after 150 s."""
    own = [invocation(name, seconds, user_id="u") for name, seconds in (("a", 0), ("b", 50), ("c", 51))]
    other = invocation("d", 2, user_id="v")
    events: list[Event] = [*own, other, conversion(own[1], 149), conversion(own[2], 60), conversion(other, 4, 0.5)]
    for period, reward in ((50, 0.5 + 0.5), (0, 0.5), (None, 2 / 3 + 0.5)):
        counted = count(events, 1000, period=period).counts.of("Champion1")
        assert (counted.invocation_count, counted.reward_sum) == (4, 2.5)
        assert counted.user_count == 2
        assert counted.user_mean_sum == pytest.approx(reward)
    before, after = (count(events, as_of, period=50).counts for as_of in (149.9, 150))
    assert (before.of("Champion1").user_count, after.of("Champion1").user_count) == (0, 1)
    assert after.history[0].outcomes == {"Champion1": (1, 0.5)}
    assert after.heaviest_user_count == 3


def test_one_user_with_many_requests_weighs_as_one() -> None:
    alike = [invocation(f"{n}", n, user_id=f"u{n}", endpoint_variant="Challenger1") for n in range(9)]
    heavy = [invocation(f"h{n}", n, user_id="h", endpoint_variant="Champion1") for n in range(300)]
    counts = count([*alike, *heavy], 10_000, period=None).counts
    assert counts.weighted_history[0] == {"Challenger1": (9, 0), "Champion1": (1, 0)}
    assert (counts.of("Champion1").user_count, counts.of("Champion1").invocation_count) == (1, 300)


def test_users_may_use_the_same_inference_ids() -> None:
    served = [invocation("req-1", 0, user_id=f"u{n}") for n in range(100)]
    counted = champion([*served, *(conversion(one, 5) for one in served[:50])], 1000)
    assert (counted.invocation_count, counted.conversion_count, counted.user_count) == (100, 50, 100)


def test_events_of_both_versions_count_once() -> None:
    one = invocation("a", 0, user_id="u")
    lines = [one.to_line(), conversion(one, 5).to_line()]
    former = [
        json.dumps(document | {"event_id": former_event_id(EXPERIMENT, document["type"], "a")})
        for document in map(json.loads, lines)
    ]
    for some in (former, [*lines, *former], [lines[0], former[1]], [former[0], lines[1]]):
        counts = count_events(some, as_of=at(1000), **ARGUMENTS).counts
        assert (counts.of("Champion1").invocation_count, counts.of("Champion1").conversion_count) == (1, 1)


def test_a_user_on_two_variants_counts_for_the_first() -> None:
    one, two = invocation("a", 0, user_id="u"), invocation("b", 1, user_id="u", endpoint_variant="Challenger1")
    counted = count([two, one], 1000).counts
    assert (counted.of("Champion1").user_count, counted.of("Challenger1").user_count) == (1, 0)
    assert counted.of("Challenger1").invocation_count == 1


def test_history_holds_what_closed_between_decisions() -> None:
    one, two, three = invocation("a", 0), invocation("b", 10), invocation("c", 11, endpoint_variant="Challenger1")
    counted = count([one, conversion(one, 5), two, three], 200, 10, (20.0, 500.0)).counts
    assert [interval.ended_at for interval in counted.history] == [at(20), at(200)]
    assert counted.history[1].outcomes == {"Challenger1": (1, 0.0)}
    assert counted.history[0].outcomes == {"Champion1": (2, 1.0)}


def test_outcomes_never_change_once_a_decision_saw_them() -> None:
    one = invocation("a", 0)
    events: list[Event] = [one, conversion(one, 30)]
    counted = count(events, 100, 0, (20.0,)).counts
    assert counted.history[0].outcomes == {"Champion1": (1, 0.0)}
    assert counted.weighted_history[0] == {"Champion1": (1, 1.0)}
    assert counted.of("Champion1").user_mean_sum == 0
    assert counted.of("Champion1").reward_sum == 1


def test_weighted_history_gives_open_invocations_the_share_of_reward_that_had_come() -> None:
    done = [invocation(f"a{number}", 0) for number in range(delays.LEAST_CONVERSIONS)]
    events: list[Event] = [*done, *(conversion(one, 10 + 40 * (n % 2)) for n, one in enumerate(done))]
    still_open = [invocation(f"b{number}", 110, endpoint_variant="Challenger1") for number in range(4)]
    counted = count([*events, *still_open, conversion(still_open[0], 115)], 130, 100, (60.0,)).counts
    assert counted.weighted_history == ({"Champion1": (30, 30)}, {"Challenger1": (2, 1)})
    assert counted.of("Challenger1").invocation_count == 0
    unknown = count([*events[1:], *still_open, conversion(still_open[0], 115)], 130, 100, (60.0,)).counts
    assert unknown.weighted_history == ({"Champion1": (29, 29)}, {})


@st.composite
def traffic(draw: st.DrawFn) -> list[str]:
    """Lines of a small experiment: users come back, convert late or never, in two experiments, some by hand."""
    lines = draw(st.lists(st.sampled_from(["{", "[]", '{"type": "invocation"}']), max_size=2))
    for index in range(draw(st.integers(0, 15))):
        event = invocation(
            f"i{index}",
            draw(st.integers(0, 100)),
            user_id=draw(st.sampled_from("uvw")),
            endpoint_variant=draw(st.sampled_from(["Champion1", "Challenger1"])),
            strategy=draw(st.sampled_from(["ThompsonSampling", "ThompsonSampling", "Manual"])),
            experiment_id=draw(st.sampled_from([EXPERIMENT, EXPERIMENT, "other"])),
        )
        if draw(st.integers(0, 9)):
            lines.append(event.to_line())
        if draw(st.booleans()):
            lines.append(conversion(event, draw(st.integers(0, 150)), draw(st.sampled_from([0.1, 0.7, 1.0]))).to_line())
    return lines


ARGUMENTS: dict[str, Any] = {"experiment_id": EXPERIMENT, "attribution_window_seconds": 20}


@given(traffic(), st.randoms(use_true_random=False), st.integers(0, 150))
def test_order_and_duplicates_change_nothing(lines: list[str], shuffle: random.Random, as_of: int) -> None:
    boundaries = [at(30), at(60)]
    once = count_events(lines, as_of=at(as_of), boundaries=boundaries, **ARGUMENTS)
    again = lines + [line for line in lines if shuffle.random() < 0.5]
    shuffle.shuffle(again)
    shuffle.shuffle(boundaries)
    assert count_events(again, as_of=at(as_of), boundaries=boundaries, **ARGUMENTS).counts == once.counts


@given(traffic(), st.integers(0, 150), st.sampled_from([0, 20]), st.sampled_from([None, 0, 7]))
def test_the_parts_add_up(lines: list[str], as_of: int, window: int, period: int | None) -> None:
    counts = count_events(
        lines,
        experiment_id=EXPERIMENT,
        as_of=at(as_of),
        attribution_window_seconds=window,
        user_period_seconds=period,
        boundaries=[at(30), at(60)],
    ).counts
    for name, own in counts.variants.items():
        by_user = [interval.outcomes.get(name, (0, 0.0)) for interval in counts.history]
        assert sum(users for users, _ in by_user) == own.user_count <= own.invocation_count
        assert sum(reward for _, reward in by_user) == pytest.approx(own.user_mean_sum)
        assert own.conversion_count <= own.invocation_count
    assert Counts.from_json(counts.to_json()) == counts


def sums(counts: Counts, name: str) -> tuple[float, float]:
    cells = [interval.get(name, (0.0, 0.0)) for interval in counts.weighted_history]
    return sum(trials for trials, _ in cells), sum(reward for _, reward in cells)


@given(traffic(), st.integers(0, 150), st.sampled_from([0, 20]), st.sampled_from([1, 2, 30]))
def test_weighted_history_is_what_closed_and_a_part_of_the_rest(
    lines: list[str], as_of: int, window: int, least: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delays, "LEAST_CONVERSIONS", least)
        counts = count_events(
            lines,
            experiment_id=EXPERIMENT,
            as_of=at(as_of),
            attribution_window_seconds=window,
            boundaries=[at(30), at(60)],
        ).counts
    assert len(counts.weighted_history) == len(counts.history)
    for interval in counts.weighted_history:
        assert all(0 <= reward <= trials and trials for trials, reward in interval.values())
    for name, own in counts.variants.items():
        trials, reward = sums(counts, name)
        assert own.user_count - 1e-5 <= trials
        assert own.user_mean_sum - 1e-5 <= reward
    assert Counts.from_json(json.loads(json.dumps(counts.to_json()))) == counts


@given(traffic())
def test_weighted_history_is_by_first_invocation_when_all_is_closed(lines: list[str]) -> None:
    counts = count_events(lines, as_of=at(1000), boundaries=[at(30), at(60)], **ARGUMENTS).counts
    assert sum(count for interval in counts.new_users for count in interval.users.values()) == pytest.approx(
        sum(sums(counts, name)[0] for name in counts.variants)
    )
    for interval, (first, last) in zip(counts.weighted_history, [(-1, 30), (30, 60), (60, 1000)], strict=True):
        within = {
            event.user_id
            for event in {line: parse(line) for line in lines if line.startswith('{"event_id"')}.values()
            if event.type == "invocation"
            and event.randomised
            and event.experiment_id == EXPERIMENT
            and at(first) < event.timestamp <= at(last)
        }
        assert sum(trials for trials, _ in interval.values()) <= len(within)


def test_a_long_history_is_written_short_and_read_again() -> None:
    """2,000 Decisions, ten variants, two million invocations."""
    source = random.Random(1)
    names = [f"Challenger{number}" for number in range(10)]

    def about(mean: float) -> int:
        return max(0, round(source.gauss(mean, math.sqrt(mean))))

    def cells(mean: int) -> dict[str, tuple[int, float]]:
        trials = {name: about(mean) for name in names}
        return {name: (n, float(min(n, about(n / 20)))) for name, n in trials.items() if n}

    ends = [at(900 * number + source.random()) for number in range(2000)]
    history = tuple(Interval(times.truncated(end), {number: cells(30)}) for number, end in enumerate(ends))
    closed = [cells(100) for _ in ends[:-96]]
    still_open = [{name: (n * 0.654321, s) for name, (n, s) in cells(100).items()} for _ in ends[-96:]]
    shares = [Shares.of_weights({name: source.gammavariate(1, 1) for name in names}) for _ in ends]
    drawn = [{name: count for name, (count, _) in cells(10).items()} for _ in ends]
    new = tuple(
        NewUsers(users, {name: float(f"{share[name]:.6g}") for name in users})
        for users, share in zip(drawn, shares, strict=True)
    )
    known = tuple({name: float(f"{part:.6g}") for name, part in share.items()} for share in shares)
    weighted: tuple[Mapping[str, tuple[float, float]], ...] = (*closed, *still_open)
    counts = Counts(EXPERIMENT, at(1800000), {}, history, known, new, weighted_history=weighted)
    text = json.dumps(counts.to_json())
    assert Counts.from_json(json.loads(text)) == counts
    assert len(gzip.compress(text.encode(), 6)) < 260_000


@given(traffic(), st.integers(0, 100), st.integers(0, 100))
def test_closed_cohorts_never_shrink_and_their_reward_stays(lines: list[str], one: int, other: int) -> None:
    earlier, later = sorted((one, other))
    before = count_events(lines, as_of=at(earlier), **ARGUMENTS).counts
    after = count_events(lines, as_of=at(later), boundaries=[at(earlier)], **ARGUMENTS).counts
    if earlier < later:
        assert after.history[0] == before.history[0]
    for name, own in before.variants.items():
        assert own.invocation_count <= after.of(name).invocation_count
