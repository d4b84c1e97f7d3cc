"""The schema of a file comes out of its text as it was, and out of no other text."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.test_typed_fuzz import ARRAYS
from transforms.decode.typed.schema_text import schema_in, schema_text


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), ARRAYS), max_size=3))
def test_schema_comes_out_of_its_text(columns: list[tuple[str, pa.Array]]) -> None:
    schema = pa.schema([pa.field(name, array.type) for name, array in columns])
    assert schema_in(schema_text(schema)) == schema


def test_schema_text_leaves_out_what_its_writer_said_beside_the_columns() -> None:
    bare = pa.schema([("a", pa.int8())])
    told = pa.schema([pa.field("a", pa.int8(), metadata={"x": "y"})], metadata={"pandas": "{}" * 1000})
    assert schema_text(told) == schema_text(bare)


@pytest.mark.parametrize("text", [None, "", "a,b", '"\nArrow schema: ",b', "\nArrow schema: no base64"])
def test_no_schema_comes_out_of_a_header(text: str | None) -> None:
    assert schema_in(text) is None
