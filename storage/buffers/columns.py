"""The buffers of one Arrow array, and of what is inside of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage.buffers.sizes import BufferMemory, ColumnMemory, Kind
from storage.buffers.spans import Seen

_VIEW_BYTES: Final = 16
_INLINE_BYTES: Final = 12
_VIEWS_AT_ONCE: Final = 2**20
"""What is computed of them takes a few times their size."""
_NOWHERE: Final = 2**62
_VIEW: Final = np.dtype([("size", "<i4"), ("prefix", "<i4"), ("buffer", "<i4"), ("offset", "<i4")])

_Piece = tuple[Kind, Any, float, float]
"""A buffer, and from which to before which byte the rows look at it; half bytes are whole ones."""
_Child = tuple[str, Any]


def column_of(name: str, array: Any, seen: Seen, *, lasting: bool = False) -> ColumnMemory:
    """What `array` takes beyond what has been `seen`, which is added to.

    Offsets that lead out of a buffer, as those of a damaged file may, count up to its end.

    Args:
        name: Of the column.
        array: Its values.
        seen: What was counted before.
        lasting: Whether it is inside of a dictionary, which may outlive the column.
    """
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return column_of(name, array.storage, seen, lasting=lasting)
    pieces, children = _shape(kind)(array)
    buffers: dict[Kind, BufferMemory] = {}
    for what, buffer, start, end in pieces:
        found = _counted(what, buffer, (int(start), -int(-end // 1)), seen, lasting)
        buffers[what] = buffers[what] + found if what in buffers else found
    lasting = lasting or pa.types.is_dictionary(kind)
    inner = tuple(column_of(inside, child, seen, lasting=lasting) for inside, child in children)
    return ColumnMemory(name, str(kind), len(array), array.null_count, tuple(buffers.values()), inner)


def _counted(what: Kind, buffer: Any, span: tuple[int, int], seen: Seen, lasting: bool) -> BufferMemory:
    if buffer is None:
        return BufferMemory(what, 0, 0, 0)
    used, held = seen.add(buffer.address, buffer.size, *span, lasting=lasting)
    return BufferMemory(what, 1, used, held)


_Shape = Callable[[Any], tuple[list[_Piece], list[_Child]]]


def _shape(kind: Any) -> _Shape:
    for fits, shape in _SHAPES:
        if fits(kind):
            return shape
    return _fixed


def _validity(array: Any) -> _Piece:
    return "validity", array.buffers()[0], array.offset / 8, (array.offset + len(array)) / 8


def _slots(what: Kind, array: Any, position: int, width: float, more: int = 0) -> _Piece:
    """A buffer with `width` bytes for each row, and `more` such slots at the end."""
    end = (array.offset + len(array) + more) * width
    return what, array.buffers()[position], array.offset * width, end


def _null(_array: Any) -> tuple[list[_Piece], list[_Child]]:
    return [], []


def _fixed(array: Any) -> tuple[list[_Piece], list[_Child]]:
    return [_validity(array), _slots("values", array, 1, array.type.bit_width / 8)], []


def _text(array: Any) -> tuple[list[_Piece], list[_Child]]:
    width = 8 if _is_large(array.type) else 4
    first, last = _ends(array, width)
    pieces = [_validity(array), _slots("offsets", array, 1, width, more=1)]
    return [*pieces, ("data", array.buffers()[2], first, last)], []


def _list(array: Any) -> tuple[list[_Piece], list[_Child]]:
    width = 8 if _is_large(array.type) else 4
    first, last = _ends(array, width)
    child = _part(array.values, first, last)
    return [_validity(array), _slots("offsets", array, 1, width, more=1)], [(_item(array.type), child)]


def _list_view(array: Any) -> tuple[list[_Piece], list[_Child]]:
    """Of the items those between the first and the last that a row looks at."""
    width = 8 if pa.types.is_large_list_view(array.type) else 4
    starts, sizes = (_numbers(array, position, f"<i{width}").astype(np.int64) for position in (1, 2))
    some = sizes > 0
    first = int(starts[some].min()) if some.any() else 0
    last = int((starts + sizes)[some].max()) if some.any() else 0
    pieces = [_validity(array), _slots("offsets", array, 1, width), _slots("sizes", array, 2, width)]
    return pieces, [(_item(array.type), _part(array.values, first, last))]


def _fixed_list(array: Any) -> tuple[list[_Piece], list[_Child]]:
    size = array.type.list_size
    child = _part(array.values, array.offset * size, (array.offset + len(array)) * size)
    return [_validity(array)], [(_item(array.type), child)]


def _struct(array: Any) -> tuple[list[_Piece], list[_Child]]:
    kind = array.type
    return [_validity(array)], [(kind.field(i).name, array.field(i)) for i in range(kind.num_fields)]


def _sparse_union(array: Any) -> tuple[list[_Piece], list[_Child]]:
    return [_slots("type ids", array, 1, 1)], _struct(array)[1]


def _dense_union(array: Any) -> tuple[list[_Piece], list[_Child]]:
    ids, starts = _numbers(array, 1, "i1"), _numbers(array, 2, "<i4")
    children = [
        (name, _part(child, *_range(starts[ids == code])))
        for (name, child), code in zip(_struct(array)[1], array.type.type_codes, strict=True)
    ]
    return [_slots("type ids", array, 1, 1), _slots("offsets", array, 2, 4)], children


def _views(array: Any) -> tuple[list[_Piece], list[_Child]]:
    """Of the longer texts what lies between the first and the last of each buffer."""
    views, buffers = _numbers(array, 1, _VIEW), array.buffers()[2:]
    starts, ends = np.full(len(buffers), _NOWHERE), np.zeros(len(buffers), np.int64)
    for first in range(0, len(views), _VIEWS_AT_ONCE):
        part = views[first : first + _VIEWS_AT_ONCE]
        inside = (part["buffer"] >= 0) & (part["buffer"] < len(buffers))
        long = part[(part["size"] > _INLINE_BYTES) & inside]
        offsets = long["offset"].astype(np.int64)
        np.minimum.at(starts, long["buffer"], offsets)
        np.maximum.at(ends, long["buffer"], offsets + long["size"])
    pieces = [_validity(array), _slots("views", array, 1, _VIEW_BYTES)]
    texts: list[_Piece] = [
        ("variadic", buffer, max(min(int(start), int(end)), 0), int(end))
        for buffer, start, end in zip(buffers, starts, ends, strict=True)
    ]
    return [*pieces, *texts], []


def _dictionary(array: Any) -> tuple[list[_Piece], list[_Child]]:
    pieces = [_validity(array), _slots("indices", array, 1, array.type.index_type.bit_width / 8)]
    return pieces, [("dictionary", array.dictionary)]


def _runs(array: Any) -> tuple[list[_Piece], list[_Child]]:
    first, count = array.find_physical_offset(), array.find_physical_length()
    return [], [
        ("run_ends", array.run_ends.slice(first, count)),
        ("values", array.values.slice(first, count)),
    ]


_SHAPES: Final[tuple[tuple[Callable[[Any], bool], _Shape], ...]] = (
    (pa.types.is_null, _null),
    (lambda kind: pa.types.is_string_view(kind) or pa.types.is_binary_view(kind), _views),
    (lambda kind: str(kind) in ("string", "large_string", "binary", "large_binary"), _text),
    (lambda kind: pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind), _list),
    (lambda kind: pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind), _list_view),
    (pa.types.is_fixed_size_list, _fixed_list),
    (pa.types.is_struct, _struct),
    (lambda kind: pa.types.is_union(kind) and kind.mode == "dense", _dense_union),
    (pa.types.is_union, _sparse_union),
    (pa.types.is_dictionary, _dictionary),
    (pa.types.is_run_end_encoded, _runs),
)


def _is_large(kind: Any) -> bool:
    return bool(
        pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) or pa.types.is_large_list(kind)
    )


def _item(kind: Any) -> str:
    return str(kind.field(0).name)


def _ends(array: Any, width: int) -> tuple[int, int]:
    """The first and the last offset of the rows."""
    found = _numbers(array, 1, f"<i{width}", more=1)
    return (int(found[0]), int(found[-1])) if len(found) else (0, 0)


def _range(positions: NDArray[Any]) -> tuple[int, int]:
    return (int(positions.min()), int(positions.max()) + 1) if len(positions) else (0, 0)


def _part(values: Any, first: int, last: int) -> Any:
    first = min(max(first, 0), len(values))
    return values.slice(first, max(last - first, 0))


def _numbers(array: Any, position: int, dtype: Any, more: int = 0) -> NDArray[Any]:
    """What a buffer holds for the rows, without a copy; and `more` at the end, where there are rows."""
    buffer, width = array.buffers()[position], np.dtype(dtype).itemsize
    count = len(array) + more if len(array) else 0
    if buffer is None or not count or buffer.size < (array.offset + count) * width:
        return np.empty(0, dtype)
    return np.frombuffer(buffer, dtype, count, array.offset * width)
