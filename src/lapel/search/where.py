"""`--where "price < 50 and neckline = 'v-shape'"`: a safe SQL subset, parsed into a condition, never pasted.

    condition := term {or term} ;  term := factor {and factor} ;  factor := [not] ( "(" condition ")" | comparison )
    comparison := column ( = | != | <> | < | <= | > | >= ) value
                | column [not] in (value, ...)  | column [not] between value and value
                | column [not] like 'pattern'   | column [not] contains 'text'   | column is [not] null
                | attribute ( = | != ) 'value' with confidence number
                | attribute [not] in ('value', ...) with confidence number

`with confidence` asks the model instead of a column: its most probable value of the attribute must be among the values,
with at least that probability; below it the model does not know, and unknown rows are left out, negated or not.
Text stands in single quotes ('it''s' holds one quote). A column name with spaces, or one that is a word of the
language, stands in double quotes. Words may be written in capital letters or not; column names may not.
A label cell that holds several values (`stripe|floral`) equals each of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from lapel.errors import QueryError, UnknownName
from lapel.schema.condition import (
    Among,
    And,
    Compare,
    Condition,
    Contains,
    IsNull,
    Like,
    Not,
    Operator,
    Or,
    Predicted,
    Value,
    columns_of,
    predictions_of,
)

LONGEST, DEEPEST = 10_000, 60
WORDS = frozenset({"and", "or", "not", "in", "between", "like", "contains", "is", "null", "true", "false"})
TOKEN = re.compile(
    r"""\s+
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)
    | (?P<name>[^\W\d]\w*)""",
    re.VERBOSE,
)
OPERATORS: dict[str, Operator] = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def parse(
    text: str, columns: Iterable[str] | None = None, attributes: Mapping[str, Sequence[str]] | None = None
) -> Condition | None:
    """Read a filter; empty text is no filter.

    columns: the names that may be used; None checks none. attributes: what the model predicts, and each one's
    values; None when it predicts nothing fit to filter by.

    Raises:
        QueryError: the text is not in the language; the message points at the place.
        UnknownName: a column, attribute or value that is not known, with a suggestion.
    """
    if len(text) > LONGEST:
        raise QueryError(f"The filter has {len(text)} characters; at most {LONGEST} are read.")
    tokens = _tokens(text)
    if not tokens:
        return None
    condition = _Parser(text, tokens).whole()
    if columns is not None:
        _check_columns(condition, tuple(columns), attributes or {})
        _check_predictions(condition, attributes)
    return condition


def _check_columns(condition: Condition, known: tuple[str, ...], attributes: Mapping[str, Sequence[str]]) -> None:
    for name in columns_of(condition):
        if name in known:
            continue
        if name in attributes:
            raise QueryError(
                f"'{name}' is no column of this catalogue, but its model predicts it; "
                f"say how sure it must be: {name} = '{next(iter(attributes[name]), '')}' with confidence 0.6"
            )
        raise UnknownName("column", name, known, "This catalogue")


def _check_predictions(condition: Condition, attributes: Mapping[str, Sequence[str]] | None) -> None:
    for asked in predictions_of(condition):
        if attributes is None:
            raise QueryError(
                "The model of this catalogue predicts no values, so 'with confidence' cannot be asked of it; "
                "filter by columns, or index the photos with a model whose values are fitted."
            )
        if asked.attribute not in attributes:
            raise UnknownName("attribute", asked.attribute, attributes, "The model of this catalogue")
        for value in asked.values:
            if value not in attributes[asked.attribute]:
                raise UnknownName(f"value of '{asked.attribute}'", value, attributes[asked.attribute], "The model")


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            hint = " Text stands in single quotes: 'it''s'." if text[at] in "'\"" else ""
            _refuse(text, at, f"'{text[at]}' does not belong here.{hint}")
        if match.lastgroup:
            kind, word = match.lastgroup, match.group()
            if kind == "name" and word.lower() in WORDS:
                kind, word = "word", word.lower()
            found.append(_Token(kind, word, at))
        at = match.end()
    return found


def _refuse(text: str, at: int, problem: str) -> NoReturn:
    place = f"…{text[max(0, at - 20) : at]}⟨here⟩{text[at : at + 20]}"
    raise QueryError(
        f"The filter cannot be read at character {at + 1} ({place}): {problem} Example: price < 50 and color = 'red'."
    )


class _Parser:
    """Recursive descent over the tokens; one method a rule of the grammar above."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text, self.tokens, self.at, self.depth = text, tokens, 0, 0

    def whole(self) -> Condition:
        condition = self.any_of()
        if self.at < len(self.tokens):
            self.refuse("the filter should end here, or go on with 'and' or 'or'.")
        return condition

    def any_of(self) -> Condition:
        return self.chain("or", self.all_of, Or)

    def all_of(self) -> Condition:
        return self.chain("and", self.factor, And)

    def chain(self, word: str, part: Callable[[], Condition], joined: type[And] | type[Or]) -> Condition:
        terms = [part()]
        while self.take("word", word):
            terms.append(part())
        return terms[0] if len(terms) == 1 else joined(tuple(terms))

    def factor(self) -> Condition:
        self.depth += 1
        if self.depth > DEEPEST:
            self.refuse(f"more than {DEEPEST} brackets or 'not' inside each other.")
        try:
            if self.take("word", "not"):
                return Not(self.factor())
            if self.take("sign", "("):
                inner = self.any_of()
                self.need("sign", ")")
                return inner
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Condition:
        column = self.column()
        if self.take("word", "is"):
            negated = self.take("word", "not")
            self.need("word", "null")
            return Not(IsNull(column)) if negated else IsNull(column)
        if self.take("word", "not"):
            return Not(self.worded(column))
        token = self.peek()
        if token and token.kind == "sign" and token.text in OPERATORS:
            self.at += 1
            compare = Compare(column, OPERATORS[token.text], self.value())
            return self.predicted(compare) if self.says("with") else compare
        return self.worded(column)

    def predicted(self, asked: Compare | Among) -> Condition:
        """What stands behind a comparison: `with confidence 0.6`."""
        self.at += 1
        if not self.says("confidence"):
            self.refuse("expected 'confidence' and a number, as in neckline = 'v-shape' with confidence 0.6.")
        self.at += 1
        if isinstance(asked, Compare) and asked.operator not in ("=", "!="):
            self.refuse("predicted values have no order; use =, != or in before 'with confidence'.")
        values = asked.values if isinstance(asked, Among) else (asked.value,)
        if not all(isinstance(value, str) for value in values):
            self.refuse("predicted values are text; write them in single quotes.")
        token = self.peek()
        confidence = float(token.text) if token and token.kind == "number" else 0.0
        if not 0 < confidence <= 1:
            self.refuse("a confidence is a number above 0 and at most 1.")
        self.at += 1
        found = Predicted(asked.column, tuple(str(value) for value in values), confidence)
        return Not(found) if isinstance(asked, Compare) and asked.operator == "!=" else found

    def says(self, name: str) -> bool:
        """Whether the next token is this name: a word here only, so that a column may be called so."""
        token = self.peek()
        return token is not None and token.kind == "name" and token.text.lower() == name

    def worded(self, column: str) -> Condition:
        if self.take("word", "in"):
            self.need("sign", "(")
            values = [self.value()]
            while self.take("sign", ","):
                values.append(self.value())
            self.need("sign", ")")
            among = Among(column, tuple(values))
            return self.predicted(among) if self.says("with") else among
        if self.take("word", "between"):
            low = self.value()
            self.need("word", "and")
            return And((Compare(column, ">=", low), Compare(column, "<=", self.value())))
        if self.take("word", "like"):
            return Like(column, self.literal())
        if self.take("word", "contains"):
            return Contains(column, self.literal())
        self.refuse("expected =, !=, <, <=, >, >=, in, between, like, contains or is null.")

    def column(self) -> str:
        token = self.peek()
        if token and token.kind in ("name", "quoted"):
            self.at += 1
            return token.text if token.kind == "name" else token.text[1:-1].replace('""', '"')
        self.refuse("expected a column name.")

    def value(self) -> Value:
        token = self.peek()
        if token and token.kind == "text":
            return self.literal()
        if token and token.kind == "number":
            self.at += 1
            whole = token.text.lstrip("-").isdigit() and len(token.text) < 19
            return int(token.text) if whole else float(token.text)
        if token and token.kind == "word" and token.text in ("true", "false"):
            self.at += 1
            return token.text == "true"
        if token and token.text == "null":
            self.refuse("compare with null by 'is null' or 'is not null'.")
        self.refuse("expected a number, or text in single quotes.")

    def literal(self) -> str:
        token = self.peek()
        if token is None or token.kind != "text":
            self.refuse("expected text in single quotes.")
        self.at += 1
        return token.text[1:-1].replace("''", "'")

    def peek(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, kind: str, text: str) -> bool:
        token = self.peek()
        if token is None or (token.kind, token.text) != (kind, text):
            return False
        self.at += 1
        return True

    def need(self, kind: str, text: str) -> None:
        if not self.take(kind, text):
            self.refuse(f"expected '{text}'.")

    def refuse(self, problem: str) -> NoReturn:
        token = self.peek()
        _refuse(self.text, token.at if token else len(self.text), problem)
