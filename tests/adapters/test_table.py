import math
from typing import Any

import pytest
from botocore.exceptions import ClientError

from abtest.adapters import table
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import (
    ABSENT,
    PRESENT,
    Condition,
    ConditionCheck,
    Delete,
    Put,
    StaleError,
    counted,
    equal,
    from_item,
    to_item,
    unset,
)

HELD: dict[str, Any] = {"holder": "x", "revision": 3, "passed": None}


def test_numbers_are_exact_within_what_the_table_can_hold() -> None:
    numbers = {"a": 0.1, "b": 1 / 3, "c": 1e-300, "d": math.inf, "e": 1e100, "f": 3, "g": -2.5e-7}
    read = {name: float(number) for name, number in from_item(to_item(numbers)).items()}
    assert read == numbers | {"c": 0.0, "d": 9e125}


@pytest.mark.parametrize(
    ("condition", "of_the_item", "of_none"),
    [
        (ABSENT, False, True),
        (PRESENT, True, False),
        (equal(holder="x", revision=3), True, False),
        (equal(holder="y", revision=3), False, False),
        (counted("revision", 3), True, False),
        (counted("revision", 0), False, True),
        (unset("passed"), True, False),
        (unset("holder"), False, False),
    ],
)
def test_a_condition_holds_or_nothing_is_written(
    experiments: ExperimentsTable, condition: Condition, of_the_item: bool, of_none: bool
) -> None:
    experiments.transact([Put("e", "A", HELD)])
    for item, holds in (("A", of_the_item), ("B", of_none)):
        assert experiments.attempt([Put("e", "C", {}), ConditionCheck("e", item, condition)]) == holds
        assert (experiments.get("e", "C") is not None) == holds
        experiments.transact([Delete("e", "C", Condition("attribute_not_exists(holder)"))])


def test_a_lost_race_is_told_and_another_mistake_is_none(experiments: ExperimentsTable) -> None:
    experiments.transact([Put("e", "A", HELD)])
    with pytest.raises(StaleError, match="wrote to experiments first"):
        experiments.transact([Put("e", "A", {}, ABSENT)])
    with pytest.raises(ClientError):
        table.Table("no table").attempt([Put("e", "A", {}, ABSENT)])


def test_items_are_found_by_their_prefix_in_their_order(experiments: ExperimentsTable) -> None:
    puts = [Put("e", name, {"n": name, "m": {"x": 1}, "o": 2}) for name in ("A#2", "B", "A#1", "A#3")]
    experiments.transact([*puts, Put("f", "A#1", {})])
    assert [document["n"] for document in experiments.query("e", "A#")] == ["A#1", "A#2", "A#3"]
    assert list(experiments.between("e", "A#1", "A#2", ("m", "n"))) == [[{"x": 1}, "A#1"], [{"x": 1}, "A#2"]]
    assert experiments.get("e", "A#4") is None
