"""Says in words what a Decision and its experiment's settings mean, for the report and the command line alike."""

from collections.abc import Iterator, Mapping
from typing import Any

DASH = "\N{EN DASH}"
UNSEEN = "No rebalance has run yet: wait for the schedule, or run `abtest rebalance`."

HEADLINES = {
    "running": "Still running: {leader} leads, but the difference is not proven.",
    "decided": "Decided: {leader} is better.",
    "equivalent": "Equivalent: no variant is better by {margin} or more, so {leader} stays.",
    "stopped": "Stopped at the time limit: {leader} leads, but the difference is not proven.",
}

RETIRED = {
    "running": "Retired before a decision: {leader} led, but the difference is not proven.",
    "stopped": "Retired, and stopped at the time limit before: {leader} led, but the difference is not proven.",
    "decided": "Retired after the decision: {leader} was better.",
    "equivalent": "Retired after the decision: no variant was better by {margin} or more, so {leader} stayed.",
}

NEXT_STEPS = {
    "running": "Keep sending users, and check again later.",
    "decided": "Make {leader} the champion: `abtest promote` does so on a stage's own endpoint.",
    "equivalent": "Keep {champion}, or approve a new challenger.",
    "stopped": "Keep {champion}, or test again for longer: `abtest sample-size` says how many users you need.",
}

MODES = {
    "earn_first": "earn first (traffic follows the reward from the start)",
    "learn_first": "learn first (half of the traffic is split evenly until there is a decision)",
}


def headline(summary: Mapping[str, Any]) -> str:
    """Says in a few words where the experiment of summary.json stands."""
    decision, retired = summary["decision"], summary.get("retired", False)
    if decision["leader"] is None:
        return "Retired before the first rebalance." if retired else UNSEEN
    if _is_alone(summary) and not retired:
        return f"Nothing to compare: {decision['leader']} serves alone."
    margin = decision.get("margin")
    return (RETIRED if retired else HEADLINES)[decision["status"]].format(
        leader=decision["leader"], margin="the margin" if margin is None else points(margin)
    )


def next_step(summary: Mapping[str, Any]) -> str:
    """Says what you can do next about the experiment of summary.json; "" if it is over or before a Decision."""
    decision, champion = summary["decision"], summary["variants"][0]["variant_name"]
    if decision["leader"] is None or summary.get("retired", False) or summary.get("promotion"):
        return ""
    if _is_alone(summary):
        return "Approve a challenger to compare it with."
    won = decision["status"] == "decided" and decision["leader"] == champion
    step = NEXT_STEPS["equivalent" if won else decision["status"]]
    return step.format(leader=decision["leader"], champion=champion)


def _is_alone(summary: Mapping[str, Any]) -> bool:
    """Says whether one variant serves alone, so that the test compares nothing."""
    serving = [variant for variant in summary["variants"] if not variant.get("out")]
    return summary["decision"]["status"] == "running" and len(serving) == 1


def reason(summary: Mapping[str, Any]) -> str:
    """Returns the Decision's reason, without what `out` says."""
    text: str = summary["decision"]["reason"]
    for variant in summary["variants"]:
        text = text.replace(f" {variant['variant_name']} is out: {variant.get('out')}", "")
    return text


def effects(decision: Mapping[str, Any]) -> list[str]:
    """Says by how much the leader is better than each other variant, a sentence each; above 0 it is better."""
    found = decision.get("effects", {})
    return [_effect(decision["leader"], other, **one) for other, one in found.items()] + worst_case(decision)


def worst_case(decision: Mapping[str, Any]) -> list[str]:
    """Says what it can cost at most to choose the leader now; nothing where the leader is proven to be better."""
    lows = {other: one["low"] for other, one in decision.get("effects", {}).items() if one["low"] < 0}
    if not lows:
        return []
    other = min(lows, key=lambda name: lows[name])
    return [
        f"If you choose {decision['leader']} now, it is worse than {other} by at most {-100 * lows[other]:.2f} "
        "percentage points, as far as that interval holds."
    ]


def _effect(leader: str, other: str, *, difference: float, low: float, high: float, level: float) -> str:
    return (
        f"Estimated advantage of {leader} over {other}: {100 * difference:+.2f} percentage points, always-valid "
        f"{100 * level:.3g} % interval {100 * low:+.2f} to {100 * high:+.2f}."
    )


def standing(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yields where the experiment stands, what you can do next, and what to know of its data, a sentence each."""
    decision = summary["decision"]
    yield headline(summary)
    yield from [*out(summary), *canaries(summary)]
    if decision["leader"] is not None:
        yield from effects(decision)
        yield from filter(None, (reason(summary), decision["guarantee"], next_step(summary)))
    yield from (f"{finding['severity'].capitalize()}: {finding['sentence']}" for finding in summary["findings"])


def out(summary: Mapping[str, Any]) -> list[str]:
    """Says which variants serve nobody and why, a sentence each."""
    return [
        f"{variant['variant_name']} is out, and the champion serves its users: {variant['out']}"
        for variant in summary["variants"]
        if variant.get("out")
    ]


def canaries(summary: Mapping[str, Any]) -> list[str]:
    """Says which variants' shares are held small for now, a sentence each."""
    return [
        f"{variant['variant_name']} is a canary until {variant['canary_until']}: "
        "all shares stay until the first rebalance after that."
        for variant in summary["variants"]
        if variant.get("canary_until")
    ]


def shadow(found: Mapping[str, Any]) -> str:
    """Says what became of a challenger that answered copies of the champion's requests."""
    name = f"{found['challenger_name']} beside {found['champion_name']}"
    if found["passed"] is None:
        return f"Shadow: {name} since {found['began_at']}, without a verdict yet."
    return f"Shadow: {name} {'passed' if found['passed'] else 'did not pass and is rejected'}: {found['reason']}"


def unapproved(summary: Mapping[str, Any]) -> list[str]:
    """Says which variants serve though their package is not approved any more; such a winner is not promoted."""
    decision = summary["decision"]
    won = decision["leader"] if decision["status"] == "decided" else None
    return [
        f"{found['variant_name']} serves, but its model package is {found['status'] or 'deleted'}: the next run of "
        f"build-endpoint takes it off the endpoint ({found['model_package_arn']})."
        + (" It has won, but is not promoted while that is so." if found["variant_name"] == won else "")
        for found in summary.get("unapproved", ())
    ]


def settings(summary: Mapping[str, Any]) -> str:
    """Names the strategy, the mode, and what departs from "more reward is better"."""
    costs = {v["variant_name"]: v["cost"] for v in summary["variants"] if v.get("cost")}
    parts = [f"strategy {summary['strategy']}", MODES[summary["mode"]]]
    if summary["objective"] == "minimize":
        parts.append("a lower reward is better")
    if costs:
        listed = ", ".join(f"{name} {cost:g}" for name, cost in costs.items())
        parts.append(f"the cost of an invocation is taken off its reward ({listed})")
    if summary["margin"] is not None:
        parts.append(f"differences below {points(summary['margin'])} do not matter")
    if summary["time_limit_hours"] is not None:
        parts.append(f"it ends after {summary['time_limit_hours']:g} h at the latest")
    return "; ".join(parts)


def points(difference: float) -> str:
    """Writes a difference of two shares as people do: 0.015 is 1.5 percentage points."""
    return f"{100 * difference:g} percentage point{'' if difference == 0.01 else 's'}"


def percent(share: float | None) -> str:
    """Writes a share of 0..1 with one decimal; a dash for what is not known."""
    return DASH if share is None else f"{share * 100:.1f}\N{NO-BREAK SPACE}%"
