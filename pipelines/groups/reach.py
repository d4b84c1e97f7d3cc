"""Which batches can be written in groups: those whose rows do not depend on rows of other files.

Decoding, conforming, expectations, row-by-row transforms and layout look at nothing but a record or a file.
What looks further is written as a whole, by one process, and this says why.
"""

from __future__ import annotations

from collections.abc import Iterator

from config.pipeline import Pipeline
from pipelines.reading.intake import Columns
from pipelines.written_batch import PlannedBatch
from transforms.conform import conformed_schema
from transforms.steps import apply_step, step_name
from transforms.whole_batch import beyond_rows, some_rows


def whole_because(pipeline: Pipeline) -> tuple[str, ...]:
    """Why no batch of the pipeline is written in groups; empty where they are.

    Plans the transforms, and runs nothing.

    Raises:
        StepError: A transform does not fit the rows it gets.
    """
    if pipeline.source.table is not None:
        return ("its source is a table, whose versions are read as a whole",)
    return (*_keys(pipeline), *_steps(pipeline))


def is_grouped(pipeline: Pipeline, planned: PlannedBatch) -> bool:
    """Whether this batch may be written in groups; errors as above."""
    return not (planned.is_replay or planned.is_rebuild) and not whole_because(pipeline)


def _keys(pipeline: Pipeline) -> Iterator[str]:
    if key := pipeline.table.distinct_by:
        yield f"one record of each key ({', '.join(key)}) is kept, of all files of a batch"


def _steps(pipeline: Pipeline) -> Iterator[str]:
    schema = Columns(lineage=pipeline.lineage, file_number=False).extend(conformed_schema(pipeline))
    for number, step in enumerate(pipeline.transforms, 1):
        name = step_name(number, step)
        rows = apply_step(some_rows(schema), step, name)
        if nodes := beyond_rows(rows):
            yield f"transform {name} looks beyond a row ({', '.join(nodes)})"
        schema = rows.collect_schema()
