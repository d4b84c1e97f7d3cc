"""Tables and sources as assets of Prefect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.assets import Asset

from config.pipeline import Pipeline
from pipelines.flows.assets import asset_key, source_asset, table_asset


@pytest.mark.parametrize(
    ("location", "key"),
    [
        ("s3://lake/events/", "s3://lake/events"),
        ("/srv/lake/events", "file:///srv/lake/events"),
        ("file:///srv/my%20lake", "file:///srv/my~20lake"),
        ("/srv/a b/~c", "file:///srv/a~20b/~7Ec"),
        ("s3://lake/ü?#%", "s3://lake/~C3~BC~3F~23~25"),
    ],
)
def test_asset_key_location_is_a_uri_that_prefect_takes(location: str, key: str) -> None:
    assert Asset(key=asset_key(location)).key == key


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_asset_key_any_name_is_taken(name: str) -> None:
    assert Asset(key=asset_key(f"s3://lake/{name}")).key.startswith("s3://lake")


def test_asset_key_too_long_ends_in_a_hash_and_differs() -> None:
    first, second = (asset_key(f"s3://lake/{'x' * 600}{number}") for number in range(2))

    assert Asset(key=first).key != Asset(key=second).key


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ({"uri": "s3://landing/github/**/*.ndjson"}, "s3://landing/github"),
        ({"uri": "s3://landing/github"}, "s3://landing/github"),
        ({"table": "s3://lake/raw", "read": "appends"}, "s3://lake/raw"),
    ],
)
def test_source_asset_is_the_landing_zone_or_the_table_before(source: dict[str, str], key: str) -> None:
    pipeline = Pipeline(
        name="clicks",
        source=source,
        contract={"columns": {"id": "int64"}},
        table={"uri": "s3://lake/clicks"},
        description="Clicks of the shop",
    )

    assert source_asset(pipeline).key == key
    table = table_asset(pipeline)
    assert (table.key, table.properties.name if table.properties else None) == ("s3://lake/clicks", "clicks")
