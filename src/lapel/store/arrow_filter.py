"""A condition answered by Arrow over columns in memory: values travel as values, nothing is pasted into text."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lapel.errors import QueryError
from lapel.schema.condition import Among, And, Compare, Condition, Contains, IsNull, Like, Not, Or, Predicted, Value
from lapel.schema.items import SEPARATOR

OPERATIONS = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def mask(table: pa.Table, condition: Condition, labels: Collection[str] = ()) -> NDArray[np.bool_]:
    """(rows,) which rows meet the condition; a row where it is unknown (an empty cell) does not.

    labels: columns whose text cells may hold several values, joined by `|`.

    Raises:
        QueryError: a value that does not fit its column's kind.
    """
    known = pc.fill_null(truth(table, condition, labels), False)
    return np.asarray(known, dtype=bool)


def truth(table: pa.Table, condition: Condition, labels: Collection[str] = ()) -> Any:
    """(rows,) Arrow truth values, null where unknown; see `mask`."""
    answer = functools.partial(truth, table, labels=labels)
    match condition:
        case And(terms):
            return functools.reduce(pc.and_kleene, [answer(term) for term in terms])
        case Or(terms):
            return functools.reduce(pc.or_kleene, [answer(term) for term in terms])
        case Not(term):
            return pc.invert(answer(term))
        case IsNull(column):
            return pc.is_null(table[column])
        case Like(column, pattern):
            return pc.match_like(_text(column, table, "like"), pattern)
        case Contains(column, text):
            return pc.match_substring(_text(column, table, "contains"), text, ignore_case=True)
        case Among(column, values):
            return _among(column, values, table, labels)
        case Compare(column, sign, value):
            return _compare(column, sign, value, table, labels)
        case Predicted(attribute):
            raise QueryError(f"What the model predicts of '{attribute}' is no stored column; ask it through a search.")


def _among(column: str, values: Sequence[Value], table: pa.Table, labels: Collection[str]) -> Any:
    if column in labels or not pa.types.is_string(table.schema.field(column).type):
        return functools.reduce(pc.or_kleene, [_compare(column, "=", value, table, labels) for value in values])
    for value in values:
        _fits(column, table.schema.field(column).type, value)
    found = pc.is_in(table[column], value_set=pa.array(values, pa.string()))  # false, not unknown, for empty cells
    return pc.if_else(pc.is_valid(table[column]), found, pa.scalar(None, pa.bool_()))


def _compare(column: str, sign: str, value: Value, table: pa.Table, labels: Collection[str]) -> Any:
    _fits(column, table.schema.field(column).type, value)
    if column not in labels:
        return OPERATIONS[sign](table[column], _scalar(value))
    if sign not in ("=", "!="):
        raise QueryError(f"Column '{column}' holds labels, which have no order; use =, !=, in, like or contains.")
    holds = _holds(table[column], str(value))
    return holds if sign == "=" else pc.invert(holds)


def _holds(cells: Any, value: str) -> Any:
    """One of a cell's values equals `value`."""
    ways = (
        pc.equal(cells, value),
        pc.starts_with(cells, value + SEPARATOR),
        pc.ends_with(cells, SEPARATOR + value),
        pc.match_substring(cells, SEPARATOR + value + SEPARATOR),
    )
    return functools.reduce(pc.or_kleene, ways)


def _scalar(value: Value) -> Value:
    fits = not isinstance(value, int) or -(2**63) <= value < 2**63
    return value if fits else float(value)


def _text(column: str, table: pa.Table, word: str) -> Any:
    if not pa.types.is_string(table.schema.field(column).type):
        raise QueryError(f"Column '{column}' holds no text; '{word}' searches text. Compare it by =, <, > or between.")
    return table[column]


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
