"""`abtest replay` estimates what another strategy, or fixed shares, would have earned from the users who came."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from abtest.cli.shown.options import percent, share, usage_errors
from abtest.cli.shown.output import (
    EndpointOption,
    JsonOption,
    StageOption,
    UserError,
    print_json,
    print_line,
    print_table,
)
from abtest.cli.shown.waiting import Progress
from abtest.cli.stage import recorded
from abtest.cli.stage.recorded import Recorded
from abtest.experiment.record import times
from abtest.experiment.record.strategies import STRATEGIES
from abtest.experiment.record.variants import Shares
from abtest.experiment.replay.logged import REWARDS
from abtest.experiment.replay.off_policy import Evaluation, UnidentifiedError, ValueEstimate
from abtest.experiment.replay.replay import Replay, Target, fixed_shares, strategy_shares
from abtest.experiment.replay.replay import replay as evaluated

EventsOption = Annotated[
    Path | None, typer.Option("--events", help="File or folder of JSON lines, gzip or not; default: the stage's.")
]
ExperimentOption = Annotated[
    str | None, typer.Option("--experiment", help="Id of the experiment; default: the current or only one.")
]
StrategyOption = Annotated[str | None, typer.Option(help=f"One of {', '.join(STRATEGIES)}.")]
SharesOption = Annotated[str | None, typer.Option(help="Instead of a strategy: Champion1=0.5,Challenger2=50%.")]
EpsilonOption = Annotated[
    float | None,
    typer.Option(
        parser=share, metavar="SHARE", help="Share that EpsilonGreedy explores with; default: the experiment's."
    ),
]
BurnInOption = Annotated[
    int | None, typer.Option(min=0, help="Invocations per variant before shares move; default: the experiment's.")
]
FloorOption = Annotated[
    float | None,
    typer.Option(parser=share, metavar="SHARE", help="Least share of a variant; default: the experiment's."),
]
ObjectiveOption = Annotated[str | None, typer.Option(help="maximize or minimize; default: the experiment's.")]
WindowOption = Annotated[
    int | None,
    typer.Option(min=0, help="Attribution window in seconds, 0: none; default: the experiment's, with --events none."),
]
RewardOption = Annotated[
    str, typer.Option(help="A user's reward: of the first invocation (first), or the mean of all (mean).")
]
ConfidenceOption = Annotated[float, typer.Option(parser=share, metavar="SHARE", help="Confidence of the intervals.")]

EvidenceOption = Annotated[
    str,
    typer.Option(
        help="What the strategy sees: the log weighted to what its own shares would have drawn (weighted), or as it is "
        "(logged)."
    ),
]

ESTIMAND = (
    "An estimate is the reward per user, if each Decision's users had been drawn by the target's shares. {evidence}"
    "The intervals hold however often you look, under any logging strategy, and also if rates drift."
)
OF_EVIDENCE = {
    "fixed": "",
    "weighted": "Those follow from closed trials, each weighted by the target's share over the logged one. While "
    "weights are small, this comes near a run of the target from the start. ",
    "logged": "Those follow from the trials that were closed by then, as they are. From its own traffic the target "
    "would have learnt otherwise. ",
}


def replay(
    stage: StageOption = "dev",
    endpoint: EndpointOption = None,
    events: EventsOption = None,
    strategy: StrategyOption = None,
    shares: SharesOption = None,
    epsilon: EpsilonOption = None,
    burn_in: BurnInOption = None,
    floor: FloorOption = None,
    objective: ObjectiveOption = None,
    attribution_window: WindowOption = None,
    reward: RewardOption = "first",
    evidence: EvidenceOption = "weighted",
    experiment: ExperimentOption = None,
    confidence: ConfidenceOption = 0.95,
    as_json: JsonOption = False,
) -> None:
    """Estimate from recorded events what another strategy, or fixed shares, would have earned."""
    if events and endpoint:
        raise typer.BadParameter("with --events say --experiment instead", param_hint="--endpoint")
    fixed = parsed(shares)
    name = checked(strategy, fixed, reward)
    source = (
        recorded.from_files(events, experiment, attribution_window, reward)
        if events
        else recorded.from_stage(stage, endpoint, experiment, attribution_window, reward)
    )
    options = {"strategy": strategy, "epsilon": epsilon, "warmup": burn_in, "exploration_floor": floor}
    told = {key: value for key, value in {**options, "objective": objective}.items() if value is not None}
    source = dataclasses.replace(source, settings=dataclasses.replace(source.settings, **told))  # type: ignore[arg-type]
    found = run(source, target_of(source, fixed), evidence, confidence)
    if as_json:
        print_json(document(source, name, found) | {"reward": reward, "evidence": evidence if strategy else None})
    else:
        show(source, name, found, OF_EVIDENCE[evidence if strategy else "fixed"])


def parsed(text: str | None) -> Shares | None:
    """Reads `A=0.5,B=50%` as shares; None stays None. Raises BadParameter."""
    if text is None:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    if len({name.strip() for name, _, _ in pairs}) < len(pairs):
        raise typer.BadParameter("names a variant twice", param_hint="--shares")
    try:
        return Shares({name.strip(): share(value) for name, _, value in pairs})
    except typer.BadParameter as error:
        raise typer.BadParameter(f"each {error.message}", param_hint="--shares") from None
    except ValueError as error:
        raise typer.BadParameter(str(error).removeprefix("shares: "), param_hint="--shares") from None


def checked(strategy: str | None, fixed: Shares | None, reward: str) -> str:
    """Returns the name of what is evaluated. Raises BadParameter."""
    if (strategy is None) == (fixed is None):
        raise typer.BadParameter("give one of them", param_hint="--strategy, --shares")
    if strategy is not None and strategy not in STRATEGIES:
        raise typer.BadParameter(f"must be one of {', '.join(STRATEGIES)}, not {strategy}", param_hint="--strategy")
    if reward not in REWARDS:
        raise typer.BadParameter(f"must be one of {', '.join(REWARDS)}, not {reward}", param_hint="--reward")
    return strategy or ", ".join(f"{name} {percent(part)}" for name, part in (fixed or {}).items())


def target_of(source: Recorded, fixed: Shares | None) -> Target:
    """Returns the shares to evaluate. Raises UserError if a fixed share is of a variant that nobody was drawn for."""
    if fixed is None:
        return strategy_shares(source.settings, weights=source.weights, costs=source.costs)
    unknown = sorted({name for name, part in fixed.items() if part} - set(source.log.variant_names))
    if unknown:
        known = ", ".join(source.log.variant_names)
        raise UserError(f"{unknown[0]} was never possible: the variants in {source.log.experiment_id} were {known}")
    return fixed_shares(fixed)


def run(source: Recorded, target: Target, evidence: str, confidence: float) -> Replay:
    """Evaluates the target and tells progress. Raises BadParameter for a setting, UserError if the log cannot say."""
    progress = Progress(len(source.log.decisions))
    with usage_errors():
        try:
            return evaluated(
                source.log,
                target,
                evidence=evidence,
                confidence=confidence,
                on_decision=lambda _: progress.step("Decisions: the target's shares"),
            )
        except UnidentifiedError as error:
            raise UserError(str(error)) from None


def document(source: Recorded, name: str, found: Replay) -> dict[str, Any]:
    """Returns the result as JSON; shares and rewards 0..1, times ISO 8601 UTC."""
    log, evaluation = source.log, dataclasses.asdict(found.evaluation)
    return {
        "experiment_id": log.experiment_id,
        "as_of": times.to_text(log.as_of),
        "target": name,
        "logged_strategies": list(source.strategies),
        **evaluation,
        "variants": variants(source, found),
        "rounds": [
            {
                "decision_id": taken.decision.decision_id,
                "as_of": times.to_text(taken.decision.as_of),
                "users": taken.users,
                "logged_shares": dict(taken.decision.shares),
                "target_shares": dict(taken.target),
            }
            for taken in found.rounds
        ],
        "left_out": dict(found.left_out),
        "guessed_decisions": log.guessed_decisions,
        "malformed_lines": log.malformed_lines,
    }


def variants(source: Recorded, found: Replay) -> list[dict[str, Any]]:
    """Returns for each variant: its users, their reward, and its mean share of all users, logged and the target's."""
    evaluated_users = {taken.decision.decision_id for taken in found.rounds}
    rewards: dict[str, list[float]] = {name: [] for name in source.log.variant_names}
    for user in source.log.users:
        if user.decision_id in evaluated_users:
            rewards[user.variant].append(user.reward)
    total = found.evaluation.users
    return [
        {
            "variant_name": name,
            "users": len(earned),
            "reward_sum": math.fsum(earned),
            "logged_share": math.fsum(t.users * t.decision.shares.get(name, 0.0) for t in found.rounds) / total,
            "target_share": math.fsum(t.users * t.target.get(name, 0.0) for t in found.rounds) / total,
        }
        for name, earned in rewards.items()
    ]


def show(source: Recorded, name: str, found: Replay, evidence: str) -> None:
    evaluation, log = found.evaluation, source.log
    print_line(
        f"{log.experiment_id}: {name} instead of {', '.join(source.strategies)}, on {evaluation.users:,} users of "
        f"{len(found.rounds):,} Decisions up to {times.to_text(log.as_of)}"
    )
    print_table(("", "reward per user", f"{percent(evaluation.confidence)} interval"), rows(evaluation))
    print_table(
        ("variant", "users", "reward per user", "logged share", "target's share"),
        (
            (
                item["variant_name"],
                f"{item['users']:,}",
                f"{item['reward_sum'] / item['users']:.4f}" if item["users"] else "-",
                f"{item['logged_share']:.1%}",
                f"{item['target_share']:.1%}",
            )
            for item in variants(source, found)
        ),
    )
    for line in remarks(source, found):
        print_line(line)
    print_line(ESTIMAND.format(evidence=evidence))


def rows(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    return [
        row("as logged", evaluation.logged),
        row("inverse propensity", evaluation.ipw),
        row("the same, self-normalised", evaluation.self_normalised_ipw),
        row("doubly robust", evaluation.doubly_robust),
        row("doubly robust less logged", evaluation.difference, sign="+"),
    ]


def row(name: str, estimate: ValueEstimate, sign: str = "") -> tuple[str, str, str]:
    shown = [f"{number:{sign}.4f}" for number in (estimate.value, estimate.lower, estimate.upper)]
    return name, shown[0], f"{shown[1]} to {shown[2]}"


def remarks(source: Recorded, found: Replay) -> Iterator[str]:
    """Yields what you must know to read the estimates, a sentence each."""
    evaluation = found.evaluation
    yield verdict(evaluation.difference)
    yield (
        f"The weights are worth {evaluation.effective_users:,.0f} of {evaluation.users:,} users; the largest is "
        f"{evaluation.largest_weight:.3g}, the mean {evaluation.mean_weight:.3f} (1 is expected). None is clipped."
    )
    if evaluation.unknown_share:
        yield (
            f"A share of {evaluation.unknown_share:.2g} of the target's draws was impossible at their time, so the "
            "intervals are wider by as much."
        )
    if found.left_out:
        yield f"Left out: {', '.join(f'{reason} ({count:,})' for reason, count in found.left_out.items())}."
    if source.log.guessed_decisions:
        yield (
            f"Decisions under which several variants got nobody: {source.log.guessed_decisions:,}. What was left of "
            "the shares is divided evenly among them, which affects only the model of the reward."
        )
    if source.log.malformed_lines:
        yield f"Lines that are no events: {source.log.malformed_lines:,}."


def verdict(difference: ValueEstimate) -> str:
    if difference.lower > 0:
        return "The target would have brought more reward: consider it for your next experiment."
    if difference.upper < 0:
        return "The target would have brought less reward: keep what you have."
    return "These users do not tell whether the target would have brought more reward or less: replay again with more."
