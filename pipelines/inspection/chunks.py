"""What the footers of Parquet files tell of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.inspection.document import Chunks, RowGroups
from pipelines.inspection.ranges import Bounds, Path


def chunks_of(footers: Iterable[Any], bounds: Mapping[Path, Bounds]) -> list[Chunks]:
    """Each leaf column over all row groups of `footers`, `pyarrow.parquet.FileMetaData` of one schema.

    Args:
        footers: Some, or none.
        bounds: Of the columns that have some.
    """
    found: dict[str, Chunks] = {}
    for footer in footers:
        for group in map(footer.row_group, range(footer.num_row_groups)):
            for chunk in map(group.column, range(group.num_columns)):
                _add(found, chunk)
    for path, (least, greatest) in bounds.items():
        if one := found.get(".".join(path)):
            one["least"], one["greatest"] = least, greatest
    return list(found.values())


def row_groups_of(footers: Iterable[Any]) -> RowGroups:
    """How many rows and stored bytes each row group has."""
    groups = [one.row_group(number) for one in footers for number in range(one.num_row_groups)]
    return RowGroups(rows=[one.num_rows for one in groups], bytes=[_stored(one) for one in groups])


def _stored(group: Any) -> int:
    return sum(group.column(number).total_compressed_size for number in range(group.num_columns))


def _add(found: dict[str, Chunks], chunk: Any) -> None:
    path = chunk.path_in_schema
    if path not in found:
        found[path] = _nothing(path, chunk.physical_type)
    one, told = found[path], chunk.statistics
    one["encodings"] += [name for name in chunk.encodings if name not in one["encodings"]]
    one["compression"] += [chunk.compression] if chunk.compression not in one["compression"] else []
    one["bytes"] += chunk.total_compressed_size
    one["unpacked_bytes"] += chunk.total_uncompressed_size
    counts = told is not None and told.has_null_count
    one["nulls"] = one["nulls"] + told.null_count if counts and one["nulls"] is not None else None
    one["chunks"] += 1
    one["statistics"] += bool(told is not None and told.has_min_max)
    one["bloom_filters"] += chunk.bloom_filter_offset is not None
    one["page_indexes"] += bool(chunk.has_column_index and chunk.has_offset_index)


def _nothing(path: str, physical_type: str) -> Chunks:
    return Chunks(
        path=path,
        physical_type=physical_type,
        encodings=[],
        compression=[],
        bytes=0,
        unpacked_bytes=0,
        nulls=0,
        least=None,
        greatest=None,
        chunks=0,
        statistics=0,
        bloom_filters=0,
        page_indexes=0,
    )
