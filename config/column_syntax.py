"""The columns of a contract as plain values (what YAML gives) and back.

    id: int64!                              text is a type, `!` makes it required (`config/type_syntax`)
    actor: {id: int64!, login: string}      a mapping is a struct
    tags: [string]                          one type in brackets: a list; [string!]: no element is null
    actor: {type: {id: int64!}, required: true}
    tags: {type: [string], required: true}  the long form, for a required struct or list
    at: {type: "timestamp[us, UTC]!", epoch: ms, assume_zone: Europe/Berlin}    … or a timestamp's options

A mapping is the long form exactly when it has `type` and at least one of `required`, `epoch` and
`assume_zone`, nothing else, and their values are none that a field of a struct could have: true or false, a
unit, a zone. So a struct may have fields of all these names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, get_args

from config.column_types import Column, EpochUnit, List, Struct, Timestamp
from config.errors import InvalidValueError
from config.findings import Finding, KeyPath
from config.names import check_column_name
from config.time_zones import check_zone, is_zone
from config.type_syntax import format_type, parse_type

# Far above any real contract; it keeps a hostile one from exhausting the stack.
_MAX_LEVELS: Final = 50
_TIMESTAMP_OPTIONS: Final = ("epoch", "assume_zone")


def parse_columns(value: object) -> tuple[tuple[Column, ...], list[Finding]]:
    """The columns in the order of `value`, and everything wrong with them.

    Args:
        value: A mapping of names to types, or `Column`s.

    Returns:
        The columns, to be used only where the list of findings is empty.
    """
    findings: list[Finding] = []
    if isinstance(value, Sequence) and value and all(isinstance(one, Column) for one in value):
        # What Python code built obeys the same rules as what was read.
        findings += _repeated([one.name for one in value])
        findings += [((one.name,), _no_text(one)) for one in value if not _has_text(one)]
        value = format_columns(value)
    if not isinstance(value, Mapping) or not value:
        findings.append(((), _no_columns(value)))
        return (), findings
    return _fields(value, (), findings), findings


def format_columns(columns: Sequence[Column]) -> dict[str, object]:
    """The mapping that `parse_columns` reads back as `columns`."""
    return {column.name: _format(column) for column in columns}


def _fields(value: Mapping[object, object], path: KeyPath, findings: list[Finding]) -> tuple[Column, ...]:
    columns = []
    seen: dict[str, object] = {}
    for name, kind in value.items():
        here = (*path, str(name))
        try:
            check_column_name(name, top_level=not path)
        except InvalidValueError as error:
            findings.append((here, error))
        # https://docs.delta.io/: column names differ in more than case.
        if (first := seen.setdefault(str(name).casefold(), name)) != name:
            findings.append((here, _same_but_for_case(name, first)))
        columns.append(_column(str(name), kind, here, findings))
    return tuple(columns)


def _column(name: str, value: object, path: KeyPath, findings: list[Finding]) -> Column:
    nothing = Column(name, Struct(()))
    if len(path) > _MAX_LEVELS:
        findings.append((path, _too_deep()))
        return nothing
    if isinstance(value, str):
        try:
            return Column(name, *parse_type(value))
        except InvalidValueError as error:
            findings.append((path, error))
            return nothing
    if isinstance(value, Mapping) and _is_long_form(value):
        return _long_form(name, value, path, findings)
    if isinstance(value, Mapping) and value:
        return Column(name, Struct(_fields(value, path, findings)))
    if isinstance(value, Sequence) and not isinstance(value, bytes) and len(value) == 1:
        return Column(name, List(_column("", value[0], (*path, 0), findings)))
    findings.append((path, _no_type(value)))
    return nothing


def _is_long_form(value: Mapping[object, object]) -> bool:
    options = {key: option for key, option in value.items() if key != "type"}
    return "type" in value and bool(options) and all(map(_is_option, options, options.values()))


def _is_option(key: object, value: object) -> bool:
    match key, value:
        case "required", bool():
            return True
        case "epoch", str():
            return value in get_args(EpochUnit)
        case "assume_zone", str():  # with a slash it is meant as one; types have that in brackets only
            return is_zone(value) or ("/" in value and "[" not in value)
        case _:
            return False


def _long_form(name: str, value: Mapping[object, object], path: KeyPath, findings: list[Finding]) -> Column:
    column = _column(name, value["type"], (*path, "type"), findings)
    required = bool(value.get("required", column.required))
    if column.required and not required:
        findings.append(((*path, "required"), _contradiction(value["type"])))
    options = {key: str(value[key]) for key in _TIMESTAMP_OPTIONS if key in value}
    if options and not any(here[: len(path)] == path for here, _ in findings):
        column = _with_options(column, options, path, findings)
    return replace(column, required=required)


def _with_options(column: Column, options: dict[str, str], path: KeyPath, findings: list[Finding]) -> Column:
    if not isinstance(column.type, Timestamp) or column.type.zone is None:
        findings += [((*path, key), _no_moment(key, column)) for key in options]
        return column
    try:
        check_zone(zone := options.get("assume_zone", "UTC"), zone)
    except InvalidValueError as error:
        findings.append(((*path, "assume_zone"), error))
    return replace(column, type=replace(column.type, **options))  # type: ignore[arg-type]  # checked above


def _format(column: Column) -> object:
    match column.type:
        case Struct(fields):
            value: object = format_columns(fields)
        case List(element):
            value = [_format(element)]
        case kind:
            text = format_type(kind) + "!" * column.required
            options = {key: option for key in _TIMESTAMP_OPTIONS if (option := getattr(kind, key, None))}
            return {"type": text, **options} if options else text
    return {"type": value, "required": True} if column.required else value


def _has_text(column: Column) -> bool:
    """Whether the options of a column that Python code built are ones that text can tell."""
    match column.type:
        case Struct(fields):
            return all(map(_has_text, fields))
        case List(element):
            return _has_text(element)
        case Timestamp(_, _, epoch, zone):
            return all(_is_option(*one) for one in (("epoch", epoch), ("assume_zone", zone)) if one[1])
        case _:
            return True


def _repeated(names: Sequence[str]) -> list[Finding]:
    return [
        ((name,), InvalidValueError("a column name that is used twice", got=repr(name)))
        for position, name in enumerate(names)
        if name in names[:position]
    ]


def _no_columns(value: object) -> InvalidValueError:
    return InvalidValueError(
        "a contract needs columns",
        got=_shown(value),
        expected="a mapping of at least one column name to its type, such as {id: int64!, name: string}",
    )


def _no_type(value: object) -> InvalidValueError:
    return InvalidValueError(
        "not a column type",
        got=_shown(value),
        expected="a type such as int64!, a mapping of field names to types (struct), or [type] (list)",
        next_step="write {type: …, required: true}, those two keys alone, for a required struct or list"
        if isinstance(value, bool)
        else None,
    )


def _same_but_for_case(name: object, first: object) -> InvalidValueError:
    return InvalidValueError(
        "column names that differ only in upper and lower case",
        got=f"{name!r} beside {first!r}",
        expected="names that differ in more than case: Delta tables do not tell such names apart",
        next_step=f"leave {name!r} out of the contract, or rename it before it lands",
    )


def _contradiction(value: object) -> InvalidValueError:
    return InvalidValueError(
        "a type that is both required and not",
        got=f"{value!r} with required: false",
        expected="one of the two",
    )


def _no_moment(option: str, column: Column) -> InvalidValueError:
    return InvalidValueError(
        f"{option} is an option of timestamps with a zone",
        got=_shown(_format(replace(column, required=False))),
        expected='a type such as "timestamp[us, UTC]" beside it',
    )


def _no_text(column: Column) -> InvalidValueError:
    return InvalidValueError(
        "an option that no timestamp has",
        got=_shown(column.type),
        expected=f"epoch one of {', '.join(get_args(EpochUnit))}; assume_zone an IANA time zone",
    )


def _too_deep() -> InvalidValueError:
    return InvalidValueError(
        "columns nested too deep",
        expected=f"at most {_MAX_LEVELS} levels",
        next_step="use json for that column",
    )


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
