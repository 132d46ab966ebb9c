"""Frozen dataclasses to and from plain JSON values, by their annotations; instants as RFC 3339 with `Z`.

Covers what the evaluator's outcomes are made of: dataclasses, instants, dates, local times, tuples, mappings with text
keys, optional values and plain scalars. A field that is missing takes its default, so that outcomes written by an older
version can still be read.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from domain.errors import BadInput
from domain.time import format_instant, parse_instant, parse_local_time

T = TypeVar("T")


def to_json(value: object) -> Any:
    """Dicts, lists, texts, numbers, booleans and None only."""
    if value is None or isinstance(value, str | int | float):  # most values: asked first, because it is asked often
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(to_json(item) for item in value)
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[T], data: object) -> T:
    """The dataclass `kind` from what `to_json` gave; BadInput names the field that is wrong."""
    result = _decode(kind, data, kind.__name__)
    assert isinstance(result, kind)  # noqa: S101 - for the type checker; _decode builds exactly this
    return result


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(kind: Any, data: object, where: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _optional(kind, data, where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, data, where)
    if origin is tuple:
        if not isinstance(data, list):
            raise BadInput(f"{where} must be a list")
        item = get_args(kind)[0]
        if len(get_args(kind)) == 2 and get_args(kind)[1] is Ellipsis:
            return tuple(_decode(item, value, f"{where}[{i}]") for i, value in enumerate(data))
        return tuple(_decode(t, value, f"{where}[{i}]") for i, (t, value) in enumerate(zip(get_args(kind), data)))  # noqa: B905
    if origin is frozenset:
        return frozenset(_decode(get_args(kind)[0], value, where) for value in data)  # type: ignore[attr-defined]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(data, Mapping):
            raise BadInput(f"{where} must be an object")
        item = get_args(kind)[1]
        return {str(key): _decode(item, value, f"{where}.{key}") for key, value in data.items()}
    return _scalar(kind, data, where)


def _dataclass(kind: type, data: object, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise BadInput(f"{where} must be an object")
    hints = _hints(kind)
    values = {
        field.name: _decode(hints[field.name], data[field.name], f"{where}.{field.name}")
        for field in dataclasses.fields(kind)
        if field.name in data
    }
    try:
        return kind(**values)
    except TypeError as error:
        raise BadInput(f"{where} lacks a field: {error}") from error


def _optional(kind: Any, data: object, where: str) -> Any:
    if data is None:
        return None
    options = [option for option in get_args(kind) if option is not type(None)]
    if len(options) == 1:
        return _decode(options[0], data, where)
    return data  # a union of plain scalars


def _scalar(kind: Any, data: object, where: str) -> Any:
    if kind is Any or kind is object:
        return data
    if kind in (datetime, date, time):
        if not isinstance(data, str):
            raise BadInput(f"{where} must be a time")
        if kind is datetime:
            return parse_instant(data)
        return date.fromisoformat(data) if kind is date else parse_local_time(data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(kind, type) and not isinstance(data, kind):
        raise BadInput(f"{where} must be of type {kind.__name__}")
    return data
