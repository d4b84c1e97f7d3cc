"""The results of `make bench-tables` as docs/benchmarks/tables.md, from the JSON files beside that page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MIB = 2**20


def keep(name: str, result: Mapping[str, Any], folder: Path) -> None:
    """Keeps a result, and writes the page anew from what has been measured so far."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    sections = ["# Tables, measured\n\nWritten by `make bench-tables`; README.md says what is compared.\n"]
    for part, section in (("skipping", _skipping), ("upsert", _upsert), ("large-tables", _large)):
        path = folder / f"{part}.json"
        if path.exists():
            sections.append(section(json.loads(path.read_text(encoding="utf-8"))))
    (folder / "tables.md").write_text("\n".join(sections), encoding="utf-8")


def _skipping(result: Mapping[str, Any]) -> str:
    head = "| table | partitions | files | size | built in | compacted |\n|---|---:|---:|---:|---:|---|"
    rows = [
        f"| {name} | {one['partitions']:,} | {one['files']:,} | {one['bytes'] / MIB:,.0f} MiB "
        f"| {one['seconds']:,.0f} s | {'yes' if one['compacted'] else 'no'} |"
        for name, one in result["tables"].items()
    ]
    title = f"## What a query reads: {result['rows']:,} rows\n\n{_machine(result)}\n"
    cases = [_case(one, result["tables"][one["table"]]["bytes"]) for one in result["cases"]]
    return "\n".join([title, head, *rows, "", *cases])


def _case(case: Mapping[str, Any], size: int) -> str:
    matching = case["matching_bytes"]
    title = (
        f"### {case['question'].capitalize()}: {case['table']}\n\n"
        f"Row groups with matches: {matching / MIB:,.2f} MiB of {size / MIB:,.0f} MiB.\n"
    )
    head = (
        "| | data sent | of the table | of those row groups | data files | log sent | requests "
        "| time, object store | time, local |\n|---|" + "---:|" * 8
    )
    rows = [_engine(name, one, matching, size) for name, one in case["engines"].items()]
    return "\n".join([title, head, *rows, ""])


def _engine(name: str, one: Mapping[str, Any], matching: int, size: int) -> str:
    if "error" in one:
        return f"| {name} | cannot: {one['error']} |" + " |" * 7
    shares = f"{100 * one['data'] / size:.2f} % | {_ratio(one['data'], matching)}"
    rest = f"{one['files']} | {one['log'] / MIB:.2f} MiB | {one['requests']}"
    return (
        f"| {name} | {one['data'] / MIB:,.2f} MiB | {shares} | {rest} "
        f"| {_seconds(one['s3_s'])} | {_seconds(one['local_s'])} |"
    )


def _ratio(sent: int, matching: int) -> str:
    return f"{sent / matching:.2f}" if matching else "-"


def _seconds(value: float | str) -> str:
    return f"{value:.3f} s" if isinstance(value, float) else f"cannot: {value}"


def _upsert(result: Mapping[str, Any]) -> str:
    title = f"## Upsert: {result['changed']:,} rows into {result['rows']:,}\n\n{_machine(result)}\n"
    head = "| | wall | CPU | peak memory |\n|---|---:|---:|---:|"
    rows = [
        f"| {name} | {one['wall_s']:.2f} s | {one['cpu_s']:.2f} s "
        f"| {one['peak_memory_bytes'] / MIB:,.0f} MiB |"
        for name, one in result["contestants"].items()
    ]
    steps = [
        f"- {name}: " + ", ".join(f"{step} {seconds:.2f} s" for step, seconds in one["steps"].items())
        for name, one in result["contestants"].items()
    ]
    ratios = [f"- {name}: {ratio:.2f}" for name, ratio in result["ratios"].items()]
    return "\n".join([title, head, *rows, "", *steps, *ratios, ""])


def _large(result: Mapping[str, Any]) -> str:
    sections = [f"## Large tables\n\n{_machine(result)}\n"]
    for part in result["parts"]:
        head = f"{part['title']}:\n\n| | time | peak memory |\n|---|---:|---:|"
        rows = [
            f"| {name} | {one['seconds']:.3f} s | {one['peak_memory_bytes'] / MIB:,.0f} MiB |"
            if "seconds" in one
            else f"| {name} | cannot: {one['error']} | |"
            for name, one in part["measured"].items()
        ]
        sections += [head, *rows, ""]
    return "\n".join(sections)


def _machine(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"{machine['date']}, {machine['cores']} cores of {machine['processor']}, Python {machine['python']}."
    )
