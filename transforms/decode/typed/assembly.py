"""Walks a contract over the columns of a batch: builds its arrays, and settles what does not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.decode.arrow import arrow_type, lists, structs
from transforms.decode.kernel.codes import (
    ACCEPTED,
    DUPLICATE_KEY,
    LIST,
    MISSING_REQUIRED,
    REFUSE_FIELD,
    RESCUE_FIELD,
    STRUCT,
    TOO_DEEP,
    UNKNOWN_FIELD,
)
from transforms.decode.shape import Shape
from transforms.decode.typed.fitted import Fitted, Mask, Verdicts, mismatched
from transforms.decode.typed.plain import Slots, elements_of, fields_of, is_list, plain, valid_slots
from transforms.decode.typed.rescue import Rescues, rescues
from transforms.decode.typed.rules import fitted
from transforms.decode.typed.spaces import Space, paths


@dataclass(frozen=True)
class Terms:
    """What a contract says of values that do not fit it."""

    keeps_mismatches: bool
    on_unknown: int
    max_nesting: int


@dataclass
class Assembly:
    """The arrays of one batch, from the bottom up.

    whole: refusals of a record as such, which go before those of its values, as in text.
    values: refusals for a value, in the order of the contract, those of parts before their struct or list.
    """

    shape: Shape
    terms: Terms
    records: int
    whole: list[tuple[int, Slots, Verdicts]] = field(default_factory=list)
    values: list[tuple[int, Slots, Verdicts]] = field(default_factory=list)
    unknown: list[Rescues] = field(default_factory=list)
    kept: list[Rescues] = field(default_factory=list)

    def record(self, names: Sequence[str], columns: Sequence[pa.Array]) -> pa.Array:
        """The columns of the contract, as a struct without nulls."""
        space = Space(self.records)
        valid = np.ones(self.records, np.bool_)
        return self._struct(0, names, columns, space, valid)

    def verdicts(self) -> tuple[Verdicts, NDArray[np.int32]]:
        """(why each record is refused, the node that this is about); of several reasons, the first."""
        verdicts, nodes = np.zeros(self.records, np.uint8), np.zeros(self.records, np.int32)
        for node, records, why in self.whole + self.values:
            fresh = verdicts[records] == ACCEPTED
            chosen, first = np.unique(records[fresh], return_index=True)
            verdicts[chosen], nodes[chosen] = why[fresh][first], node
        return verdicts, nodes

    def _struct(
        self, node: int, names: Sequence[str], columns: Sequence[pa.Array], space: Space, valid: Mask
    ) -> pa.Array:
        if max(Counter(names).values(), default=0) > 1:
            self._refuse_whole(node, space, valid, DUPLICATE_KEY)
        found = dict(zip(names, columns, strict=True))
        below = [
            self._array(child, found.pop(self.shape.columns[child].name, None), space, valid)
            for child in self.shape.children(node)
        ]
        for name, column in found.items():
            self._settle_unknown(node, name, column, space)
        return structs([column.name for column in self.shape.columns_of(node)], below, valid)

    def _array(self, node: int, array: pa.Array | None, space: Space, present: Mask) -> pa.Array:
        """The values of a node; `present` says where the struct or list is there that they are in."""
        column = self.shape.columns[node]
        if array is None:
            array = pa.nulls(space.size)
        result = self._fitted(node, array, space)
        verdicts = result.verdicts
        if column.required:
            verdicts = _with_missing(result, present)
        if verdicts is not None:
            self._settle(node, verdicts, array, space)
        return result.array

    def _fitted(self, node: int, array: pa.Array, space: Space) -> Fitted:
        kind = self.shape.kind[node]
        if kind not in (STRUCT, LIST):
            return self._leaf(node, array, space)
        bare = plain(array)
        known = valid_slots(bare)
        valid = np.ones(len(bare), np.bool_) if known is None else known
        if kind == STRUCT and pa.types.is_struct(bare.type):
            names = [one.name for one in bare.type]
            return Fitted(self._struct(node, names, fields_of(bare), space, valid))
        if kind == LIST and is_list(bare.type):
            counts, elements = elements_of(bare)
            within = space.below(counts)
            child = self._array(int(self.shape.first[node]), elements, within, np.ones(within.size, np.bool_))
            return Fitted(lists(counts, child, valid))
        if pa.types.is_null(bare.type):
            return Fitted(pa.nulls(len(bare), arrow_type(self.shape.columns[node].type)))
        self._check_depth(array, space)
        return mismatched(self.shape.columns[node].type, bare)

    def _leaf(self, node: int, array: pa.Array, space: Space) -> Fitted:
        self._check_depth(array, space)
        result = fitted(self.shape.columns[node].type, array, self.terms.max_nesting)
        if result.verdicts is not None and (deep := result.verdicts == TOO_DEEP).any():
            self._refuse_whole(0, space, deep, TOO_DEEP)
        return result

    def _check_depth(self, array: pa.Array, space: Space) -> None:
        """Refuses values of a type with more levels than a value of text may have brackets open."""
        if depth(array.type) > self.terms.max_nesting:
            known = valid_slots(plain(array))
            everywhere = np.ones(len(array), np.bool_)
            self._refuse_whole(0, space, everywhere if known is None else known, TOO_DEEP)

    def _refuse_whole(self, node: int, space: Space, mask: Mask, verdict: int) -> None:
        slots = np.flatnonzero(mask)
        self.whole.append((node, space.records(slots), np.full(len(slots), verdict, np.uint8)))

    def _settle(self, node: int, verdicts: Verdicts, array: pa.Array, space: Space) -> None:
        slots = np.flatnonzero(verdicts)
        records = space.records(slots)
        if self.terms.keeps_mismatches and not self.shape.columns[node].required:
            path = paths(self.shape, node, space, slots)
            self.kept.append(rescues(records, path, array, slots))
        else:
            self.values.append((node, records, verdicts[slots]))

    def _settle_unknown(self, node: int, name: str, array: pa.Array, space: Space) -> None:
        """A column or field without a place; null is no value of it, for every row of the file has it."""
        self._check_depth(array, space)
        known = valid_slots(plain(array))
        slots = np.arange(len(array)) if known is None else np.flatnonzero(known)
        if len(slots) == 0 or pa.types.is_null(plain(array).type):
            return
        records = space.records(slots)
        if self.terms.on_unknown == REFUSE_FIELD:
            self.whole.append((node, records, np.full(len(slots), UNKNOWN_FIELD, np.uint8)))
        elif self.terms.on_unknown == RESCUE_FIELD:
            path = paths(self.shape, node, space, slots, name)
            self.unknown.append(rescues(records, path, array, slots))


def depth(kind: pa.DataType) -> int:
    """How many brackets a value of this type has open at most."""
    if isinstance(kind, pa.BaseExtensionType):
        return depth(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return depth(kind.value_type)
    here = int(pa.types.is_struct(kind) or is_list(kind))
    return here + max((depth(kind.field(i).type) for i in range(kind.num_fields)), default=0)


def _with_missing(result: Fitted, present: Mask) -> Verdicts | None:
    """The verdicts, and MISSING_REQUIRED where there is no value and no refusal in a place that is there."""
    valid = valid_slots(result.array)
    if valid is None:
        return result.verdicts
    refused = np.zeros(len(valid), np.uint8) if result.verdicts is None else result.verdicts
    missing = ~valid & present & (refused == ACCEPTED)
    return np.where(missing, np.uint8(MISSING_REQUIRED), refused) if missing.any() else result.verdicts
