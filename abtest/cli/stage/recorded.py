"""Reads recorded events for a replay: from a stage's bucket, or from a file or folder of JSON lines."""

import dataclasses
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from abtest.adapters.event_store import GZIP_MAGIC, EventStore
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli.shown import summary
from abtest.cli.shown.output import UserError, counted, refusals, say
from abtest.cli.stage.stacks import outputs
from abtest.experiment.counting.event_table import EventTable
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import Experiment, decision_id
from abtest.experiment.record.settings import ExperimentSettings
from abtest.experiment.replay.logged import Log, LoggedDecision, experiment_ids, read_log

NOBODY = "holds no event of a user whose variant was drawn"


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A log, the strategies that drew its users, and the default settings of the strategy to evaluate."""

    log: Log
    strategies: tuple[str, ...]
    weights: Mapping[str, float]
    settings: ExperimentSettings
    costs: Mapping[str, float] = dataclasses.field(default_factory=dict)


def from_files(path: Path, experiment_id: str | None, window_seconds: int | None, reward: str) -> Recorded:
    """Reads a log whose Decisions follow from the propensities; its window is none unless told. Raises UserError."""
    lines = list(_lines(path))
    say(f"{counted(len(lines), 'line')} in {path}")
    table, _ = EventTable.of(lines)
    found = [experiment_id] if experiment_id else experiment_ids(table)
    if len(found) != 1:
        told = f"holds several experiments, name one with --experiment: {', '.join(found)}" if found else NOBODY
        raise UserError(f"{path} {told}")
    with refusals(ValueError):
        log = read_log(table, experiment_id=found[0], attribution_window_seconds=window_seconds or 0, reward=reward)
    return Recorded(log, log.strategies, log.initial_weights, ExperimentSettings(warmup=0))


def _lines(path: Path) -> Iterator[str]:
    """Yields the lines of the file, or of all files of the folder, gzip or not."""
    if not path.exists():
        raise UserError(f"{path} does not exist: give a file or folder of JSON lines")
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            content = file.read_bytes()
            try:
                text = gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content
            except (OSError, EOFError, zlib.error) as error:
                raise UserError(f"{file} cannot be read ({error}): fetch it again, or take it away") from None
            yield from (line for line in text.decode(errors="replace").split("\n") if line.strip())


def from_stage(
    stage: str, endpoint_name: str | None, experiment_id: str | None, window_seconds: int | None, reward: str
) -> Recorded:
    """Reads the log of an endpoint's current experiment or an earlier one, with its Decisions.

    Raises UserError.
    """
    found = outputs(stage)
    experiment, decisions = _experiment(found, endpoint_name, experiment_id)
    stored = EventStore(found["BucketName"]).read(experiment.started_at)
    lines = [line for item in stored for line in item.lines]
    say(f"{counted(len(lines), 'event')} in {counted(len(stored), 'object')} of {found['BucketName']}")
    window = experiment.settings.attribution_window_seconds if window_seconds is None else window_seconds
    with refusals(ValueError):
        log = read_log(
            EventTable.of(lines)[0],
            experiment_id=experiment.experiment_id,
            attribution_window_seconds=window,
            decisions=_decisions(experiment, decisions),
            reward=reward,
        )
    return Recorded(
        log,
        log.strategies,
        {**log.initial_weights, **{variant.variant_name: variant.initial_weight for variant in experiment.variants}},
        experiment.settings,
        {variant.variant_name: variant.cost for variant in experiment.variants},
    )


def _experiment(
    found: Mapping[str, str], endpoint_name: str | None, experiment_id: str | None
) -> tuple[Experiment, Sequence[Decision]]:
    current, decisions, _ = summary.latest(found, endpoint_name)
    if experiment_id in (None, current.experiment_id):
        return current, decisions
    table = ExperimentsTable(found["ExperimentsTableName"])
    past = {experiment.experiment_id: experiment for experiment in table.past(current.endpoint_name)}
    if experiment_id not in past:
        known = ", ".join([current.experiment_id, *past])
        raise UserError(
            f"{current.endpoint_name} had no experiment {experiment_id}: choose one with --experiment, of {known}"
        )
    return past[experiment_id], table.decisions(current.endpoint_name, experiment_id)


def _decisions(experiment: Experiment, decisions: Sequence[Decision]) -> list[LoggedDecision]:
    """Returns the initial shares, which count as Decision 0, and those of each Decision."""
    initial = decisions[0].old_shares if decisions else experiment.shares
    return [
        LoggedDecision(decision_id(experiment.experiment_id, 0), experiment.started_at, initial),
        *(LoggedDecision(decision.decision_id, decision.as_of, decision.new_shares) for decision in decisions),
    ]
