"""One codec for all records and events: dataclasses to JSON documents and back.

A document's keys are the names of the fields, times are text, tuples are lists. Keys that a class does not know are
ignored and missing ones have the field's default, so that records of earlier versions stay readable. Numbers may come
back as Decimals, as from DynamoDB.
"""

import collections.abc
import dataclasses
import datetime
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, Self, TypeAlias

from abtest.experiment.record import times

Convert: TypeAlias = Callable[[Any], Any]

INLINE = {"inline": True}  # metadata of a field whose members stand in the document of its owner


@dataclasses.dataclass(frozen=True)
class As:
    """How to write and read a field whose type does not say it: `Annotated[T, As(write, read)]`.

    `read` raises ValueError for what it cannot take.
    """

    write: Convert
    read: Convert


class Record:
    """A dataclass that is stored or sent as JSON."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """The document: nothing but dicts, lists, text, numbers, booleans and None."""
        return _write(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The record that `to_json` wrote. Raises ValueError, beginning with the key that is missing or wrong."""
        record: Self = _read(cls, document)
        return record


class _Member(NamedTuple):
    name: str
    required: bool
    inline: bool
    write: Convert
    read: Convert


def _write(record: Any) -> dict[str, Any]:
    document: dict[str, Any] = {}
    kind: Any = type(record)
    for member in _members(kind):
        value = member.write(getattr(record, member.name))
        document |= value if member.inline else {member.name: value}
    return document


def _read(kind: Any, document: Mapping[str, Any]) -> Any:
    values = {}
    for member in _members(kind):
        if member.inline:
            values[member.name] = member.read(document)
        elif member.name in document:
            values[member.name] = _value(member, document[member.name])
        elif member.required:
            raise ValueError(f"{member.name}: is missing")
    return kind(**values)


def _value(member: _Member, value: Any) -> Any:
    try:
        return member.read(value)
    except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
        raise ValueError(f"{member.name}: {error}") from None


@functools.cache
def _members(kind: Any) -> tuple[_Member, ...]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return tuple(
        _Member(
            field.name,
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
            field.metadata.get("inline", False),
            *_conversion(hints[field.name]),
        )
        for field in dataclasses.fields(kind)
    )


def _conversion(hint: Any) -> tuple[Convert, Convert]:
    """How to write and to read a value of the type `hint`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        given = [one for one in hint.__metadata__ if isinstance(one, As)]
        return (given[0].write, given[0].read) if given else _conversion(arguments[0])
    if origin in (types.UnionType, typing.Union):
        return _optional(*(_conversion(one) for one in arguments if one is not types.NoneType))
    if origin is tuple:
        return _of_tuple(arguments)
    if origin in (dict, collections.abc.Mapping):
        return _of_mapping(dict, arguments[1])
    return _of_class(hint)


def _of_class(kind: Any) -> tuple[Convert, Convert]:
    if kind in (int, float):
        return kind, kind
    if kind is datetime.datetime:
        return times.to_text, times.from_text
    if dataclasses.is_dataclass(kind):
        return _write, functools.partial(_read, kind)
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return _of_mapping(kind, typing.get_args(kind.__orig_bases__[0])[1])  # type: ignore[attr-defined]
    return _as_it_is, _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _optional(inner: tuple[Convert, Convert]) -> tuple[Convert, Convert]:
    write, read = (lambda value, one=one: None if value is None else one(value) for one in inner)
    return write, read


def _of_tuple(arguments: tuple[Any, ...]) -> tuple[Convert, Convert]:
    if arguments[-1] is Ellipsis:
        write, read = _conversion(arguments[0])
        return lambda values: [write(one) for one in values], lambda values: tuple(read(one) for one in values)
    writes, reads = zip(*(_conversion(one) for one in arguments), strict=True)
    return (
        lambda values: [write(one) for write, one in zip(writes, values, strict=True)],
        lambda values: tuple(read(one) for read, one in zip(reads, values, strict=True)),
    )


def _of_mapping(kind: Callable[[dict[str, Any]], Any], of: Any) -> tuple[Convert, Convert]:
    write, read = _conversion(of)
    return (
        lambda values: {name: write(one) for name, one in values.items()},
        lambda values: kind({name: read(one) for name, one in values.items()}),
    )
