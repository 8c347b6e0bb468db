"""Judges the aims of issue 3: the figure measured for each, its standard error, and whether it is met."""

import math
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]
POINTS = 0.015  # a right final pick within 1.5 points


def _row(aim: str, where: str, figure: str, met: bool) -> Row:
    return {"aim": aim, "where": where, "measured": figure, "met": met}


def _with_error(value: Sequence[float], percent: bool = False) -> str:
    mean, error = value
    return f"{100 * mean:.1f} % ± {100 * error:.1f}" if percent else f"{mean:.2f} ± {error:.2f}"


def _mean(rows: list[Row]) -> tuple[float, float]:
    """Returns the mean ratio of several scenarios, and its error.

    The scenarios' draws are independent of each other.
    """
    ratios = [row["ratio"] for row in rows]
    return sum(r[0] for r in ratios) / len(ratios), math.sqrt(sum(r[1] ** 2 for r in ratios)) / len(ratios)


def _ratio(row: Row) -> float:
    return float(row["ratio"][0])


def _at_worst(rows: list[Row]) -> str:
    worst = max(rows, key=_ratio)
    return f"{_with_error(worst['ratio'])} ({worst['scenario']})"


def regret_aims(rows: list[Row], ours: str) -> list[Row]:
    """Judges the rows of the issue's table on regret, for each set of scenarios."""
    result = []
    for which in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == which and row["strategy"] == ours]
        result += _on_time(own, which) + _late(own, which) + _changing(own, which)
    return result


def _on_time(own: list[Row], which: str) -> list[Row]:
    rows = [row for row in own if row["group"] == "stationary" and row["timing"] == "on time"]
    mean = _mean(rows)
    worst = max(rows, key=_ratio)
    pick = min(rows, key=lambda row: float(row["right_difference"][0]))
    return [
        _row("stationary, on time: mean regret at most 0.90", which, _with_error(mean), mean[0] <= 0.90),
        _row("… in no scenario above 1.0", which, _at_worst(rows), _ratio(worst) <= 1.0),
        _row(
            "… right final pick within 1.5 points",
            which,
            f"{_with_error(pick['right_difference'], percent=True)} ({pick['scenario']})",
            pick["right_difference"][0] >= -POINTS,
        ),
    ]


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


def _changing(own: list[Row], which: str) -> list[Row]:
    changing = [row for row in own if row["group"] == "change"]
    still, sticky = ([row for row in own if row["group"] == group] for group in ("stationary", "sticky"))
    return [
        _row(
            "rates change: at most 0.45 on every scenario",
            which,
            _at_worst(changing),
            _ratio(max(changing, key=_ratio)) <= 0.45,
        ),
        _row("… at most 1.2 where nothing changes", which, _at_worst(still), _ratio(max(still, key=_ratio)) <= 1.2),
        _row("… nor with sticky users", which, _at_worst(sticky), _ratio(max(sticky, key=_ratio)) <= 1.2),
    ]


def false_aims(rows: list[Row]) -> list[Row]:
    worst = max(rows, key=lambda row: float(row["ours"]["share"]))
    share = worst["ours"]
    upper = max(row["ours"]["upper"] for row in rows)
    figure = f"{100 * share['share']:.1f} %, upper limit {100 * upper:.1f} % ({worst['strategy']}, {worst['setup']})"
    met = share["share"] <= 0.05 and upper <= 0.06
    looks = rows[0]["looks"]
    aim = f"all arms equal: false decisions at most 5 % at {looks} looks, upper 95 % limit at most 6 %"
    return [_row(aim, "every strategy", figure, met)]


def learn_aims(rows: list[Row], ours: str, even: float) -> list[Row]:
    row = next(row for row in rows if row["strategy"] == ours and row["even"] == even)
    where = f"{even:.0%} split evenly"
    return [
        _row(
            "learn first: at least 90 % decided",
            where,
            _with_error(row["decided"], percent=True),
            row["decided"][0] >= 0.9,
        ),
        _row("… none wrong", where, f"{row['wrong']} of {row['runs']}", row["wrong"] == 0),
        _row(
            "… at most 30 % of an equal split's regret",
            where,
            _with_error(row["regret"], percent=True),
            row["regret"][0] <= 0.3,
        ),
    ]


def daily_aims(rows: list[Row], ours: str, least_days: int) -> list[Row]:
    row = next(row for row in rows if row["strategy"] == ours and row["least_days"] == least_days)
    where = f"at least {least_days} days"
    return [
        _row(
            "daily experiment: at least 172 days saved",
            where,
            _with_error(row["days_saved"]),
            row["days_saved"][0] >= 172,
        ),
        _row("… 96 conversions saved", where, _with_error(row["conversions_saved"]), row["conversions_saved"][0] >= 96),
        _row("… 95 % right", where, _with_error(row["right"], percent=True), row["right"][0] >= 0.95),
    ]


def all_at_once(rows: list[Row]) -> Row:
    missed = sum(not row["met"] for row in rows)
    figure = f"{len(rows) - missed} of {len(rows)} met"
    return _row("all of these at once, one default setting", "", figure, missed == 0)
