"""A person in the Prefect UI: a real server, worker, store and browser; nobody else is asked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect, sync_playwright

from storage.filesystem import open_filesystem
from tests.object_store import BUCKET, ObjectStore
from tests.prefect_server import running_prefect_server

pytestmark = pytest.mark.browser

PATIENCE_MS = 180_000
STOP_DEADLINE_S = 30
TRIES = 5
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SWITCHES = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync",
    "--disable-component-update",
)  # fmt: skip
SCREENSHOT = Path(__file__).parents[2] / "docs" / "images" / "batch-report.png"
SETTINGS = {"PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true", "PREFECT_SERVER_UI_V2_ENABLED": "false"}
BATCHES = (30_000, 42_000, 38_000, 61_000, 12_000, 45_000, 58_000, 52_000)
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
PIPELINE = f"""\
name: clicks
description: Clicks of the shop
source: {{uri: "s3://{BUCKET}/landing/*.ndjson", max_files_per_batch: 1}}
contract: {{columns: {{id: int64!, page: string}}}}
table: {{uri: "s3://{BUCKET}/clicks", sort_by: [id], layout: {{row_group_rows: 4096}}}}
readers: [{{where: "id = ?", at_most: 10%}}]
"""


@dataclass
class Visit:
    """A page, and whom it asked."""

    page: Page
    base: str
    asked: set[str] = field(default_factory=set)

    def note(self, url: str) -> None:
        """Of a request or a socket."""
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss"):
            self.asked.add(parts.netloc)


@pytest.fixture(scope="module")
def base(object_store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the UI, with the deployments of one pipeline, for which eight files wait."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "clicks.yaml").write_text(PIPELINE)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in object_store.environment().items():
            patched.setenv(name, value)
        for number, records in enumerate(BATCHES):
            land(f"s3://{BUCKET}/landing/clicks-{number}.ndjson", records)
        settings = SETTINGS | {"PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "ui")}
        with running_prefect_server(folder / "home", settings) as server:
            environment = server.environment | {"PENSTOCK_PIPELINES": str(folder / "pipelines")}
            deploy = [sys.executable, "-m", "pipelines.cli", "deploy"]
            subprocess.run(deploy, env=environment, check=True, timeout=120)
            with worker(environment, folder / "worker.log"):
                yield server.api_url.removesuffix("/api")


def land(uri: str, records: int) -> None:
    lines = [f'{{"id": {number}, "page": "/{number % 97}"}}\n' for number in range(records)]
    lines += ['{"id": 1.5, "page": "/half"}\n', f"{HOSTILE}\n", '{"page": "/nobody"}\n'][: records // 20_000]
    filesystem, path = open_filesystem(uri)
    filesystem.pipe_file(path, "".join(lines).encode())


@contextmanager
def worker(environment: dict[str, str], log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "penstock"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(STOP_DEADLINE_S)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))


@pytest.fixture
def visit(browser: Browser, base: str) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    visit = Visit(page, base)
    page.on("request", lambda request: visit.note(request.url))
    page.on("websocket", lambda socket: visit.note(socket.url))
    yield visit
    page.close()


@pytest.fixture(scope="module")
def reports() -> dict[str, str]:
    """Filled by the first test: `path` of the newest report, below the address of either UI."""
    return {}


def test_person_starts_a_run_by_its_form_and_reads_its_report(visit: Visit, reports: dict[str, str]) -> None:
    page = visit.page
    page.goto(visit.base)
    page.get_by_role("button", name="Deployments").click()
    page.get_by_role("row").filter(has_text="ingest").get_by_role("link", name="clicks").first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    page.get_by_text("int", exact=True).click()
    page.get_by_role("spinbutton").first.fill(str(len(BATCHES)))
    submit(page)
    page.get_by_role("link", name=re.compile("^ingest clicks")).first.click()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()

    page.goto(f"{visit.base}/artifacts/key/ingest-clicks")
    newest = page.locator("a[href*='/artifacts/artifact/']").first
    reports["path"] = str(newest.get_attribute("href"))
    newest.click()
    expect(page.get_by_role("heading", name="clicks, batch 8")).to_be_visible()
    expect(page.get_by_role("cell", name="52,000", exact=True).first).to_be_visible()
    assert visit.asked == {urlsplit(visit.base).netloc}
    if os.environ.get("SCREENSHOT"):
        page.locator("text=Show raw data").wait_for()
        page.screenshot(path=SCREENSHOT)


def submit(page: Page) -> None:
    """As a person does: again, where a busy server has answered that something went wrong."""
    for _ in range(TRIES):
        page.get_by_role("button", name="Submit").click()
        with suppress(TimeoutError):
            page.wait_for_url(lambda url: "/run?" not in url and not url.endswith("/run"), timeout=20_000)
            return
    raise AssertionError(f"the form stays: {page.inner_text('body')}")


@pytest.mark.parametrize("version", ["", "/v2"])
def test_report_shows_what_a_record_holds_and_runs_none_of_it(
    visit: Visit, reports: dict[str, str], version: str
) -> None:
    visit.page.goto(visit.base + version + reports["path"])

    shown = visit.page.locator("code", has_text="<img src=x")
    expect(shown).to_have_text(HOSTILE)
    assert visit.page.evaluate("window.pwned") is None
    assert visit.page.locator("img[src=x]").count() == 0
