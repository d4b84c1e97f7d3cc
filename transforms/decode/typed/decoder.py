"""The rows of typed files under a contract."""

from __future__ import annotations

import pyarrow as pa

from config.pipeline import Contract
from transforms.decode.decoder import Decoded


class TypedDecoder:
    """Decodes batches under one contract; safe to use from several threads at once."""

    def __init__(self, contract: Contract, max_nesting: int) -> None:
        self._contract = contract
        self._max_nesting = max_nesting

    def decode(self, batch: pa.RecordBatch) -> Decoded:
        """A slot for each row of `batch`."""
        raise NotImplementedError
