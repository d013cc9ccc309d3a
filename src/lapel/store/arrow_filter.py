"""A condition as an Arrow expression over columns in memory: values travel as values, nothing is pasted into text."""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lapel.errors import QueryError
from lapel.schema.condition import Among, And, Compare, Condition, Contains, IsNull, Like, Not, Or, Value
from lapel.schema.items import SEPARATOR

OPERATIONS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def mask(table: pa.Table, condition: Condition, labels: Collection[str] = ()) -> NDArray[np.bool_]:
    """(rows,) which rows meet the condition; a row where it is unknown (an empty cell) does not.

    labels: columns whose text cells may hold several values, joined by `|`.

    Raises:
        QueryError: a value that does not fit its column's kind.
    """
    numbered = table.append_column("\0row", pa.array(np.arange(len(table))))
    met = numbered.filter(to_arrow(condition, table.schema, labels))["\0row"].to_numpy()
    chosen = np.zeros(len(table), dtype=bool)
    chosen[met] = True
    return chosen


def to_arrow(condition: Condition, schema: pa.Schema, labels: Collection[str] = ()) -> Any:
    """The condition as a `pyarrow.compute.Expression` for tables of this schema; see `mask`."""
    render = functools.partial(to_arrow, schema=schema, labels=labels)
    match condition:
        case And(terms):
            return functools.reduce(operator.and_, [render(term) for term in terms])
        case Or(terms):
            return functools.reduce(operator.or_, [render(term) for term in terms])
        case Not(term):
            return ~render(term)
        case IsNull(column):
            return pc.field(column).is_null()
        case Like(column, pattern):
            return pc.match_like(_text(column, schema, "like"), pattern)
        case Contains(column, text):
            return pc.match_substring(_text(column, schema, "contains"), text, ignore_case=True)
        case Among(column, values):
            return functools.reduce(operator.or_, [_compare(column, "=", v, schema, labels) for v in values])
        case Compare(column, sign, value):
            return _compare(column, sign, value, schema, labels)


def _compare(column: str, sign: str, value: Value, schema: pa.Schema, labels: Collection[str]) -> Any:
    _fits(column, schema.field(column).type, value)
    if column not in labels:
        return OPERATIONS[sign](pc.field(column), _scalar(value))
    if sign not in ("=", "!="):
        raise QueryError(f"Column '{column}' holds labels, which have no order; use =, !=, in, like or contains.")
    holds = _holds(pc.field(column), str(value))
    return holds if sign == "=" else ~holds


def _holds(cell: Any, value: str) -> Any:
    """One of the cell's values equals `value`."""
    return (
        (cell == value)
        | pc.starts_with(cell, value + SEPARATOR)
        | pc.ends_with(cell, SEPARATOR + value)
        | pc.match_substring(cell, SEPARATOR + value + SEPARATOR)
    )


def _scalar(value: Value) -> Value:
    fits = not isinstance(value, int) or -(2**63) <= value < 2**63
    return value if fits else float(value)


def _text(column: str, schema: pa.Schema, word: str) -> Any:
    if not pa.types.is_string(schema.field(column).type):
        raise QueryError(f"Column '{column}' holds no text; '{word}' searches text. Compare it by =, <, > or between.")
    return pc.field(column)


def _fits(column: str, kind: pa.DataType, value: Value) -> None:
    if pa.types.is_string(kind):
        if not isinstance(value, str):
            raise QueryError(f"Column '{column}' holds text; write '{value}' in single quotes.")
    elif pa.types.is_boolean(kind):
        if not isinstance(value, bool):
            raise QueryError(f"Column '{column}' holds true or false; compare it with one of these words, unquoted.")
    elif isinstance(value, (str, bool)):
        shown = f"'{value}'" if isinstance(value, str) else value
        raise QueryError(f"Column '{column}' holds numbers; compare it with a number without quotes, not {shown}.")
