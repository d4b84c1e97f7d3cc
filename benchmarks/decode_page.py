"""The results of `make bench-decode` as docs/benchmarks/decoding.md, from the JSON files beside that page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MIB = 2**20
PARTS = {"decode": "Decoding and conforming alone", "whole_job": "The whole job, `penstock run`"}


def write_page(results: Path) -> None:
    """Writes the page anew from what has been measured so far."""
    sections = ["# Decoding, measured\n\nWritten by `make bench-decode`; README.md says what is compared.\n"]
    for name, section in (("strictness", _strictness), ("small-files", _small), ("large-file", _large)):
        path = results / f"{name}.json"
        if path.exists():
            sections.append(section(json.loads(path.read_text(encoding="utf-8"))))
    (results / "decoding.md").write_text("\n".join(sections), encoding="utf-8")


def _strictness(result: Mapping[str, Any]) -> str:
    lines = [f"## What strictness costs: {result['size']} events\n", _machine(result)]
    for part, title in PARTS.items():
        head = "| | wall | CPU | wall, times lenient | CPU, times lenient |"
        rows = [_row(name, one) for name, one in result[part].items()]
        lines += [f"\n{title}:\n", head, "|---|---:|---:|---:|---:|", *rows]
    return "\n".join([*lines, ""])


def _row(name: str, one: Mapping[str, float]) -> str:
    ratios = f"{one['wall_to_lenient']:.2f} | {one['cpu_to_lenient']:.2f}"
    return f"| {name} | {one['wall_s']:.2f} s | {one['cpu_s']:.2f} s | {ratios} |"


def _small(result: Mapping[str, Any]) -> str:
    rate = f"{result['wall_s']:.2f} s, **{result['files_per_second']:,} files a second**"
    peak = f"peak memory {result['peak_memory_bytes'] / MIB:.0f} MiB"
    size = f"{result['bytes'] / result['files']:.0f} bytes each"
    return f"## {result['files']:,} small files\n\n{_machine(result)}\n\n{size}: {rate}, {peak}.\n"


def _large(result: Mapping[str, Any]) -> str:
    stored, held = (result[f"{name}_bytes"] / MIB for name in ("compressed", "decompressed"))
    sizes = f"{stored:,.0f} MiB, {held:,.0f} MiB decompressed"
    speed = f"{result['wall_s']:.2f} s, {result['mb_per_second']} MB/s decompressed"
    peak = f"**peak memory {result['peak_memory_bytes'] / MIB:.0f} MiB** with a budget of 512 MiB"
    return f"## One gzip file\n\n{_machine(result)}\n\n{sizes}: {speed}, {peak}.\n"


def _machine(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"{machine['date']}, {machine['cores']} cores of {machine['processor']}, Python {machine['python']}."
    )
