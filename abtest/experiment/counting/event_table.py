"""Events as arrays, some 30 bytes each: all of them that counting needs.

The table of all lines is the merged tables of any parts of them, in any order, with any overlap.
"""

import dataclasses
import datetime
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abtest.experiment.counting import columns
from abtest.experiment.record.events import NOT_RANDOMISED, Event, EventError, Invocation, parse

Rows: TypeAlias = NDArray[np.void]

# Ids are digests of 64 bits: that two of ten million are the same has a chance of one in 300,000. Times are in
# milliseconds since 1970, a malformed line's that of the hour in which it came. `draw` is a place in the table's draws.
INVOCATION = np.dtype([("id", "<u8"), ("at", "<i8"), ("user", "<u8"), ("draw", "<u4")])
CONVERSION = np.dtype([*((name, INVOCATION[name]) for name in ("id", "at", "user", "draw")), ("reward", "<f8")])
IDS = 2  # what ids are made of: since 2 the user is part of them
MALFORMED = np.dtype([("id", "<u8"), ("at", "<i8"), ("out_of_range", "?")])


class Draw(NamedTuple):
    """How a variant came to serve; conversions are told apart by their experiment only."""

    experiment_id: str
    variant: str | None = None
    strategy: str = ""
    decision_id: str | None = None
    propensity: float | None = None

    @property
    def drawn(self) -> str | None:
        """The variant, if it was drawn at random."""
        return None if self.strategy in NOT_RANDOMISED else self.variant


@dataclasses.dataclass(frozen=True)
class MalformedLine:
    """A line that is no event of ours, and why."""

    line: str
    problem: str


@dataclasses.dataclass(frozen=True, eq=False)
class EventTable:
    """Events of any experiments and malformed lines: each once, by id, of a retry's events the earlier; by id."""

    draws: tuple[Draw, ...] = ()
    invocations: Rows = dataclasses.field(default_factory=lambda: np.empty(0, INVOCATION))
    conversions: Rows = dataclasses.field(default_factory=lambda: np.empty(0, CONVERSION))
    malformed: Rows = dataclasses.field(default_factory=lambda: np.empty(0, MALFORMED))

    @classmethod
    def of(
        cls, lines: Iterable[str], came_at: datetime.datetime = columns.EPOCH
    ) -> tuple["EventTable", list[MalformedLine]]:
        """The table of the lines, and those of them that are no events. Raises nothing for a wrong line."""
        hour = columns.to_milliseconds(came_at)
        draws: dict[Draw, int] = {}
        invocations, conversions, malformed, wrong = list[Any](), list[Any](), list[Any](), list[MalformedLine]()
        for line in lines:
            try:
                event = parse(line)
            except EventError as error:
                wrong.append(MalformedLine(line, str(error)))
                malformed.append((_digest(line), hour, str(error).startswith("reward:")))
                continue
            row = _row(event)
            if isinstance(event, Invocation):
                how = (event.endpoint_variant, event.strategy, event.decision_id, event.propensity)
                invocations.append((*row, draws.setdefault(Draw(event.experiment_id, *how), len(draws))))
            else:
                conversions.append((*row, draws.setdefault(Draw(event.experiment_id), len(draws)), event.reward))
        table = cls(
            tuple(draws),
            np.array(invocations, INVOCATION),
            np.array(conversions, CONVERSION),
            np.array(malformed, MALFORMED),
        )
        return cls.merged([table]), wrong

    @classmethod
    def merged(cls, tables: Sequence["EventTable"]) -> "EventTable":
        """The table of all of them."""
        draws = sorted({draw for table in tables for draw in table.draws}, key=_text)
        place = {draw: number for number, draw in enumerate(draws)}
        codes = [np.array([place[draw] for draw in table.draws], "<u4") for table in tables]
        invocations, conversions = (
            [_recoded(getattr(table, kind), code) for table, code in zip(tables, codes, strict=True)]
            for kind in ("invocations", "conversions")
        )
        return cls(
            tuple(draws),
            _distinct(np.concatenate([np.empty(0, INVOCATION), *invocations])),
            _distinct(np.concatenate([np.empty(0, CONVERSION), *conversions])),
            _distinct(np.concatenate([np.empty(0, MALFORMED), *(table.malformed for table in tables)])),
        )

    def since(self, moment: datetime.datetime) -> "EventTable":
        """What happened from then on; of malformed lines, what came from the beginning of that hour on."""
        hour = moment.replace(minute=0, second=0, microsecond=0)
        at, hour_at = columns.to_milliseconds(moment), columns.to_milliseconds(hour)
        return EventTable(
            self.draws,
            only(self.invocations, self.invocations["at"] >= at),
            only(self.conversions, self.conversions["at"] >= at),
            only(self.malformed, self.malformed["at"] >= hour_at),
        )

    def to_bytes(self, **also: Any) -> bytes:
        """The table as a file; `also` is written beside it as JSON."""
        content = io.BytesIO()
        beside = np.frombuffer(json.dumps({"ids": IDS, "draws": self.draws, **also}).encode(), np.uint8)
        arrays = {"invocations": self.invocations, "conversions": self.conversions, "malformed": self.malformed}
        np.savez(content, allow_pickle=False, beside=beside, **arrays)
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> tuple["EventTable", dict[str, Any]]:
        """The table, and what was written beside it. Raises ValueError if it is not a file that `to_bytes` wrote."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                also = json.loads(file["beside"].tobytes())
                kinds = {"invocations": INVOCATION, "conversions": CONVERSION, "malformed": MALFORMED}
                rows = {name: file[name] for name in kinds}
            if also.pop("ids") != IDS:
                raise ValueError("holds the ids of another version")
            draws = tuple(Draw(*draw) for draw in also.pop("draws"))
        except (zipfile.BadZipFile, KeyError, OSError, EOFError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"holds no table: {error}") from error
        if any(rows[name].dtype != kind or rows[name].ndim != 1 for name, kind in kinds.items()):
            raise ValueError("holds other columns")
        if any(len(rows[name]) and rows[name]["draw"].max() >= len(draws) for name in ("invocations", "conversions")):
            raise ValueError("lacks draws")
        return cls(draws, **rows), also


def only(rows: Rows, chosen: NDArray[np.bool_]) -> Rows:
    """The chosen rows; without a copy if these are all."""
    return rows if chosen.all() else rows[chosen]


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest())


def _row(event: Event) -> tuple[int, int, int]:
    """An invocation and its conversion have the same id, whichever version wrote them."""
    at = columns.to_milliseconds(event.timestamp)
    return _digest(json.dumps([event.experiment_id, event.user_id, event.inference_id])), at, _digest(event.user_id)


def _text(draw: Draw) -> str:
    return json.dumps(draw)


def _recoded(rows: Rows, codes: NDArray[np.uint32]) -> Rows:
    if len(rows) and not np.array_equal(codes, np.arange(len(codes))):
        rows = rows.copy()
        rows["draw"] = codes[rows["draw"]]
    return rows


def _distinct(rows: Rows) -> Rows:
    """The rows by id, of each id the earliest; of those at the same time the one with the least of what follows."""
    rows = rows[np.argsort(rows["id"], kind="stable")]
    again = rows["id"][1:] == rows["id"][:-1]
    if not again.any():
        return rows
    of_many = np.concatenate([again, [False]]) | np.concatenate([[False], again])
    names = rows.dtype.names or ()
    rows[of_many] = rows[of_many][np.lexsort([rows[of_many][name] for name in reversed(names)])]
    return only(rows, np.concatenate([[True], rows["id"][1:] != rows["id"][:-1]]))
