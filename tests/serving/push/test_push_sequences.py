"""Batches pushed in any order, repeated, broken off, between runs: the rows of each id once in the table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from config.settings import Settings
from serving.catalog import Catalog
from serving.errors import AbandonedError
from serving.push.errors import ConflictError
from serving.push.push import Pushes
from serving.push.request import COMPLETE, PushRequest
from serving.security.client import Client
from tests.serving.push.pushing import PIPELINE, Pushed, rows, taken_in

POINTS = (
    "serving.push.stored.StoredRows.write",
    "serving.push.stored.StoredRows.end",
    "storage.landing.new_local_file.os.fsync",
    "storage.landing.new_local_file.Path.hardlink_to",
    "storage.landing.new_local_file._sync",
)
CLIENT = Client("producer", push=("*",))


class LostError(BaseException):
    """What ends a push; nothing catches it."""


class _Reader:
    """What Flight hands to the server: the record batches, then the mark."""

    def __init__(self, batch: pa.Table, chunk: int) -> None:
        self.schema = batch.schema
        self._chunks = [SimpleNamespace(data=one, app_metadata=None) for one in batch.to_batches(chunk)]
        self._chunks.append(SimpleNamespace(data=None, app_metadata=pa.py_buffer(COMPLETE)))

    def read_chunk(self) -> Any:
        if not self._chunks:
            raise StopIteration
        return self._chunks.pop(0)


@dataclass(frozen=True)
class _Caller:
    gone: bool

    def is_cancelled(self) -> bool:
        return self.gone

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"


@contextmanager
def _broken(point: str | None) -> Iterator[None]:
    if point is None:
        yield
        return
    with patch(point, side_effect=LostError), suppress(LostError):
        yield


IDS = st.integers(0, 4)
STEPS = st.one_of(
    st.tuples(st.just("push"), IDS, st.integers(1, 9), st.sampled_from((None, *POINTS))),
    st.tuples(st.just("leave"), IDS, st.integers(1, 9), st.none()),
    st.tuples(st.just("other"), IDS, st.integers(1, 9), st.none()),
    st.tuples(st.just("run"), st.none(), st.none(), st.none()),
)


def _check(steps: list[Any]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "landing").mkdir()
        (folder / "events.yaml").write_text(PIPELINE.format(zone=folder, contract=""))
        pushes, pushed, seen = (
            Pushes(Catalog(Settings(pipelines=folder))),
            Pushed(folder, name, "", ""),
            set(),
        )

        def push(number: int, chunk: int, *, is_gone: bool = False, more: int = 0) -> None:
            request = PushRequest("events", f"batch-{number}", says_complete=True)
            batch = rows(number * 10, number * 10 + 5 + more)
            receipt = pushes.take(request, CLIENT, _Reader(batch, chunk), _Caller(is_gone))
            assert number not in seen or receipt.duplicate
            seen.add(number)

        for kind, number, chunk, point in steps:
            match kind:
                case "push":
                    with _broken(point):
                        push(number, chunk)
                case "leave":
                    with pytest.raises(AbandonedError):
                        push(number, chunk, is_gone=True)
                case "other" if number in seen:
                    with pytest.raises(ConflictError):
                        push(number, chunk, more=1)
                case "run" if seen:
                    taken_in(pushed)
        for number in range(5):
            push(number, 3)
        assert taken_in(pushed) == [number * 10 + one for number in range(5) for one in range(5)]


@given(st.lists(STEPS, max_size=12))
@settings(max_examples=3)
def test_push_in_any_order_with_repetitions_stores_each_id_once(steps: list[Any]) -> None:
    _check(steps)


@pytest.mark.long
@given(st.lists(STEPS, max_size=30))
@settings(max_examples=100)
def test_push_in_any_longer_order_stores_each_id_once(steps: list[Any]) -> None:
    _check(steps)
