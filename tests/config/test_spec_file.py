"""Pipeline files: what loads, what is refused, and how the refusal reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import SpecError
from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import dump_pipeline, find_pipeline, list_pipelines, load_pipeline, parse_pipeline
from tests.config.generated import pipelines

LEAST = """\
name: events
source: {uri: landing}
contract:
  columns:
    id: int64!
table: {uri: lake/events}
"""
WHOLE = """\
name: github_events
source:
  uri: s3://landing/github/**/*.ndjson.gz
  format: ndjson
  max_files_per_batch: 1000
  max_bytes_per_batch: 4 GiB
contract:
  columns:
    id: string!
    type: string!
    actor: {id: int64!, login: string}
    tags: [string]
    payload: json
    created_at: timestamp[us, UTC]!
  on_mismatch: quarantine
  on_new_column: rescue
transforms:
  - sql: select *, cast(created_at as date) as event_date from self
  - use: mycompany.cleaning:drop_bots
    with: {suffix: "[bot]"}
expectations:
  - {name: known_type, expect: "type <> ''", action: quarantine}
table:
  uri: s3://lake/github_events
  mode: append
  key: [id]
  partition_by: [event_date]
  sort_by: [actor.id, created_at]
schedule: {cron: "*/5 * * * *"}
"""


def refused(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        parse_pipeline(text, file="x.yaml")
    return caught.value


def a_file(tmp_path: Path, text: str | bytes = LEAST, name: str = "events.yaml") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_load_pipeline_reads_a_whole_file(tmp_path: Path) -> None:
    pipeline = load_pipeline(a_file(tmp_path, WHOLE))

    assert [column.name for column in pipeline.contract.columns][:3] == ["id", "type", "actor"]
    assert parse_pipeline(dump_pipeline(pipeline), file="x") == pipeline


@settings(max_examples=60, deadline=None)
@given(pipelines())
def test_dump_pipeline_loads_back_equal(pipeline: Pipeline) -> None:
    assert parse_pipeline(dump_pipeline(pipeline), file="x") == pipeline


def test_dump_pipeline_writes_short_structs_on_one_line() -> None:
    assert "actor: {id: int64!, login: string}" in dump_pipeline(parse_pipeline(WHOLE, file="x"))


def test_load_pipeline_with_one_mistake_says_everything_about_it() -> None:
    error = refused(LEAST.replace("int64!", "{x: strng}"))

    assert error.what == "an unknown type"
    assert error.where == "x.yaml:5:10, contract.columns.id.x"
    assert error.got == "'strng'"
    assert "string" in str(error.expected)
    assert error.next_step == "did you mean 'string'?"


def test_load_pipeline_with_unknown_key_suggests_the_right_one() -> None:
    error = refused(LEAST + "expectation: []\n")

    assert (error.what, error.where) == ("an unknown key", "x.yaml:7:1, expectation")
    assert error.next_step == "did you mean 'expectations'?"
    assert "transforms" in str(error.expected)


def test_load_pipeline_with_key_of_another_section_lists_that_section() -> None:
    error = refused(LEAST.replace("{uri: landing}", "{uri: landing, key: [id]}"))

    assert error.where == "x.yaml:2:24, source.key"
    assert error.expected == (
        "uri, table, read, format, compression, csv, max_files_per_batch, max_bytes_per_batch"
    )


def test_load_pipeline_with_unknown_key_of_layout_or_upkeep_lists_those() -> None:
    table = "table: {uri: y, upkeep: {settle: 1h}, layout: {blooms: [id]}}"
    error = refused(LEAST.replace(LEAST.splitlines()[-1], table))

    assert [one.expected for one in error.problems] == [
        "schedule, min_files, settled, keep",
        "file_size, row_group_rows, z_order_by, bloom, statistics",
    ]
    assert [one.next_step for one in error.problems] == ["did you mean 'settled'?", "did you mean 'bloom'?"]


@pytest.mark.parametrize(("key", "section"), [("z_order_by", "layout"), ("keep", "upkeep")])
def test_load_pipeline_with_key_at_the_wrong_level_names_its_section(key: str, section: str) -> None:
    error = refused(LEAST.replace(LEAST.splitlines()[-1], f"table: {{uri: y, {key}: [id]}}"))

    assert error.next_step == f"it is a key of {section}"


def test_load_pipeline_with_several_mistakes_reports_all_in_the_order_of_the_file() -> None:
    text = """\
nme: events
source: {uri: "s3://key:hidden@b/x", format: orc}
contract:
  columns:
    id: strng
    id: int64
    x: float64
  on_mismatch: quarantin
table: {partition_by: [x], uri: y}
"""

    error = refused(text)

    assert [(problem.where, problem.what) for problem in error.problems] == [
        ("x.yaml:1:1, name", "a required key is missing"),
        ("x.yaml:1:1, nme", "an unknown key"),
        ("x.yaml:2:10, source.uri", "a URI with credentials in it"),
        ("x.yaml:2:38, source.format", "a value that is not allowed"),
        ("x.yaml:5:5, contract.columns.id", "a key that is there twice"),
        ("x.yaml:5:5, contract.columns.id", "an unknown type"),
        ("x.yaml:8:3, contract.on_mismatch", "a value that is not allowed"),
    ]
    assert "hidden" not in str(error)


def test_load_pipeline_checks_the_table_although_another_part_is_wrong() -> None:
    error = refused(LEAST.replace("lake/events}", "lake/events, sort_by: [nope]}") + "unknown: 1\n")

    assert [problem.key for problem in error.problems] == ["table.sort_by[0]", "unknown"]


def test_load_pipeline_with_repeated_key_alone_is_refused() -> None:
    assert refused(LEAST + "name: again\n").got == "'name' in lines 1 and 7"


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a", "5", "name"])
def test_load_pipeline_with_no_mapping_is_refused(text: str) -> None:
    assert refused(text).what == "not a mapping"


def test_load_pipeline_with_broken_yaml_gives_line_and_column() -> None:
    assert str(refused("name: x\nsource: {uri: a").where).startswith("x.yaml:2:")


@given(st.one_of(st.text(max_size=60), st.text("abc:-[]{}!&*?|>'\"%@`,# \n", max_size=40)))
def test_load_pipeline_with_any_text_raises_nothing_but_spec_errors(text: str) -> None:
    refused(text)


@given(st.data())
def test_load_pipeline_with_any_line_replaced_loads_or_raises_spec_errors(data: st.DataObject) -> None:
    lines = WHOLE.splitlines()
    lines[data.draw(st.integers(0, len(lines) - 1))] = data.draw(st.text(max_size=30))
    try:
        parse_pipeline("\n".join(lines), file="x.yaml")
    except SpecError as error:
        assert error.what


def test_load_pipeline_with_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_pipeline(tmp_path / "no.yaml")

    assert caught.value.where == str(tmp_path / "no.yaml")
    assert caught.value.got == "No such file or directory"


@pytest.mark.parametrize(
    ("contents", "what"),
    [
        (b"name: \xff", "not UTF-8"),
        (b"#" * (2**20 + 1), "too large"),
    ],
)
def test_load_pipeline_with_unreadable_contents_is_refused(
    tmp_path: Path, contents: bytes, what: str
) -> None:
    with pytest.raises(SpecError, match=what):
        load_pipeline(a_file(tmp_path, contents))


def test_load_pipeline_of_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        load_pipeline(tmp_path)


def test_load_pipeline_skips_a_byte_order_mark(tmp_path: Path) -> None:
    assert load_pipeline(a_file(tmp_path, "\ufeff" + LEAST)).name == "events"


def test_load_pipeline_with_windows_line_ends_gives_the_right_line() -> None:
    assert refused(LEAST.replace("\n", "\r\n") + "x: 1\r\n").where == "x.yaml:7:1, x"


def test_load_pipeline_expands_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDING", "s3://b")

    pipeline = load_pipeline(a_file(tmp_path, LEAST.replace("landing", '"${LANDING}/x"')))

    assert pipeline.source.uri == "s3://b/x"


def test_load_pipeline_by_name_reads_it_from_the_folder(tmp_path: Path) -> None:
    a_file(tmp_path)

    assert load_pipeline("events", Settings(pipelines=tmp_path)).name == "events"


@pytest.mark.parametrize("path", ["x/y", "x.yaml", "./x", "x.yml"])
def test_find_pipeline_by_path_returns_it(path: str, tmp_path: Path) -> None:
    assert find_pipeline(path, Settings(pipelines=tmp_path)) == Path(path)


def test_find_pipeline_with_unknown_name_suggests_one(tmp_path: Path) -> None:
    a_file(tmp_path)
    a_file(tmp_path, name="orders.yml")
    a_file(tmp_path, name="notes.txt")

    with pytest.raises(SpecError) as caught:
        find_pipeline("event", Settings(pipelines=tmp_path))

    assert caught.value.expected == "one of events, orders"
    assert caught.value.next_step == "did you mean 'events'?"


def test_list_pipelines_without_folder_gives_none(tmp_path: Path) -> None:
    assert list_pipelines(Settings(pipelines=tmp_path / "no")) == []
