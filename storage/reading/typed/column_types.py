"""Which Arrow types leave the child as they are, which in another form, and which not at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from storage.reading.typed.failure import UnreadableError

_PLAIN = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The same columns without views: a piece of them would drag the bytes of all rows along.

    Raises:
        UnreadableError: A column holds list views, which pyarrow cannot turn into lists, or the times of a
            zone that is not known.
        UnicodeDecodeError: A name is no UTF-8.
    """
    _check(schema)
    return pa.schema([_plain_field(field) for field in schema], schema.metadata)


def _check(fields: Iterable[Any]) -> None:
    """Looks at each name, which pyarrow decodes no earlier, and at each time zone."""
    for field in fields:
        _, kind = field.name, field.type
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            _check_zone(kind.tz)
        if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
            raise UnreadableError("unsupported_schema", f"a column of {kind}")
        _check(_inner_fields(kind))


def _check_zone(name: str) -> None:
    try:
        pa.lib.string_to_tzinfo(name)
    except (LookupError, ValueError) as error:
        raise UnreadableError("unsupported_schema", f"the time zone {name!r}") from error


def _inner_fields(kind: Any) -> list[Any]:
    if pa.types.is_dictionary(kind):
        return [pa.field("", kind.value_type)]
    if isinstance(kind, pa.BaseExtensionType):
        return [pa.field("", kind.storage_type)]
    if pa.types.is_run_end_encoded(kind):
        return [pa.field("", kind.value_type)]
    return [kind.field(number) for number in range(kind.num_fields)]


def _plain_field(field: Any) -> Any:
    return field.with_type(_plain(field.type))


def _plain(kind: Any) -> Any:
    if pa.types.is_struct(kind):
        return pa.struct([_plain_field(field) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(_plain_field(kind.value_field))
    if pa.types.is_large_list(kind):
        return pa.large_list(_plain_field(kind.value_field))
    return _PLAIN.get(kind, kind)
