"""The rows of typed files under a contract."""

from __future__ import annotations

import pyarrow as pa

from config.pipeline import Contract
from transforms.decode.decoder import ON_UNKNOWN, Decoded
from transforms.decode.shape import shape_of
from transforms.decode.typed.assembly import Assembly, Terms
from transforms.decode.typed.rescue import rescued


class TypedDecoder:
    """Decodes batches under one contract; safe to use from several threads at once."""

    def __init__(self, contract: Contract, max_nesting: int) -> None:
        self._shape = shape_of(contract.columns)
        on_unknown = ON_UNKNOWN[contract.on_new_column]
        self._terms = Terms(contract.on_mismatch == "rescue", on_unknown, max_nesting)

    def decode(self, batch: pa.RecordBatch) -> Decoded:
        """A slot for each row of `batch`, which was validated in full.

        Columns that have the contract's types are handed on in their own memory.
        """
        assembly = Assembly(self._shape, self._terms, batch.num_rows)
        columns = assembly.record(batch.schema.names, batch.columns)
        verdicts, nodes = assembly.verdicts()
        return Decoded(columns, verdicts, nodes, rescued(assembly.unknown + assembly.kept, batch.num_rows))
