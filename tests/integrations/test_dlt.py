"""The dlt source in pipelines of users: a real DuckDB file, an emulator in a thread of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partoo_async import ConfigurationError
from partoo_async.emulator import EmulatedGroup, EmulatedKey, EmulatedSection
from partoo_async.testing import ThreadedEmulator
from tests.support.common import PATIENCE
from tests.support.each import each
from tests.support.warehouses import Warehouse, duckdb_file, small_organization, truth

dlt = pytest.importorskip("dlt", reason="needs the extra dlt")

from dlt.common.runtime.collector import DictCollector  # noqa: E402 - see above
from dlt.pipeline.exceptions import PipelineStepFailed  # noqa: E402

from partoo_async.integrations import dlt as integration  # noqa: E402
from partoo_async.integrations.dlt import partoo_source  # noqa: E402

KEY = "k3y-of-the-emulator"


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")


@pytest.fixture
def emulator() -> Iterator[ThreadedEmulator]:
    with ThreadedEmulator(**small_organization(), api_key=KEY) as emulator:
        yield emulator


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return duckdb_file(tmp_path)


@pytest.fixture
def pipeline(tmp_path: Path, warehouse: Warehouse) -> Iterator[Any]:
    target = dlt.destinations.duckdb(warehouse.url.removeprefix("duckdb:///"))
    made = dlt.pipeline("stores", pipelines_dir=str(tmp_path / "dlt"), destination=target, dataset_name="partoo")
    yield made
    if made.is_active:
        made.deactivate()


def requests(emulator: ThreadedEmulator, since: int = 0) -> Counter[str]:
    """Return how often each route was asked for."""
    return Counter(str(seen.route).rpartition("/")[2] for seen in emulator.requests[since:])


class Told(DictCollector):
    """Keeps what it was told last of each counter."""

    def __init__(self) -> None:
        super().__init__()
        self.totals: dict[str, Any] = {}
        self.last: dict[str, int] = {}

    def update(self, name: str, inc: int = 1, total: Any = None, *_: Any, **__: Any) -> None:
        super().update(name, inc)
        self.last[name] = self.counters[name]
        self.totals[name] = total


def test_a_pipeline_follows_the_organization(
    emulator: ThreadedEmulator, pipeline: Any, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Each run brings the tables to what the server has, collectors show the groups, and the key is in no file."""
    told = Told()
    pipeline.collector = told
    pipeline.run(partoo_source(KEY, server=emulator.server))
    assert warehouse.content() == truth(emulator)
    assert (told.last["Groups read"], told.totals["Groups read"]) == (9, 9)

    emulator.sections[1].groups[10].business_ids.append("f")
    del emulator.sections[2]
    emulator.faults.add("status", status=403, match="GET /sections/3/groups/30")
    del emulator.sections[3].groups[31]
    pipeline.run(partoo_source(KEY, server=emulator.server, strategy="groups"))
    assert warehouse.content() == truth(emulator)
    assert warehouse.rows("SELECT section_id, group_id FROM _load_problems") == [(3, 30)]

    columns = pipeline.default_schema.get_table("memberships")["columns"]
    keys = [name for name, column in columns.items() if column.get("primary_key")]
    assert keys == ["section_id", "group_id", "business_id"]
    assert all(column.get("description") for name, column in columns.items() if not name.startswith("_dlt"))
    assert pipeline.default_schema.get_table("groups")["description"] == "A group of businesses"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_unchanged_businesses_are_read_now_and_then(emulator: ThreadedEmulator, pipeline: Any) -> None:
    """After a full pass only changed businesses are read, until the next one is due; a scan that has the list anyway
    counts as one."""

    def businesses(**options: Any) -> int:
        pipeline.run(partoo_source(KEY, server=emulator.server, strategy="groups", **options))
        counts: dict[str, int] = pipeline.last_trace.last_normalize_info.row_counts
        return counts["businesses"]

    assert businesses() == 6
    assert businesses() == 0
    emulator.businesses["a"].modified = 4e9
    assert businesses() == 1
    assert businesses(full_pass_every=0.0) == 6
    pipeline.run(partoo_source(KEY, server=emulator.server, strategy="businesses"))
    assert pipeline.last_trace.last_normalize_info.row_counts["businesses"] == 6


def test_a_run_that_failed_is_gone_on_with(
    emulator: ThreadedEmulator, pipeline: Any, warehouse: Warehouse, tmp_path: Path
) -> None:
    """What was read is read once: the journal is gone on with until dlt has what is in it, and then begun anew."""

    def run(source: Any) -> Counter[str]:
        before = len(emulator.requests)
        pipeline.run(source)
        return requests(emulator, before)

    def fail(_: Any) -> None:
        raise RuntimeError("the user's own fault")

    journal = tmp_path / "mine.journal"
    options = {"server": emulator.server, "strategy": "groups", "journal": journal}
    failing = partoo_source(KEY, **options)
    failing.resources["groups"].add_map(fail)
    with pytest.raises(PipelineStepFailed):
        pipeline.run(failing)
    assert requests(emulator)["{group_id}"] == 9
    assert run(partoo_source(KEY, **options))["{group_id}"] == 0
    assert warehouse.content() == truth(emulator)
    assert run(partoo_source(KEY, **options))["{group_id}"] == 9

    # Too old to be gone on with.
    with pytest.raises(PipelineStepFailed):
        pipeline.run(failing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integration, "_OLDEST", -integration._OLDEST)
        assert run(partoo_source(KEY, **options))["{group_id}"] == 9


def test_what_a_scan_that_ended_early_has_is_loaded(
    emulator: ThreadedEmulator, pipeline: Any, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest keeps its rows and is a problem, and the next run goes on. Without a list of sections there is nothing
    to load, and the run fails."""

    async def ends_early(client: Any, journal: Path, **_: Any) -> None:
        await client.scan_all(journal=journal, resume=True, max_failures=0, max_concurrency=1).collect()

    pipeline.run(partoo_source(KEY, server=emulator.server))
    for group in emulator.sections[1].groups.values():
        group.business_ids.append("f")
    emulator.faults.add("status", status=403, match="GET /sections/2/groups/20")
    with monkeypatch.context() as patch:
        patch.setattr(integration, "read_everything", ends_early)
        pipeline.run(partoo_source(KEY, server=emulator.server))
    assert warehouse.content()["memberships"] == truth(emulator)["memberships"]
    problems = warehouse.rows("SELECT section_id, group_id, error FROM _load_problems")
    assert (2, 20, "PermissionDeniedError") in problems
    assert (3, None, "NotRead") in problems
    emulator.faults.clear()
    before = len(emulator.requests)
    pipeline.run(partoo_source(KEY, server=emulator.server, strategy="groups"))
    assert 0 < requests(emulator, before)["{group_id}"] < 9
    assert warehouse.content() == truth(emulator)

    emulator.faults.add("status", status=403, match="GET /sections")
    with pytest.raises(PipelineStepFailed, match="403 Forbidden for GET /sections"):
        pipeline.run(partoo_source(KEY, server=emulator.server))
    assert warehouse.content() == truth(emulator)


def test_organizations_share_a_dataset(tmp_path: Path, pipeline: Any, warehouse: Warehouse) -> None:
    """Sources of several organizations in one run, by name or by the id that a provider reads, touch their own rows."""
    sections = [
        EmulatedSection(key, f"S{key}", {key: EmulatedGroup(key, "G", business_ids=[f"b{key}"])}, org_id=key)
        for key in (1, 2)
    ]
    keys = {KEY: EmulatedKey("org_admin", org_id=1), "two": EmulatedKey("provider", org_id=2)}
    with ThreadedEmulator(sections=sections, api_key=KEY, api_keys=keys, rate_limit=None) as emulator:

        def sources() -> list[Any]:
            one = partoo_source(KEY, server=emulator.server, organization="Café du Nord")
            return [one, partoo_source("two", server=emulator.server, organization=2)]

        pipeline.run(sources())
        sections[0].groups.clear()
        pipeline.run(sources())
        assert warehouse.content("WHERE organization = 'Café du Nord'") == truth(emulator, 1)
        assert warehouse.content("WHERE organization = '2'") == truth(emulator, 2)


async def test_a_source_works_where_dlt_does(
    emulator: ThreadedEmulator, pipeline: Any, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a running event loop, a part of the resources, in a thread, without a pipeline, with the key from the
    environment or from dlt's secrets, and with the quota of others."""
    monkeypatch.setenv("PARTOO_API_KEY", KEY)
    monkeypatch.setenv("PARTOO_SERVER", emulator.url)
    pipeline.run(partoo_source(quota=f"file://{tmp_path}/quota").with_resources("groups"))
    assert warehouse.rows("SELECT count(*) FROM groups") == [(9,)]
    assert (tmp_path / "quota").exists()
    tables = warehouse.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'partoo'")
    assert ("memberships",) not in tables

    monkeypatch.delenv("PARTOO_API_KEY")
    monkeypatch.setenv("SOURCES__PARTOO__API_KEY", KEY)
    pipeline.run(partoo_source())
    assert warehouse.content() == truth(emulator)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []

    pipeline.deactivate()
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(partoo_source().with_resources("memberships")))
    thread.start()
    thread.join(PATIENCE)
    rows = sorted((row["section_id"], row["group_id"], row["business_id"]) for row in found)
    assert rows == truth(emulator)["memberships"]


@each(
    ("options", "said"),
    [
        ({"api_key": "a key"}, "api_key"),
        ({"api_key": KEY, "strategy": "fast"}, "strategy"),
        ({"api_key": KEY, "organization": "a'b"}, "organization"),
        ({"api_key": KEY, "organization": -1}, "organization"),
        ({"api_key": KEY, "history": 1}, "history"),
        ({"api_key": KEY, "journal": 7}, "journal"),
        ({"api_key": KEY, "full_pass_every": -1.0}, "full_pass_every"),
        ({"api_key": KEY, "quota": "http://here"}, "quota"),
        ({"api_key": KEY, "server": "nowhere"}, "server"),
    ],
)
def test_arguments_are_checked_at_once(options: dict[str, Any], said: str) -> None:
    """What cannot be used is refused before a pipeline runs, and no frame of the error has the key."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        partoo_source(**options)
    trace = caught.value.__traceback__
    trace = trace and trace.tb_next
    while trace is not None:
        assert all(value != KEY for value in trace.tb_frame.f_locals.values())
        trace = trace.tb_next


def test_without_a_key_the_error_says_where_it_may_be() -> None:
    """Nothing in the argument, the environment and dlt's secrets is an error about the key."""
    with pytest.raises(ConfigurationError, match="api_key: no key was given"):
        partoo_source()


def test_without_dlt_the_import_says_what_to_install() -> None:
    """As with the other integrations."""
    code = "import sys; sys.modules['dlt'] = None; import partoo_async.integrations.dlt"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert "partoo_async.integrations.dlt needs dlt: pip install" in done.stderr
