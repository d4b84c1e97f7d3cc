"""Counts what a contestant wrote: `python -m benchmarks.output FOLDER` prints JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq


def count_parquet(folder: Path) -> dict[str, int]:
    """Files, rows and bytes of the Parquet files under the folder, from their footers; not those of a log."""
    paths = [path for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts]
    return {
        "files": len(paths),
        "rows": sum(pq.read_metadata(path).num_rows for path in paths),
        "bytes": sum(path.stat().st_size for path in paths),
    }


if __name__ == "__main__":
    print(json.dumps(count_parquet(Path(sys.argv[1]))))
