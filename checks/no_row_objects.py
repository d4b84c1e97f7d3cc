"""Refuses Python objects per row on the data path: run as `python -m checks.no_row_objects [FOLDER…]`.

A million events must not become a million Python objects. The calls that make them (`to_pylist`,
`iter_rows`, `json.loads` …) are refused in the folders that data flows through, except on a line
that says why it may stay:

    names = log.column("path").to_pylist()  # row objects allowed: one value a file, not a row

The comment speaks for its whole statement, and may also stand alone on the line above. The check reads
names, not types, so a method of ours must not bear one of these names.
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
        Finding(path, statement.lineno if isinstance(node, ast.stmt) else node.end_lineno or 0, name)
        for node, statement in _walk(tree)
        if (name := _refused_name(node, modules)) and not _is_excused(lines, statement)
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


def _walk(node: ast.AST, statement: ast.stmt | None = None) -> Iterator[tuple[ast.expr | ast.stmt, ast.stmt]]:
    """Every expression and statement below `node`, with the innermost statement that it belongs to."""
    for child in ast.iter_child_nodes(node):
        own = child if isinstance(child, ast.stmt) else statement
        if own is not None and isinstance(child, ast.expr | ast.stmt):
            yield child, own
        yield from _walk(child, own)


def _refused_name(node: ast.expr | ast.stmt, modules: dict[str, str]) -> str | None:
    """The refused name that `node` itself bears."""
    match node:
        case ast.Attribute(value=owner, attr=name) if ast.unparse(owner) in modules and name in DECODERS:
            return f"{modules[ast.unparse(owner)]}.{name}"
        case ast.Attribute(attr=name) if name in METHODS:
            return name
        case ast.Call(func=ast.Attribute(attr=name)) if name in CALLS:
            return name
        case ast.ImportFrom(module=str(module)) if module in PARSERS:
            return next((f"{module}.{one.name}" for one in node.names if one.name in DECODERS), None)
    return None


def _is_excused(lines: Sequence[str], statement: ast.stmt) -> bool:
    """Whether the reason stands on a line of the statement itself, or alone on the line above."""
    inner = [
        node.lineno for node in ast.walk(statement) if isinstance(node, ast.stmt) and node is not statement
    ]
    last = min(inner) - 1 if inner else statement.end_lineno or statement.lineno
    above = lines[statement.lineno - 2].strip() if statement.lineno > 1 else ""
    own = lines[statement.lineno - 1 : max(last, statement.lineno)]
    return any(ALLOWED.search(line) for line in own) or bool(ALLOWED.match(above))


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
