"""Sort columns by name and by dotted path."""

from __future__ import annotations

import polars as pl
import pytest

from storage.errors import TableSchemaError
from storage.layout.sort_keys import sort_keys

FRAME = pl.DataFrame(
    {
        "n": [2, 1],
        "actor": [{"id": 1, "deep": {"x": 3}}, {"id": 2, "deep": {"x": 1}}],
        "a.b": [0, 5],
        "l": [[1], [2]],
    }
)


@pytest.mark.parametrize(
    ("path", "order"), [("n", [1, 0]), ("actor.id", [0, 1]), ("actor.deep.x", [1, 0]), ("a.b", [0, 1])]
)
def test_sort_keys_find_columns_and_fields(path: str, order: list[int]) -> None:
    keys = sort_keys(FRAME.schema, [path])

    assert FRAME.with_row_index("row").sort(keys)["row"].to_list() == order


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("actor.idd", "did you mean 'id'"),
        ("actr.id", "did you mean 'actor'"),
        ("n.x", "n has no fields"),
        ("actor", "such as actor.id"),
        ("l", "List"),
        ("actor.deep", "plain values"),
    ],
)
def test_sort_keys_of_unsuitable_columns_say_what_is_allowed(path: str, message: str) -> None:
    with pytest.raises(TableSchemaError, match=message):
        sort_keys(FRAME.schema, [path])
