"""The table as a page for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tests.contract_table.cases import CASES, Case
from tests.contract_table.foreign import Findings
from tests.contract_table.outcome import SILENT
from tests.contract_table.penstock import Key

ENGINES = ("Polars", "DuckDB", "PyArrow", "Spark")
FAMILIES = {
    "JSON": (("ndjson", "a line"), ("json", "in an array")),
    "CSV": (("csv", ""),),
    "Typed files": (("parquet", "Parquet"), ("ipc", "Arrow IPC"), ("avro", "Avro")),
}
HEAD = """# The contract, case by case

Written by `make contract-table`, and held by a test: what becomes of a value under a column type, in every
format that can express it, here and in other engines that read the same file under the same schema.

Each file holds the case as its second record, between two good ones. A stored value is compared with what was
written, whatever an engine says of it.

| word | means |
|---|---|
| kept | the value is stored as it was written |
| rescued | it has no column, and is kept in `_rescued` |
| refused | the record is set aside with the reason; the records beside it are stored |
| new column | kept in a column or field that the schema does not have |
| taken | stored as it was written, although it does not fit the type, or is no record of the format |
| file refused | an error for the file as a whole: the good records are not stored either |
| **changed** | another value is stored, or one of another kind, as a number for text |
| **null**, **lost** | the value, the field or the record is gone, and nothing tells of it |

Other engines read with their defaults and the schema of the case; those without a JSON type are given text.
For Parquet, Polars and PyArrow cast the columns, DuckDB inserts into a table, Spark reads under the schema.
An engine that is more lenient is not wrong: it answers another question than a contract does.
"""


def page(ours: Mapping[Key, str], others: Mapping[str, Findings]) -> str:
    """The whole page; `ours` and `others` hold the words of each outcome."""
    sections = [_section(name, formats, ours, others) for name, formats in FAMILIES.items()]
    return "\n".join([HEAD, _summary(ours, others), *sections])


def _summary(ours: Mapping[Key, str], others: Mapping[str, Findings]) -> str:
    rows = [_count("Penstock", "", ours.values())]
    rows += [_count(name, found.version, found.outcomes.values()) for name, found in others.items()]
    head = ["", "version", "files", "silently changed or lost", "file refused or crash"]
    return "\n".join([_row(head), "|---|---|---:|---:|---:|", *rows, ""])


def _count(name: str, version: str, outcomes: Iterable[str]) -> str:
    words = Counter(outcome.partition(":")[0] for outcome in outcomes)
    silent, refused = sum(words[word] for word in SILENT), words["file refused"] + words["crash"]
    return f"| {name} | {version} | {words.total()} | {silent} | {refused} |"


def _section(
    family: str,
    formats: Sequence[tuple[str, str]],
    ours: Mapping[Key, str],
    others: Mapping[str, Findings],
) -> str:
    first = formats[0][0]
    names = [f"Penstock{', ' if label else ''}{label}" for _, label in formats]
    engines = [f"{name}, Parquet" if first == "parquet" else name for name in others]
    head = ["column", "what is special", "written", *names, *engines]
    lines = [f"## {family}\n", _row(head), _row(["---"] * len(head))]
    for number, case in enumerate(CASES):
        if (number, first) not in ours:
            continue
        mine = [_bold(ours.get((number, name), "–")) for name, _ in formats]
        theirs = [_bold(found.outcomes[f"{number:02d}-{first}"]) for found in others.values()]
        lines.append(_row([_type(case), case.title, _written(case, first), *mine, *theirs]))
    return "\n".join([*lines, ""])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _bold(outcome: str) -> str:
    word, _, detail = outcome.partition(": ")
    text = f"{word} {_code(detail)}" if detail else word
    return f"**{word}**{text.removeprefix(word)}" if word in SILENT else text


def _type(case: Case) -> str:
    if case.type is None:
        return "none"
    return _code(case.type if isinstance(case.type, str) else json.dumps(case.type).replace('"', ""))


def _written(case: Case, name: str) -> str:
    if name == "csv":
        return _code(case.cell or " ")
    if name in ("ndjson", "json"):
        return _code(ascii(case.record)[2:-1] if case.record else case.json or "")
    assert case.arrow is not None
    return f"{_code(str(case.arrow[1]))} as {case.arrow[0]}"


def _code(text: str) -> str:
    shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    return "`" + shown.replace("|", "\\|") + "`"
