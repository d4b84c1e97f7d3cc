"""Pipeline files: YAML to `Pipeline` and back, and where they are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from config.consistency import added_columns, check_table
from config.errors import SpecError, did_you_mean
from config.findings import Finding, to_problem
from config.pipeline import Contract, Pipeline
from config.settings import Settings
from config.spec_problems import list_findings
from config.table import Table
from config.yaml_read import Document, YamlSyntaxError, read_yaml
from config.yaml_write import Inline, write_yaml

SUFFIXES: Final = (".yaml", ".yml")
# No pipeline file comes near; a data file that was given by mistake does.
_LARGEST_FILE_BYTES: Final = 2**20
_LONGEST_INLINE: Final = 72


def load_pipeline(name_or_path: str | Path, settings: Settings | None = None) -> Pipeline:
    """The pipeline of a YAML file, or of the file with that name in the pipelines folder.

    Args:
        name_or_path: As in `find_pipeline`.
        settings: Tells the pipelines folder; the environment's unless given.

    Raises:
        SpecError: There is no such file, or it is wrong; `problems` tells everything that is wrong with it.
    """
    path = find_pipeline(name_or_path, settings or Settings.from_environment())
    return parse_pipeline(_read(path), file=str(path))


def parse_pipeline(text: str, *, file: str) -> Pipeline:
    """The pipeline that the YAML `text` describes; `file` stands in the messages.

    Raises:
        SpecError: `text` is no YAML, or no pipeline.
    """
    try:
        document = read_yaml(text)
    except YamlSyntaxError as error:
        line, column = error.position
        raise SpecError.of([to_problem((), error, f"{file}:{line}:{column}")], file=file) from error
    try:
        pipeline = Pipeline.model_validate(document.value)
    except ValidationError as error:
        findings = [*document.findings, *list_findings(error), *_disagreements(document.value)]
        raise _spec_error(findings, document, file) from error
    if document.findings:
        raise _spec_error(document.findings, document, file)
    return pipeline


def dump_pipeline(pipeline: Pipeline) -> str:
    """YAML text that loads back equal to `pipeline`; what was left to its default is left out."""
    spec = pipeline.model_dump(by_alias=True, exclude_unset=True)
    if columns := spec.get("contract", {}).get("columns"):
        spec["contract"]["columns"] = {name: _short_inline(kind) for name, kind in columns.items()}
    for step in spec.get("transforms", ()):
        step.update({name: _short_inline(one) for name, one in step.items()})
    return write_yaml(spec)


def find_pipeline(name_or_path: str | Path, settings: Settings) -> Path:
    """The file of a pipeline.

    Args:
        name_or_path: A path (it ends in .yaml or .yml, has a folder in it, or is there), else a name:
            NAME.yaml or NAME.yml in the pipelines folder.
        settings: Tells the pipelines folder.

    Raises:
        SpecError: No file has that name. A path is returned whether it is there or not.
    """
    path = Path(name_or_path)
    if path.suffix in SUFFIXES or "/" in str(name_or_path) or path.is_file():
        return path
    files = list_pipelines(settings)
    for file in files:
        if file.stem == path.name:
            return file
    names = [file.stem for file in files]
    raise SpecError(
        "no such pipeline",
        where=settings.pipelines,
        got=repr(str(path)),
        expected=f"one of {', '.join(names)}" if names else "a YAML file, or the name of one in that folder",
        next_step=did_you_mean(path.name, names) or "set PENSTOCK_PIPELINES, or write one: penstock init URI",
    )


def list_pipelines(settings: Settings) -> list[Path]:
    """The pipeline files of the pipelines folder by name; none where there is no such folder."""
    folder = settings.pipelines
    return sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES) if folder.is_dir() else []


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise SpecError(
            "a pipeline file that cannot be read",
            where=path,
            got=error.strerror or str(error),
            expected="a YAML file",
            next_step="check the path; penstock init URI writes a pipeline file",
        ) from error
    if len(data) > _LARGEST_FILE_BYTES:
        raise SpecError("too large for a pipeline file", where=path, expected="at most 1 MiB of YAML")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(
            "a pipeline file that is not UTF-8",
            where=f"{path}:{line}",
            got=f"byte 0x{data[error.start]:02x} at offset {error.start}",
            expected="text encoded as UTF-8",
        ) from error


def _spec_error(findings: Sequence[Finding], document: Document, file: str) -> SpecError:
    problems = []
    for path, error in sorted(findings, key=lambda finding: document.position(finding[0])):
        line, column = document.position(path)
        problems.append(to_problem(path, error, f"{file}:{line}:{column}"))
    return SpecError.of(list(dict.fromkeys(problems)), file=file)


def _disagreements(spec: object) -> list[Finding]:
    """What table and contract disagree on, looked at although another part of `spec` is wrong."""
    if not isinstance(spec, Mapping):
        return []
    if isinstance(spec.get("source"), Mapping) and "table" in spec["source"]:
        return []  # its columns are not all in the contract
    try:
        contract = Contract.model_validate(spec.get("contract"))
        table = Table.model_validate(spec.get("table")).model_dump()
    except ValidationError:
        return []  # which is already among the findings
    added = added_columns(rescued=contract.rescues, lineage=spec.get("lineage") is True)
    return check_table(contract.columns, table, added=added, transformed=bool(spec.get("transforms")))


def _short_inline(kind: object) -> object:
    """Mappings that are short enough go on one line."""
    if isinstance(kind, Mapping):
        inner = {name: _short_inline(one) for name, one in kind.items()}
        return Inline(inner) if len(repr(inner)) <= _LONGEST_INLINE else inner
    return [_short_inline(one) for one in kind] if isinstance(kind, list) else kind
