"""Records survive the round trip through JSON and DynamoDB, and those that earlier versions wrote are read."""

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.experiment.record.codec import Record
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.events import Conversion, Invocation, parse
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.lease import Lease
from abtest.experiment.record.plan import Plan
from abtest.experiment.record.release import Releases
from abtest.experiment.record.shadow import Shadow

WRITTEN = Path(__file__).parent / "written_before"
STORED: list[type[Record]] = [Experiment, Decision, Plan, Lease, Releases, Shadow, ExperimentConfig]
EVENTS: list[type[Record]] = [Invocation, Conversion]


def written_before(kind: type[Record], number: type = float) -> Any:
    return json.loads((WRITTEN / f"{kind.__name__}.json").read_text(), parse_float=number)


@pytest.mark.parametrize("kind", STORED)
def test_a_record_of_version_0_1_loses_nothing(kind: type[Record]) -> None:
    """Each file holds what `to_json` of that version wrote, with no value at its default.

    But for the rewards of first invocations alone, which are no figure any more: every rebalance counts anew.
    """
    document = written_before(kind)
    for counts in (document.get("counts") or {}).values():
        del counts["first_reward_sum"]
    again = kind.from_json(document).to_json()
    assert again | document == again
    assert kind.from_json(again) == kind.from_json(document)


@pytest.mark.parametrize("kind", STORED)
def test_numbers_may_be_decimals_and_other_keys_may_be_there(kind: type[Record]) -> None:
    """DynamoDB gives Decimals, and its key beside the record."""
    item = written_before(kind, Decimal) | {"item": "EXPERIMENT"}
    assert kind.from_json(item) == kind.from_json(written_before(kind))
    json.dumps(kind.from_json(item).to_json())  # no Decimal is left


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_of_version_0_1_is_parsed_and_written_with_all_that_it_had(kind: type[Record]) -> None:
    document = written_before(kind)
    event = parse(json.dumps(document))
    assert isinstance(event, kind)
    written = json.loads(event.to_line())
    assert written | {"event_id": document["event_id"]} | document == written | {"event_id": document["event_id"]}
    assert written["event_id"] != document["event_id"]  # since then the user is part of it


def test_what_an_earlier_version_did_not_write_has_its_default() -> None:
    document = written_before(Decision)
    for name in ("mode", "alpha", "findings"):
        del document[name]
    decision = Decision.from_json(document)
    assert (decision.settings.mode, decision.settings.alpha, decision.findings) == ("learn_first", 0.05, ())
    assert decision.settings.strategy == "UCB1"


def test_a_document_that_is_wrong_is_told_by_the_key() -> None:
    document = written_before(Experiment)
    with pytest.raises(ValueError, match=r"^shares: is missing$"):
        Experiment.from_json({key: value for key, value in document.items() if key != "shares"})
    with pytest.raises(ValueError, match=r"^started_at: 'noon' is not an ISO 8601 time$"):
        Experiment.from_json(document | {"started_at": "noon"})
    with pytest.raises(ValueError, match=r"^variants: initial_weight: could not convert"):
        Experiment.from_json(document | {"variants": [document["variants"][0] | {"initial_weight": "much"}]})


@given(st.text(), st.floats(0, 1e9), st.lists(st.tuples(st.text(), st.floats(0, 1e9))), st.integers(0, 10**9))
def test_any_lease_survives(holder: str, expires_at: float, waiting: list[tuple[str, float]], revision: int) -> None:
    lease = Lease(holder, expires_at, tuple(waiting), revision)
    assert Lease.from_json(json.loads(json.dumps(lease.to_json()))) == lease


@given(st.datetimes(timezones=st.just(datetime.UTC)))
def test_times_are_kept_to_the_millisecond(time: datetime.datetime) -> None:
    document = written_before(Shadow)
    shadow = Shadow.from_json(document)
    kept = Shadow.from_json(Shadow(shadow.pair, time, None, "").to_json())
    assert kept.began_at == time.replace(microsecond=time.microsecond // 1000 * 1000)
