"""How errors read, and that they survive a process boundary."""

from __future__ import annotations

from typing import Any

from config.errors import PenstockError, SpecError, SpecProblem, did_you_mean


def test_print_error_joins_the_known_parts() -> None:
    error = PenstockError("a folder is missing", where="s3://b/x", next_step="create it")

    assert str(error) == "a folder is missing\n  where: s3://b/x\n  next step: create it"
    assert error.as_dict() == {"what": "a folder is missing", "where": "s3://b/x", "next_step": "create it"}


def test_rebuild_error_as_pickle_does_keeps_every_part() -> None:
    error = SpecError.of([SpecProblem("x", "f:1:1, a", "a", got="1")], file="f")

    kind, arguments, state = _reduced(error)
    copy = kind(*arguments)
    copy.__dict__.update(state)

    assert copy.as_dict() == error.as_dict()
    assert copy.problems == error.problems


def test_join_one_problem_gives_its_own_parts() -> None:
    error = SpecError.of([SpecProblem("x", "f:1:1, a", "a", got="1", expected="2")], file="f")

    assert (error.what, error.where, error.got, error.expected) == ("x", "f:1:1, a", "1", "2")


def test_join_several_problems_prints_all() -> None:
    problems = [SpecProblem("first", "f:1:1, a", "a"), SpecProblem("second", "f:2:1, b", "b")]

    assert str(SpecError.of(problems, file="f")).splitlines() == [
        "2 problems in the pipeline file",
        "  where: f",
        "first",
        "  where: f:1:1, a",
        "second",
        "  where: f:2:1, b",
    ]


def test_suggest_finds_the_close_one_whatever_the_case() -> None:
    assert did_you_mean("Strng", ["string", "int64"]) == "did you mean 'string'?"
    assert did_you_mean("zzz", ["string", "int64"]) is None


def _reduced(error: Exception) -> tuple[Any, Any, Any]:
    reduced = error.__reduce_ex__(4)
    assert isinstance(reduced, tuple)
    return reduced[0], reduced[1], reduced[2]
