"""Adds fields of Amazon States Language that the `stepfunctions` package, whose list ends in 2021, does not know."""

import logging
from typing import Any

# The package sets the root logger to ERROR when it is imported: put the level back.
_level = logging.getLogger().level
from stepfunctions import steps  # noqa: E402

logging.getLogger().setLevel(_level)

Catch = steps.Catch
Chain = steps.Chain
Choice = steps.Choice
Graph = steps.Graph
Pass = steps.Pass
Retry = steps.Retry
Rule = steps.ChoiceRule
State = steps.states.State
Succeed = steps.Succeed
Wait = steps.Wait


class Task(steps.Task):
    """A Task state with ResultSelector."""

    def is_field_allowed(self, field_name: str) -> bool:
        return field_name == "result_selector" or bool(super().is_field_allowed(field_name))


class Fail(steps.Fail):
    """A Fail state whose error and cause may be read from the input: ErrorPath, CausePath."""

    def is_field_allowed(self, field_name: str) -> bool:
        return field_name in ("error_path", "cause_path") or bool(super().is_field_allowed(field_name))


class Map(steps.Map):
    """An inline Map state: `processor` is run for every item (ItemProcessor; the package writes the older Iterator)."""

    def __init__(self, state_id: str, processor: Any, **fields: Any) -> None:
        super().__init__(state_id, **fields)
        self.processor = processor

    def to_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = super(steps.Map, self).to_dict()  # leaves out the Iterator
        processor = {"ProcessorConfig": {"Mode": "INLINE"}, **Graph(self.processor).to_dict()}
        return state | {"ItemProcessor": processor}
