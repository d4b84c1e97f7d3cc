"""The Prefect flows, for schedules, retries, history; entrypoints are module paths: `pipelines.flows:ingest`.

Flow parameters can be read by everyone who can reach the Prefect API. They are names and numbers only;
credentials come from the environment of the worker.
"""

from pipelines.flows.backfill import backfill
from pipelines.flows.ingest import ingest
from pipelines.flows.maintain import maintain
from pipelines.flows.replay import replay
from pipelines.flows.verify import verify

__all__ = ["backfill", "ingest", "maintain", "replay", "verify"]
