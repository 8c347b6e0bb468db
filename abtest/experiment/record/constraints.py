"""What a text that people write must be: metadata of a field's type, as `annotated_types` has for numbers.

Each tells pydantic how to check it, without loading pydantic: no machine's function waits for that.
"""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Text:
    """A text that matches `pattern` as a whole; `wanted` says in words what that is."""

    pattern: str
    wanted: str

    def __get_pydantic_core_schema__(self, _kind: Any, _handler: Any) -> dict[str, Any]:
        return {"type": "str", "strict": True, "pattern": f"^({self.pattern})$"}

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), "patternErrorMessage": self.wanted}  # a keyword that editors know


@dataclasses.dataclass(frozen=True)
class OneOf:
    """One of the texts `choices`."""

    choices: tuple[str, ...]

    def __get_pydantic_core_schema__(self, _kind: Any, _handler: Any) -> dict[str, Any]:
        return {"type": "literal", "expected": list(self.choices)}
