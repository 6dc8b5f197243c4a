"""MongoDB's filter and update operators on plain documents, as far as `apps.storage.documents` allows them.

Values are None, bool, int, float, str, aware datetime (kept to the millisecond, as BSON does), lists and
dictionaries of these. Semantics after the MongoDB manual, "Query and Projection Operators", "Update
Operators" and "Comparison/Sort Order".
"""

import copy
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from apps.storage.documents import Document

INT64 = range(-(2**63), 2**63)


class OperatorRefused(Exception):
    """A filter or update that MongoDB would refuse, or that this stand-in does not know."""


def matches(document: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Whether the document is selected; every entry of the filter must hold."""
    return all(
        any(matches(document, branch) for branch in condition)
        if field == "$or"
        else _holds(document, _plain(field), condition)
        for field, condition in query.items()
    )


def updated(document: Mapping[str, Any], update: Mapping[str, Any], *, inserting: bool = False) -> Document:
    """A copy of the document with the update applied; `$setOnInsert` counts only while inserting."""
    result = copy.deepcopy(dict(document))
    touched: set[str] = set()
    for operator, changes in update.items():
        if operator not in _UPDATES:
            raise OperatorRefused(f"update operator {operator} is not supported")
        if operator == "$setOnInsert" and not inserting:
            continue
        for field, operand in changes.items():
            if _plain(field) in touched:
                raise OperatorRefused(f"two operators update {field!r}")
            touched.add(field)
            _UPDATES[operator](result, field, stored(operand))
    if "_id" in document and not same(result["_id"], document["_id"]):
        raise OperatorRefused("_id is immutable")
    return result


def seed(query: Mapping[str, Any]) -> Document:
    """What an upsert starts from: the equality fields of the filter, `_id` first."""
    fields = {
        field: stored(value) for field, value in query.items() if field != "$or" and not _is_operator(value)
    }
    fields |= {
        field: stored(value["$eq"])
        for field, value in query.items()
        if _is_operator(value) and "$eq" in value
    }
    return {"_id": fields.pop("_id"), **fields} if "_id" in fields else fields


def stored(value: Any) -> Any:
    """The value as BSON gives it back: times in UTC and cut to milliseconds, whole numbers of 64 bits."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise OperatorRefused("a time without a zone")
        moment = value.astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    if isinstance(value, list | tuple):
        return [stored(element) for element in value]
    if isinstance(value, Mapping):
        return {_plain(name): stored(element) for name, element in value.items()}
    if isinstance(value, int) and not isinstance(value, bool):
        if value not in INT64:
            raise OverflowError("MongoDB holds whole numbers of at most 64 bits")
        return int(value)
    if isinstance(value, str):
        return str.__str__(value)  # of an enumeration its value, as the driver does
    if value is None or isinstance(value, bool | float):
        return value
    raise OperatorRefused(f"a value of type {type(value).__name__}")


def same(left: Any, right: Any) -> bool:
    """Equality as MongoDB sees it: 1 equals 1.0 but not True; fields of a sub-document in the same order."""
    if _rank(left) != _rank(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(map(same, left.values(), right.values()))
    return bool(left == right)


def _holds(document: Mapping[str, Any], field: str, condition: Any) -> bool:
    if not _is_operator(condition):
        return _equals(document, field, stored(condition))
    for operator, operand in condition.items():
        if operator not in _CONDITIONS:
            raise OperatorRefused(f"filter operator {operator} is not supported")
        if not _CONDITIONS[operator](document, field, stored(operand)):
            return False
    return True


def _equals(document: Mapping[str, Any], field: str, operand: Any) -> bool:
    return any(same(value, operand) for value in _candidates(document, field))


def _candidates(document: Mapping[str, Any], field: str) -> list[Any]:
    """What a condition is tried on: the value, a missing one as null, and of an array each element too."""
    value = document.get(field)
    return [value, *value] if isinstance(value, list) else [value]


def _compares(decide: Callable[[Any, Any], bool]) -> Callable[[Mapping[str, Any], str, Any], bool]:
    def condition(document: Mapping[str, Any], field: str, operand: Any) -> bool:
        if operand is None or isinstance(operand, list | dict):
            raise OperatorRefused("an order is only known between numbers, texts, times and truth values")
        return any(
            _rank(value) == _rank(operand) and decide(value, operand)
            for value in _candidates(document, field)
        )

    return condition


def _set(document: Document, field: str, operand: Any) -> None:
    document[field] = operand


def _increase(document: Document, field: str, operand: Any) -> None:
    total = document.get(field, 0)
    if _rank(total) != _NUMBER or _rank(operand) != _NUMBER:
        raise OperatorRefused(f"$inc on {field!r}, which is not a number")
    document[field] = stored(total + operand)


def _raise_to(document: Document, field: str, operand: Any) -> None:
    if field not in document or _order(document[field]) < _order(operand):
        document[field] = operand


def _add_to_set(document: Document, field: str, operand: Any) -> None:
    elements = document.setdefault(field, [])
    if not isinstance(elements, list):
        raise OperatorRefused(f"$addToSet on {field!r}, which is not an array")
    if not any(same(element, operand) for element in elements):
        elements.append(operand)


_CONDITIONS: Mapping[str, Callable[[Mapping[str, Any], str, Any], bool]] = {
    "$eq": _equals,
    "$ne": lambda document, field, operand: not _equals(document, field, operand),
    "$lt": _compares(lambda value, operand: value < operand),
    "$lte": _compares(lambda value, operand: value <= operand),
    "$exists": lambda document, field, operand: (field in document) == bool(operand),
}

_UPDATES: Mapping[str, Callable[[Document, str, Any], None]] = {
    "$set": _set,
    "$setOnInsert": _set,
    "$inc": _increase,
    "$max": _raise_to,
    "$addToSet": _add_to_set,
}

_NUMBER = 1
_ORDER = {type(None): 0, int: _NUMBER, float: _NUMBER, str: 2, dict: 3, list: 4, bool: 5, datetime: 6}


def _rank(value: Any) -> int:
    return _ORDER[type(value)]


def _order(value: Any) -> tuple[int, Any]:
    """A sort key over types: null, numbers, texts, ..., truth values, times; NaN before all numbers."""
    if isinstance(value, list | dict):
        raise OperatorRefused("$max between arrays or sub-documents")
    if isinstance(value, float) and math.isnan(value):
        return _NUMBER, -math.inf
    return _rank(value), 0 if value is None else value


def _is_operator(condition: Any) -> bool:
    return isinstance(condition, Mapping) and any(name.startswith("$") for name in condition)


def _plain(field: str) -> str:
    if field.startswith("$") or "." in field:
        raise OperatorRefused(f"the field name {field!r}: paths and unknown operators are not supported")
    return field
