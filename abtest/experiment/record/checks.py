"""Checks of a configuration's keys and values: each takes a value and returns it, or says what it must be."""

import difflib
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], Any]


class ConfigError(ValueError):
    """A key or value of the configuration is wrong; the message names the key and says what it must be."""


def whole(least: int, most: int) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise ValueError(f"a whole number from {least} to {most}")
        if not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(value)

    return check


def number(least: float, most: float, *, above: bool = False) -> Check:
    """From `least` (itself refused if `above`) to `most`."""
    wanted = f"a number {'above' if above else 'from'} {least:g} {'and at most' if above else 'to'} {most:g}"

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise ValueError(wanted)
        if not least <= value <= most or (above and value == least):
            raise ValueError(wanted)
        return float(value)

    return check


def text(pattern: str, wanted: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or re.fullmatch(pattern, value, re.ASCII) is None:
            raise ValueError(wanted)
        return value

    return check


def one_of(*choices: str) -> Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return str(value)

    return check


def optional(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def checked(document: Any, checks: Mapping[str, Check], required: tuple[str, ...], path: str = "") -> dict[str, Any]:
    """`document` with each value checked; ConfigError names the first wrong key."""
    if not isinstance(document, dict):
        raise ConfigError(f"{path.rstrip('.') or 'configuration'}: must be a JSON object")
    for key in required:
        if key not in document:
            raise ConfigError(f"{path}{key}: is missing; add it")
    return {key: value_of(key, value, checks, path) for key, value in document.items()}


def value_of(key: str, value: Any, checks: Mapping[str, Check], path: str) -> Any:
    if key not in checks:
        near = difflib.get_close_matches(key, checks, 1)
        remedy = f'did you mean "{near[0]}"?' if near else f"the keys are {', '.join(checks)}"
        raise ConfigError(f"{path}{key}: there is no such key; {remedy}")
    try:
        return checks[key](value)
    except ConfigError:
        raise
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{path}{key}: must be {error}, not {value!r}") from None
