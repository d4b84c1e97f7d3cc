"""What the fuzz run tries: each target is a strategy, and a check that raises where something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.pipelines.landed_formats import COMPRESSED, FORMATS, LandedFormat, records_of
from tests.pipelines.mutations import mutated
from tests.pipelines.test_every_value import check_survival
from tests.pipelines.test_mutated_files import check_mutated
from tests.transforms.near_json import near_documents
from tests.transforms.test_decoder_properties import (
    mutations,
    test_conform_any_bytes_conserves_records,
    test_conform_never_reads_beyond_the_padding,
)
from tests.transforms.test_json_conformance import check as check_grammar


@dataclass(frozen=True)
class Target:
    """`examples` are what one round tries: some seconds of work."""

    strategy: st.SearchStrategy[Any]
    check: Callable[[Any], object]
    examples: int


def _survival(landed: LandedFormat, compression: str) -> Target:
    return Target(records_of(landed.kinds), lambda records: check_survival(landed, compression, records), 50)


def _mutation(landed: LandedFormat, compression: str) -> Target:
    files = records_of(landed.kinds).map(landed.write).map(COMPRESSED[compression])
    return Target(files.flatmap(mutated), lambda data: check_mutated(landed, compression, data), 100)


def _whole_jobs() -> dict[str, Target]:
    return {
        f"{name}{landed.suffix}{compression}": make(landed, compression)
        for landed in FORMATS
        for compression in COMPRESSED
        for name, make in (("values", _survival), ("mutated", _mutation))
    }


def _checked(test: Any) -> Callable[[Any], object]:
    """The check inside a property test."""
    inner: Callable[[Any], object] = test.hypothesis.inner_test
    return inner


TARGETS: dict[str, Target] = {
    "grammar": Target(near_documents(), check_grammar, 1500),
    "records": Target(mutations(), _checked(test_conform_any_bytes_conserves_records), 800),
    "bounds": Target(mutations(), _checked(test_conform_never_reads_beyond_the_padding), 800),
    **_whole_jobs(),
}
