"""What the fuzz run tries: each target is a strategy, and a check that raises where something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.asking import check_request, requests
from tests.pipelines.batch.test_every_value import check_survival
from tests.pipelines.batch.test_mutated_files import check_mutated
from tests.pipelines.landed_formats import COMPRESSED, FORMATS, LandedFormat, records_of
from tests.pipelines.mutations import mutated
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


compressions = st.sampled_from(sorted(COMPRESSED))


def _survival(landed: LandedFormat) -> Target:
    examples = st.tuples(compressions, records_of(landed.kinds))
    return Target(examples, lambda example: check_survival(landed, *example), 30)


def _mutation(landed: LandedFormat) -> Target:
    whole = records_of(landed.kinds).map(landed.write)

    def spoiled(compression: str) -> st.SearchStrategy[tuple[str, bytes]]:
        return st.tuples(st.just(compression), whole.map(COMPRESSED[compression]).flatmap(mutated))

    return Target(compressions.flatmap(spoiled), lambda example: check_mutated(landed, *example), 60)


def _checked(test: Any) -> Callable[[Any], object]:
    """The check inside a property test."""
    inner: Callable[[Any], object] = test.hypothesis.inner_test
    return inner


TARGETS: dict[str, Target] = {
    "grammar": Target(near_documents(), check_grammar, 1500),
    "records": Target(mutations(), _checked(test_conform_any_bytes_conserves_records), 800),
    "bounds": Target(mutations(), _checked(test_conform_never_reads_beyond_the_padding), 800),
    **{f"values{landed.suffix}": _survival(landed) for landed in FORMATS},
    **{f"mutated{landed.suffix}": _mutation(landed) for landed in FORMATS},
    "requests": Target(requests, check_request, 300),
}
