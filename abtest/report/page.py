"""Renders one experiment as one HTML page that needs no script, font or picture from elsewhere."""

import importlib.resources
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from abtest.experiment.record.decision import Decision
from abtest.report.rounds import Round, rounds_of
from abtest.report.words import DASH, canaries, effects, headline, next_step, out, percent, reason, settings, unapproved


def render(summary: Mapping[str, Any], decisions: Sequence[Decision], notes: Sequence[str] = ()) -> str:
    """Renders the page: `summary` is the content of summary.json, `notes` are sentences that you must know.

    Members of `summary` that a report outside the demo lacks (models, seconds, test accuracies) are left out.
    """
    from abtest.report import charts  # loads matplotlib, which no other command should wait for

    rounds = rounds_of(decisions)
    names = [variant["variant_name"] for variant in summary["variants"]]
    drawn = [*names, *left(rounds, names)]
    return _template().render(
        summary=summary,
        rounds=rounds,
        warnings=[*out(summary), *unapproved(summary)],
        notes=[*canaries(summary), *notes],
        headline=headline(summary),
        reason=reason(summary),
        next_step=next_step(summary),
        effects=effects(summary["decision"]),
        settings=settings(summary),
        percent=percent,
        colours=charts.colours(drawn),
        rates={name: _rate(rounds[-1], name) for name in names},
        costly=any(variant.get("cost") for variant in summary["variants"]),
        tested=any(variant.get("test_accuracy") is not None for variant in summary["variants"]),
        accuracies={variant["variant_name"]: _accuracy(variant) for variant in summary["variants"]},
        charts={
            "traffic_share": charts.traffic_share(rounds, drawn),
            "cumulative_reward": charts.cumulative_reward(rounds, drawn),
            "reward_rate": charts.reward_rate(rounds, drawn),
            "posteriors": charts.posteriors(rounds, drawn),
            "evidence": charts.evidence(rounds, drawn),
            "advantage": charts.advantage(rounds, drawn, margin=summary["margin"]),
        },
    )


def left(rounds: Sequence[Round], variant_names: Sequence[str]) -> list[str]:
    """Returns the variants that took part once and do no more, in the order in which they joined."""
    return [name for name in dict.fromkeys(name for r in rounds for name in r.shares) if name not in variant_names]


def _rate(last: Round, name: str) -> str:
    if not last.trials(name):
        return DASH
    low, high = last.interval(name)
    return f"{percent(last.reward(name) / last.trials(name))} ({low * 100:.1f} to {high * 100:.1f})"


def _accuracy(variant: Mapping[str, Any]) -> str:
    if variant.get("test_accuracy") is None:
        return DASH
    interval = variant.get("test_accuracy_interval")
    spread = f" ({interval[0] * 100:.1f} to {interval[1] * 100:.1f})" if interval else ""
    return percent(variant["test_accuracy"]) + spread


def _template() -> jinja2.Template:
    text = importlib.resources.files("abtest.report").joinpath("report.html").read_text(encoding="utf-8")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text)
