"""A condition over the rows of a table, in SQL, from somebody who may read that table and nothing else.

Polars resolves table functions, `read_csv('/etc/passwd')`, wherever a query may stand, and a query may stand
inside an expression, also without `select`: `exists (from read_csv(…))`. It opens the file while it parses.
So the text is looked at before Polars sees it, and read as Polars' SQL reads it: no escapes within quotes but
a doubled quote, and single quotes around the name of a function mean what double quotes mean.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Final

import polars as pl
from polars.exceptions import PolarsError

from pipelines.errors import QueryError
from transforms.whole_batch import needs_whole_batch, without_rows

_TOKEN: Final = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<word>\w+)|(?P<odd>--|/\*|[`$#;'"\\])|(?P<other>.)""",
    re.DOTALL,
)
_QUERY: Final = {"select", "exists"}
_EXAMPLE: Final = "such as: actor.id < 100 and event_date = date '2026-01-05'"


def condition(text: str, schema: pl.Schema) -> pl.Expr:
    """The boolean expression that `text` is, over rows of `schema`; null counts as not met.

    Reads no file whatever the text is.

    Raises:
        QueryError: It is no expression, names a column that is not there, is not boolean, does not decide
            each row by itself, or may read something else than the row.
    """
    refuse_queries(text)
    try:
        parsed = pl.sql_expr(text)
        rows = without_rows(schema).filter(parsed)
        rows.collect()
        beyond = needs_whole_batch(rows)
    except PolarsError as error:
        raise _unusable(text, str(error).strip().splitlines()[0], schema) from error
    if beyond:
        raise _unusable(text, f"something that looks beyond a single row: {', '.join(beyond)}", schema)
    return parsed


def refuse_queries(text: str) -> None:
    """Whether a text is safe to be parsed: it must be about the row alone.

    Raises:
        QueryError: It may read something else.
    """
    tokens = [one for one in _TOKEN.finditer(text) if not one[0].isspace()]
    for token, following in zip_longest(tokens, tokens[1:]):
        called = following is not None and following[0] == "("
        if (
            token["odd"]
            or (token["word"] and token[0].lower() in _QUERY)
            or (token["word"] and token[0].lower().startswith("read_") and called)
            or (token["quoted"] and called)
        ):
            raise QueryError(
                "a condition must be about the row alone",
                where=text,
                got=token[0],
                expected=f"an expression without queries, comments and table functions, {_EXAMPLE}",
            )


def _unusable(text: str, got: str, schema: pl.Schema) -> QueryError:
    return QueryError(
        "the condition cannot be checked",
        where=text,
        got=got,
        expected=f"a boolean SQL expression over {', '.join(schema.names())}, {_EXAMPLE}",
    )
