"""`table.layout` from the pipeline file to the files of the table."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from pipelines.reports.validation import validate
from storage.filesystem import open_filesystem
from storage.tables.delta import open_table
from tests.conftest import Store
from tests.pipelines.taking_in import a_pipeline, ids, land, run_and_prove

COLUMNS = {"id": "int64!", "who": {"name": "string"}, "score": "float64", "tags": ["string"]}


@pytest.mark.parametrize(
    ("layout", "what"),
    [
        ({"z_order_by": ["gone"]}, "a table cannot be sorted by a column that is not there"),
        ({"z_order_by": ["tags"]}, "a table can be sorted by plain values only"),
        ({"bloom": ["who.gone"]}, "bloom names what is no plain column, and no field of one"),
        ({"bloom": ["score"]}, "a Bloom filter of this column would tell nothing, or the wrong thing"),
        ({"statistics": ["who"]}, "statistics names what is no plain column, and no field of one"),
    ],
)
def test_validate_of_a_layout_that_the_transforms_do_not_fit_tells_it(
    local: Store, layout: dict[str, Any], what: str
) -> None:
    step = {"sql": "select * from self"}

    found = validate(a_pipeline(local, COLUMNS, transforms=[step], table={"layout": layout}))

    assert [problem.what for problem in found.problems] == [what]


def test_run_lays_out_files_as_the_pipeline_says(store: Store) -> None:
    layout = {"z_order_by": ["id", "who.name"], "bloom": ["who.name"], "statistics": ["id"]}
    pipeline = a_pipeline(store, COLUMNS, table={"layout": layout})
    land(store, "one.ndjson", *(b'{"id":%d,"who":{"name":"n%d"}}' % (n * 7 % 2_000, n) for n in range(2_000)))

    run_and_prove(pipeline)

    assert ids(pipeline) == list(range(2_000))
    opened = open_table(pipeline.table.uri)
    assert opened is not None
    assert opened.metadata().configuration["delta.dataSkippingStatsColumns"] == "`id`,`tags`"
    (path,) = pl.DataFrame(opened.get_add_actions())["path"]
    filesystem, root = open_filesystem(pipeline.table.uri)
    with filesystem.open(f"{root}/{path}") as file:
        group = pq.read_metadata(file).row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert columns["who.name"].bloom_filter_offset
    assert not columns["who.name"].is_stats_set
    assert columns["id"].is_stats_set
