"""Judges the aims: the figure measured for each, its standard error, and whether it is met."""

import math
from collections.abc import Sequence
from typing import Any

from abtest.experiment.record.settings import LEARN_FIRST
from bench import decide

Row = dict[str, Any]
POINTS = 0.015  # a right final pick within 1.5 points
# The sets on which final picks are so good; on close fresh arms less regret costs more of them (docs/benchmarks.md).
PICKED_WELL = ("tuning",)

# By case: the least share decided by the horizon, the median in units of N80 and the regret until then at most.
DECIDE = {
    ".04 / .05": {"decided": 0.97, "median": 1.2, "regret": 56},
    ".65 / .67": {"decided": 0.97, "median": 1.2, "regret": 150},
    ".10 / .12": {"decided": 0.97, "median": 1.2, "regret": 62},
    ".92 / .83": {"median": 1.35},
    ".505 / .50": {"decided": 0.85},
    ".04 / .045 / .05": {"median": 0.85, "regret": 190},
    "five arms, .10 against .08": {"median": 1.3, "regret": 240},
    "ten arms, .04 to .06": {"median": 0.35, "regret": 900},
}
APART = 0.15  # what another size of intervals may change of the median


def _row(aim: str, where: str, figure: str, met: bool) -> Row:
    return {"aim": aim, "where": where, "measured": figure, "met": met}


def _with_error(value: Sequence[float], percent: bool = False) -> str:
    mean, error = value
    return f"{100 * mean:.1f} % ± {100 * error:.1f}" if percent else f"{mean:.2f} ± {error:.2f}"


def _mean(rows: list[Row]) -> tuple[float, float]:
    """Returns the mean ratio of several scenarios, whose draws are independent, and its error."""
    ratios = [row["ratio"] for row in rows]
    return sum(r[0] for r in ratios) / len(ratios), math.sqrt(sum(r[1] ** 2 for r in ratios)) / len(ratios)


def _ratio(row: Row) -> float:
    return float(row["ratio"][0])


def _at_worst(rows: list[Row]) -> str:
    worst = max(rows, key=_ratio)
    return f"{_with_error(worst['ratio'])} ({worst['scenario']})"


def regret_aims(rows: list[Row], ours: str) -> list[Row]:
    """Judges regret for each set of scenarios."""
    result = []
    for which in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == which and row["strategy"] == ours]
        result += _on_time(own, which) + _late(own, which) + _unchanged(own, which)
    return result


def _on_time(own: list[Row], which: str) -> list[Row]:
    rows = [row for row in own if row["group"] == "stationary" and row["timing"] == "on time"]
    mean = _mean(rows)
    worst = max(rows, key=_ratio)
    result = [
        _row("stationary, on time: mean regret at most 0.90", which, _with_error(mean), mean[0] <= 0.90),
        _row("… in no scenario above 1.0", which, _at_worst(rows), _ratio(worst) <= 1.0),
    ]
    if which in PICKED_WELL:
        pick = min(rows, key=lambda row: float(row["right_difference"][0]))
        figure = f"{_with_error(pick['right_difference'], percent=True)} ({pick['scenario']})"
        met = pick["right_difference"][0] >= -POINTS
        result.append(_row("… right final pick within 1.5 points", which, figure, met))
    return result


def _late(own: list[Row], which: str) -> list[Row]:
    rows = [row for row in own if row["timing"] == "one late" and row["group"] == "stationary"]
    mean = _mean(rows)
    result = [_row("one interval late: regret at most 0.70 on average", which, _with_error(mean), mean[0] <= 0.70)]
    hardest = [row for row in rows if row["scenario"].startswith(".65 / .67")]
    if hardest:
        ratio = hardest[0]["ratio"]
        result.append(_row("… at most 0.30 on .65 / .67", which, _with_error(ratio), ratio[0] <= 0.30))
    pick = min((_pick_change(row, own) for row in rows), key=lambda row: float(row["change"]))
    figure = f"{100 * pick['change']:+.1f} ± {100 * pick['error']:.1f} points ({pick['scenario']})"
    met = pick["change"] >= -2 * pick["error"] or pick["change"] >= 0
    return [*result, _row("… pick no worse than on time (by 2 standard errors)", which, figure, met)]


def _pick_change(row: Row, own: list[Row]) -> Row:
    """Returns by how much the final pick is more often right than where the same conversions come on time."""
    on_time = next(each for each in own if each["scenario"] == row["scenario"].replace(", one late", ", on time"))
    error = math.hypot(row["right"][1], on_time["right"][1])
    return {"scenario": row["scenario"], "change": row["right"][0] - on_time["right"][0], "error": error}


def _unchanged(own: list[Row], which: str) -> list[Row]:
    still = [row for row in own if row["group"] == "stationary"]
    worst = max(still, key=_ratio)
    return [_row("nothing changes: regret at most 1.2 at any timing", which, _at_worst(still), _ratio(worst) <= 1.2)]


def false_aims(rows: list[Row]) -> list[Row]:
    worst = max(rows, key=lambda row: float(row["ours"]["share"]))
    share = worst["ours"]
    upper = max(row["ours"]["upper"] for row in rows)
    where = f"{worst['strategy']}, {worst['mode']}, {worst['setup']}"
    figure = f"{100 * share['share']:.1f} %, upper limit {100 * upper:.1f} % ({where})"
    met = share["share"] <= 0.05 and upper <= 0.055
    looks = rows[0]["looks"]
    aim = f"all arms equal: false decisions at most 5 % at {looks} looks, upper 95 % limit at most 5.5 %"
    return [_row(aim, "every strategy and mode", figure, met)]


def decide_aims(rows: list[Row], ours: str) -> list[Row]:
    """Judges how soon the product decides by its defaults, and that the size of the intervals does not matter."""
    own = {row["case"]: row for row in rows if (row["strategy"], row["rule"]) == (ours, LEARN_FIRST)}
    result = [
        _soon(own[case], what, limit)
        for case, limits in DECIDE.items()
        if case in own
        for what, limit in limits.items()
    ]
    return result + [_as_few(own[case], own[decide.FEW]) for case in (decide.ONE, decide.MANY) if case in own]


def _soon(row: Row, what: str, limit: float) -> Row:
    value = row[what]
    where = f"{row['strategy']}, {row['rule']}"
    if what == "decided":
        aim = f"{row['case']}: at least {limit:.0%} decided by {row['horizon']:g} N80"
        return _row(aim, where, _with_error(value, percent=True), value[0] >= limit)
    if what == "median":
        figure = _with_error(value) if value else "never"
        return _row(f"{row['case']}: median at most {limit:g} N80", where, figure, bool(value and value[0] <= limit))
    return _row(f"{row['case']}: regret until then at most {limit:g}", where, _with_error(value), value[0] <= limit)


def _as_few(row: Row, few: Row) -> Row:
    """Compares the medians of two sizes of intervals, which are of independent draws."""
    aim = f".65 / .67, {row['case']}: median within {APART:.0%} of {few['case']}"
    where = f"{row['strategy']}, {row['rule']}"
    ours, theirs = row["median"], few["median"]
    if not (ours and theirs):
        return _row(aim, where, "never", False)
    quotient = ours[0] / theirs[0]
    error = quotient * math.hypot(ours[1] / ours[0], theirs[1] / theirs[0])
    return _row(aim, where, f"{_with_error((quotient, error))} of it", abs(quotient - 1) <= APART)


def learn_aims(rows: list[Row], ours: str, even: float) -> list[Row]:
    row = next(row for row in rows if row["strategy"] == ours and row["even"] == even)
    where, decided, regret = f"{even:.0%} split evenly", row["decided"], row["regret"]
    return [
        _row("learn first: at least 90 % decided", where, _with_error(decided, percent=True), decided[0] >= 0.9),
        _row("… none wrong", where, f"{row['wrong']} of {row['runs']}", row["wrong"] == 0),
        _row("… at most 30 % of an equal split's regret", where, _with_error(regret, percent=True), regret[0] <= 0.3),
    ]


def daily_aims(rows: list[Row], ours: str, least_days: int) -> list[Row]:
    row = next(row for row in rows if row["strategy"] == ours and row["least_days"] == least_days)
    where = f"at least {least_days} days"
    days, conversions, right = row["days_saved"], row["conversions_saved"], row["right"]
    return [
        _row("daily experiment: at least 172 days saved", where, _with_error(days), days[0] >= 172),
        _row("… 96 conversions saved", where, _with_error(conversions), conversions[0] >= 96),
        _row("… 95 % right", where, _with_error(right, percent=True), right[0] >= 0.95),
    ]


def all_at_once(rows: list[Row]) -> Row:
    missed = sum(not row["met"] for row in rows)
    figure = f"{len(rows) - missed} of {len(rows)} met"
    return _row("all of these at once, one default setting", "", figure, missed == 0)
