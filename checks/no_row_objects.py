"""Refuses Python objects per row on the data path: run as `python -m checks.no_row_objects [FOLDER…]`.

A million events must not become a million Python objects. The calls that make them (`to_pylist`,
`iter_rows`, `json.loads` …) are refused in the folders that data flows through, except on a line
that says why it may stay:

    names = log.column("path").to_pylist()  # row objects allowed: one value a file, not a row

The comment may also stand alone on the line above. It is text over syntax trees: it knows names, not
types, so a method of ours must not bear one of these names.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("transforms", "storage", "pipelines")

METHODS = frozenset(
    {
        "as_py",
        "iter_rows",
        "iterrows",
        "itertuples",
        "map_elements",
        "map_rows",
        "rows_by_key",
        "to_dicts",
        "to_list",
        "to_pandas",
        "to_pylist",
        "tolist",
    }
)
"""Methods of frames, arrays and tables that give one Python object a row, or call Python once a row."""

CALLS = frozenset({"row", "rows"})
"""The like, but refused only where they are called: as attributes these are good names for counts."""

PARSERS = frozenset({"json", "msgspec", "msgspec.json", "orjson", "rapidjson", "simdjson", "ujson"})
"""Modules whose decoders give a Python object for each document."""

DECODERS = frozenset({"Decoder", "JSONDecoder", "decode", "load", "loads"})

ALLOWED = re.compile(r"#\s*row objects allowed:\s*\S")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One refused call or import."""

    path: Path
    line: int
    name: str

    def __str__(self) -> str:
        """The finding as one line that editors can jump to."""
        return f"{self.path}:{self.line}: {self.name} makes Python objects of rows"


def find_row_objects(path: Path) -> list[Finding]:
    """The findings of one Python file, in order of lines."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source, filename=str(path))
    lines = source.splitlines()
    modules = _parser_aliases(tree)
    return sorted(
        Finding(path, node.lineno, name)
        for node, name in _suspects(tree, modules)
        if not _is_allowed(lines, node.lineno, node.end_lineno or node.lineno)
    )


def _parser_aliases(tree: ast.Module) -> dict[str, str]:
    """Local name -> module, for each parser that the file imports."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name in PARSERS
    }


def _suspects(tree: ast.Module, modules: dict[str, str]) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Every expression or import that bears a refused name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = modules.get(ast.unparse(node.value))
            if owner and node.attr in DECODERS:
                yield node, f"{owner}.{node.attr}"
            elif node.attr in METHODS:
                yield node, node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            yield node, node.func.attr
        elif isinstance(node, ast.ImportFrom) and node.module in PARSERS:
            yield from ((node, f"{node.module}.{name.name}") for name in node.names if name.name in DECODERS)


def _is_allowed(lines: Sequence[str], first: int, last: int) -> bool:
    """Whether the excuse stands on a line of the node (1-based, inclusive), or alone on the line above."""
    above = lines[first - 2].strip() if first > 1 else ""
    return any(ALLOWED.search(line) for line in lines[first - 1 : last]) or bool(ALLOWED.match(above))


def main(folders: Sequence[str]) -> int:
    """Prints the findings under the folders (by default the data path's); 1 if there are any, else 0."""
    files = sorted(path for folder in folders or FOLDERS for path in Path(folder).rglob("*.py"))
    findings = [finding for path in files for finding in find_row_objects(path)]
    for finding in findings:
        print(finding)
    if findings:
        print("Stay in Arrow or Polars, or say why not in a comment: # row objects allowed: <reason>")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
