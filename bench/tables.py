"""Writes results as tables in Markdown, which a terminal shows as well."""

from collections.abc import Sequence
from typing import Any

from bench.decide import INTERVALS

Row = dict[str, Any]
BY_INTERVAL = tuple(case.name for case in INTERVALS)


def table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Writes a Markdown table with its columns aligned."""
    cells = [list(header), *[list(row) for row in body]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def number(value: Sequence[float] | None, digits: int = 2, scale: float = 1.0) -> str:
    """Writes a mean with its standard error."""
    if value is None:
        return ""
    return f"{scale * value[0]:.{digits}f} ± {scale * value[1]:.{digits}f}"


def regret(rows: list[Row], which: str) -> str:
    """Tables regret: of the published Thompson sampling in conversions, of the others as a ratio to it."""
    own = [row for row in rows if row["set"] == which]
    strategies = list(dict.fromkeys(row["strategy"] for row in own if not row["strategy"].startswith("published Th")))
    body = []
    for scenario in dict.fromkeys(row["scenario"] for row in own):
        found = {row["strategy"]: row for row in own if row["scenario"] == scenario}
        published = found["published ThompsonSampling"]
        ratios = [number(found[name]["ratio"]) if name in found else "" for name in strategies]
        body.append([scenario, number(published["regret"], 0), *ratios])
    return table(["scenario", "published Thompson, conversions", *strategies], body)


def picks(rows: list[Row], which: str) -> str:
    """Tables how often the final pick is right, in percent."""
    own = [row for row in rows if row["set"] == which]
    strategies = list(dict.fromkeys(row["strategy"] for row in own))
    body = []
    for scenario in dict.fromkeys(row["scenario"] for row in own):
        found = {row["strategy"]: row for row in own if row["scenario"] == scenario}
        body.append([scenario, *(_percent(found[name]["right"]) if name in found else "" for name in strategies)])
    return table(["scenario", *strategies], body)


def _percent(value: Sequence[float]) -> str:
    return number(value, 1, 100)


def runs(rows: list[Row]) -> str:
    """Says who had how many runs."""
    counts: dict[int, list[str]] = {}
    for row in rows:
        if row["strategy"] not in counts.setdefault(row["runs"], []):
            counts[row["runs"]].append(row["strategy"])
    return "; ".join(f"{count} runs: {', '.join(names)}" for count, names in sorted(counts.items(), reverse=True))


FALSE_RULES = (
    "ours",
    "named",
    "z-test once, at the end",
    "z-test at every look",
    "P(best) of .95 at any look",
    "gbstats sequential test",
)


def false_decisions(rows: list[Row]) -> str:
    names = ("setup", "strategy", "mode")
    body = [
        [*(row[name] for name in names), *(_share(row[rule]) if rule in row else "" for rule in FALSE_RULES)]
        for row in rows
    ]
    ours = ["ours: false, by user", "ours: anybody named"]
    return table(["equal arms", "allocation", "mode", *ours, *FALSE_RULES[2:]], body)


def _share(value: dict[str, float]) -> str:
    return f"{100 * value['share']:.1f} % (< {100 * value['upper']:.1f})"


def decide(rows: list[Row]) -> str:
    """Tables how soon each rule decides, of the cases by rates."""
    return _decided([row for row in rows if row["case"] not in BY_INTERVAL])


def decide_intervals(rows: list[Row]) -> str:
    """Tables the same of one pair of rates, by users an interval."""
    return _decided([row for row in rows if row["case"] in BY_INTERVAL])


def _decided(rows: list[Row]) -> str:
    body = [
        [
            row["case"],
            f"{row['strategy']}, {row['rule']}",
            f"{row['requests']:,}",
            f"{row['n80']:,}",
            f"{row['horizon']:g}",
            str(row["runs"]),
            _percent(row["decided"]),
            number(row["median"]) if row["median"] else "never",
            number(row["regret"], 1),
            f"{row['wrong']} of {row['runs']}",
        ]
        for row in rows
    ]
    size = ["users an interval", "N80", "horizon, N80", "runs"]
    return table(["rates", "rule", *size, "decided, %", "median, N80", "regret until then", "wrong"], body)


def learn_first(rows: list[Row]) -> str:
    body = [
        [
            row["strategy"],
            row["rule"] + (f", {row['even']:.0%} even" if row["even"] is not None else ""),
            _percent(row["decided"]),
            f"{row['wrong']} of {row['runs']}",
            f"{row['requests to decide']:,.0f}" if row["requests to decide"] else "",
            _percent(row["regret"]),
        ]
        for row in rows
    ]
    header = ["allocation", "rule", "decided, %", "wrong", "requests to decide", "regret, % of an equal split's"]
    return table(header, body)


def daily(rows: list[Row]) -> str:
    body = [
        [
            row["strategy"],
            str(row["least_days"]),
            str(row["runs"]),
            number(row["days_saved"], 1),
            number(row["conversions_saved"], 1),
            number(row["conversions_saved_after_wrong_picks"], 1),
            _percent(row["right"]),
        ]
        for row in rows
    ]
    saved = ["days saved of 223", "conversions saved", "the same less wrong picks' losses"]
    return table(["allocation", "days at least", "runs", *saved, "right, %"], body)


def frontier(rows: list[Row]) -> str:
    """Tables regret as a ratio to the published Thompson sampling where rates stay, swap, or a loser's rises."""
    kinds = ("steady", "swaps", "rises")
    body = [[row["strategy"], *(_ratio(row[kind]) if kind in row else "" for kind in kinds)] for row in rows]
    return table(["strategy", ".04 / .05", "swap half-way", "a loser rises half-way"], body)


def _ratio(value: Sequence[float | None]) -> str:
    mean, error = value
    return f"{mean:.2f}" if error is None else f"{mean:.2f} ± {error:.2f}"


def speed(result: dict[str, list[Row]]) -> str:
    one = [
        [
            row["what"],
            f"{row['ms']:.2f}",
            f"{row['reference_ms']:.1f}",
            f"{row['ratio']:.4f}",
            f"{row['largest_error']:.0e}",
            f"{row['batched_ms']:.3f}",
        ]
        for row in result["probability_best"]
    ]
    header = ["what", "ours, ms", "scipy quad, ms", "ratio", "largest difference", "in a batch of 1,000, ms each"]
    many = [
        [row["what"], str(row["runs"]), f"{row['seconds']:.1f}", f"{row['ratio']:.2f}"] for row in result["simulator"]
    ]
    simulated = table(["simulated strategy", "runs", "seconds", "ratio"], many)
    return f"{table(header, one)}\n\n{simulated}\n\n{_counting(result.get('counting', []))}"


def _counting(rows: list[Row]) -> str:
    numbers = [("seconds", ".2f"), ("megabytes", ".1f"), ("parsing", ".1f")]
    body = [[f"{row['events']:,}", *(format(row[name], form) for name, form in numbers)] for row in rows]
    return table(["events before", "a rebalance with 1,000 more, s", "it reads, MB", "parsing all, s"], body)


def aims(rows: list[Row]) -> str:
    body = [[row["aim"], row["where"], row["measured"], "yes" if row["met"] else "no"] for row in rows]
    return table(["aim", "where", "measured, with standard error", "met"], body)
