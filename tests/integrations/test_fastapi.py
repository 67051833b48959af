"""The FastAPI integration, served by uvicorn in this process against an emulator on a real socket."""

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any

import pytest

from partoo_async import (
    ConfigurationError,
    Group,
    GroupSummary,
    PartooClient,
    Priority,
    ScanItem,
    ScanReport,
    SectionPage,
    deadline,
)
from partoo_async._call.deadline import ambient_deadline
from partoo_async.emulator import Emulator
from partoo_async.testing import make_client
from tests.integrations.conftest import PATIENCE, ROOT
from tests.integrations.serving import served

fastapi = pytest.importorskip("fastapi", reason="needs the extra fastapi")

from fastapi import Depends, FastAPI, WebSocket  # noqa: E402 - see above
from fastapi.requests import HTTPConnection  # noqa: E402

from partoo_async.integrations.fastapi import (  # noqa: E402
    Partoo,
    add_exception_handlers,
    get_client,
    lifespan,
    within,
)


def app_on(emulator: Emulator, **options: Any) -> tuple[FastAPI, list[PartooClient]]:
    """Return an application with one route, and the list of the clients that it makes."""
    made: list[PartooClient] = []

    def make() -> PartooClient:
        made.append(make_client(emulator))
        return made[-1]

    app = FastAPI(lifespan=lifespan(make), **options)
    add_exception_handlers(app)

    @app.get("/groups/{section_id}/{group_id}")
    async def group(section_id: int, group_id: int, partoo: Partoo) -> str:
        return (await partoo.groups.get(section_id, group_id)).name

    return app, made


async def test_one_client_for_the_life_of_the_application(emulator: Emulator) -> None:
    """Made when the application starts, in its loop, handed to every route that asks, and closed at its end."""
    app, made = app_on(emulator)
    assert not made
    async with served(app) as http:
        for _ in range(3):
            async with http.get("/groups/7/42") as response:
                assert (response.status, await response.json()) == (200, "France")
        (client,) = made
        assert not client.closed
    assert made == [client]
    assert client.closed


async def test_bulk_work_leaves_the_reserve_from_the_start(emulator: Emulator) -> None:
    """No visitor was seen yet, and still bulk work of an application does not take the last tenth of the quota."""
    app = FastAPI(lifespan=lifespan(lambda: PartooClient(emulator.api_key, server=emulator.server)))

    @app.get("/")
    async def slots(partoo: Partoo) -> list[int | None]:
        quota = partoo.session.quota
        while quota.try_acquire(Priority.BULK):
            pass
        return [partoo.quota.available, partoo.quota.limit]

    async with served(app) as http, http.get("/") as response:
        assert await response.json() == [30, 300]


async def test_errors_are_problems(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """A visitor gets a problem without what Partoo said, and the log gets the error."""
    app, _ = app_on(emulator)
    emulator.faults.add("status", status=403, match="GET /sections/7/groups/43")

    @app.get("/mistake")
    async def mistake(partoo: Partoo) -> None:
        await partoo.groups.create(7, name=None, business_ids=[])  # type: ignore[arg-type]

    async with served(app) as http:
        async with http.get("/groups/7/9999") as response:
            assert (response.status, response.content_type) == (404, "application/problem+json")
            assert (await response.json())["status"] == 404
        assert not [record for record in caplog.records if record.name == "partoo_async.web"]
        async with http.get("/groups/7/43") as response:
            assert response.status == 502
            assert "403" not in await response.text()
        assert "403 Forbidden" in caplog.text
        async with http.get("/mistake") as response:
            assert response.status == 500
    error = caplog.records[-1]
    assert (error.name, error.levelno) == ("partoo_async.web", logging.ERROR)
    assert error.exc_info is not None, "a mistake of the application comes with its traceback"
    assert emulator.api_key not in caplog.text


@pytest.mark.parametrize("group_id", [-1, 2**63, 10**40])
async def test_a_number_that_is_no_id_is_not_found(
    group_id: int, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A visitor who asks for a number that is no id has made no mistake of the application: 404, and nothing logged."""
    app, _ = app_on(emulator)
    async with served(app) as http, http.get(f"/groups/7/{group_id}") as response:
        assert (response.status, response.content_type) == (404, "application/problem+json")
    assert not [record for record in caplog.records if record.name == "partoo_async.web"]
    assert not emulator.requests


async def test_the_client_is_handed_over_without_a_thread(emulator: Emulator) -> None:
    """FastAPI runs plain dependencies in threads: there are forty for all requests, and each change of thread costs."""
    app, _ = app_on(emulator)
    before = set(threading.enumerate())
    async with served(app) as http, http.get("/groups/7/42") as response:
        assert response.status == 200
        assert not [thread for thread in set(threading.enumerate()) - before if "AnyIO" in thread.name]


async def test_models_are_response_types(emulator: Emulator) -> None:
    """A route may return what the client returns: it is answered as JSON, and the application's schema describes it."""
    app, _ = app_on(emulator)

    @app.get("/group")
    async def group(partoo: Partoo) -> Group:
        return await partoo.groups.get(7, 42)

    @app.get("/sections")
    async def sections(partoo: Partoo) -> SectionPage:
        return await partoo.sections.list()

    @app.get("/both", response_model=list[Group | GroupSummary])
    async def both(partoo: Partoo) -> list[Group | GroupSummary]:
        return [await partoo.groups.get(7, 42), *(await partoo.sections.get(7)).groups[:1]]

    async with served(app) as http:
        async with http.get("/group") as response:
            found = await response.json()
            assert (found["id"], found["name"], len(found["business_ids"])) == (42, "France", 147)
        async with http.get("/sections") as response:
            page = await response.json()
            assert list(page["sections"][0]["groups"][0]) == ["id", "name", "has_puller"]
        async with http.get("/both") as response:
            assert [len(one) for one in await response.json()] == [4, 3]
        async with http.get("/openapi.json") as response:
            schemas = (await response.json())["components"]["schemas"]
    assert {"Group", "GroupSummary", "Section", "SectionPage"} <= set(schemas)
    assert list(schemas["Group"]["properties"]) == ["id", "name", "has_puller", "business_ids"]
    assert schemas["Group"]["properties"]["business_ids"]["items"] == {"type": "string"}


async def test_the_results_of_a_scan_are_response_types(emulator: Emulator) -> None:
    """A route may return items or a report: it is answered as ``to_dict`` has it, and the application's schema, too."""
    app, _ = app_on(emulator)

    @app.get("/items")
    async def items(partoo: Partoo) -> list[ScanItem]:
        return list((await partoo.scan(7, group_ids=[42, 9999]).collect()).items)

    @app.get("/report")
    async def report(partoo: Partoo) -> ScanReport:
        return await partoo.scan([5, 404]).collect()

    async with served(app) as http:
        async with http.get("/items") as response:
            by_id = {item["group_id"]: item for item in await response.json()}
        async with http.get("/report") as response:
            found = await response.json()
        async with http.get("/openapi.json") as response:
            document = await response.json()
    assert (by_id[42]["group"]["name"], by_id[42]["error"]) == ("France", None)
    assert (by_id[9999]["group"], by_id[9999]["error"]["status"]) == (None, 404)
    assert [item["error"]["type"] for item in found["items"] if item["error"]] == ["NotFoundError"]
    assert found["complete"]
    paths, schemas = document["paths"], document["components"]["schemas"]
    answers = [paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"] for path in paths]
    assert {"type", "items", "$ref"} <= {key for answer in answers for key in answer}
    assert list(schemas["ScanReport"]["properties"]) == list(found)
    assert {"Group", "ScanReport"} <= set(schemas)


async def test_errors_of_a_task_group_are_problems(emulator: Emulator) -> None:
    """Groups that are read at once fail as one does; a group with another error is left to the framework."""
    app, _ = app_on(emulator)

    @app.get("/both/{bad}")
    async def both(bad: bool, partoo: Partoo) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(partoo.groups.get(7, 9999))
            if bad:
                raise ValueError

    async with served(app) as http:
        async with http.get("/both/false") as response:
            assert (response.status, response.content_type) == (404, "application/problem+json")
        async with http.get("/both/true") as response:
            assert (response.status, response.content_type) == (500, "text/plain")


async def test_a_full_quota_says_when_to_come_back(emulator: Emulator) -> None:
    """503 with a whole number of seconds in Retry-After, at once."""
    app, made = app_on(emulator)
    emulator.faults.add("rate_limited", retry_after=30)
    async with served(app) as http, http.get("/groups/7/42") as response:
        assert made
        assert response.status == 503
        assert 25 <= int(response.headers["Retry-After"]) <= 31


async def test_a_lifespan_of_ones_own_goes_around_it(emulator: Emulator) -> None:
    """It enters this one, has the client for itself, and yields what routes need of both."""
    client_lifespan = lifespan(lambda: make_client(emulator))
    events: list[str] = []

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with client_lifespan(app) as state:
            name = (await state["partoo"].groups.get(7, 42)).name
            yield {**state, "name": name}
            events.append("open" if not state["partoo"].closed else "closed")

    app = FastAPI(lifespan=own)

    @app.get("/")
    async def both(request: fastapi.Request, partoo: Partoo) -> list[str]:
        return [request.state.name, (await partoo.sections.get(7)).name]

    async with served(app) as http, http.get("/") as response:
        assert (await response.json())[0] == "France"
    assert events == ["open"]


async def test_mounted_applications_and_websockets_have_it_too(emulator: Emulator) -> None:
    """The client comes with the connection and not with the application that happens to answer it."""
    app, made = app_on(emulator)
    mounted = FastAPI()

    @mounted.get("/same")
    async def same(partoo: Partoo) -> bool:
        return partoo is made[0]

    app.mount("/inner", mounted)
    async with served(app) as http, http.get("/inner/same") as response:
        assert await response.json() is True
    socket = WebSocket({"type": "websocket", "state": {"partoo": made[0]}}, _never, _never)
    assert await get_client(socket) is made[0]


async def _never(*_: object) -> Any:
    raise AssertionError


async def test_a_forgotten_lifespan_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Without lifespan() the log says what to add."""
    app = FastAPI()
    add_exception_handlers(app)

    @app.get("/")
    async def nothing(partoo: Partoo) -> None:
        raise AssertionError

    async with served(app) as http, http.get("/") as response:
        assert response.status == 500
    assert "FastAPI(lifespan=lifespan())" in caplog.text


async def test_a_request_has_its_time(emulator: Emulator) -> None:
    """within() bounds whatever a request awaits of Partoo, and is a 504 then; what takes less time is not touched."""
    app, _ = app_on(emulator)
    emulator.faults.add("stall", match="GET /sections/7/groups/43")

    @app.get("/quick", dependencies=[Depends(within(0.2))])
    async def quick(partoo: Partoo) -> None:
        await partoo.groups.get(7, 43)

    @app.get("/patient", dependencies=[Depends(within(PATIENCE))])
    async def patient(partoo: Partoo) -> str:
        return (await partoo.groups.get(7, 42)).name

    async with served(app) as http:
        async with http.get("/quick") as response:
            assert response.status == 504
        async with http.get("/patient") as response:
            assert response.status == 200


@pytest.mark.parametrize(("kind", "bounded"), [("http", True), ("websocket", False)])
async def test_within_bounds_requests_alone(kind: str, bounded: bool) -> None:
    """A WebSocket lives longer than any request; a dependency of the whole application leaves it alone."""
    steps = within(30.0)(HTTPConnection({"type": kind}))
    await anext(steps)
    assert (ambient_deadline() < float("inf")) is bounded
    with pytest.raises(StopAsyncIteration):
        await anext(steps)
    assert ambient_deadline() == float("inf")


async def test_a_background_job_gets_its_grace(emulator: Emulator) -> None:
    """A call that is under way when the application stops is answered before the client is closed; started in a context
    of its own, it does not have its request's deadline."""
    app, made = app_on(emulator, dependencies=[Depends(within(0.2))])
    slow = emulator.faults.add("slow_body", seconds=0.5, match="GET /sections/7/groups/43")
    jobs: list[asyncio.Task[Any]] = []

    @app.post("/jobs")
    async def start(partoo: Partoo) -> None:
        jobs.append(asyncio.create_task(partoo.groups.get(7, 43), context=Context()))

    async with served(app) as http, http.post("/jobs"):
        async with asyncio.timeout(PATIENCE):
            while not slow.hits:
                await asyncio.sleep(0.01)
    assert made[0].closed
    assert (await jobs[0]).id == 43


def test_bad_arguments_are_refused_at_once() -> None:
    """When the application is put together, and not when it starts or is asked."""
    with pytest.raises(ConfigurationError, match="make: expected a callable"):
        lifespan(PartooClient("key"))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="grace"):
        lifespan(grace=-1)
    with pytest.raises(ConfigurationError, match="within"):
        within(0)


async def test_the_deadline_of_a_caller_counts_too(emulator: Emulator) -> None:
    """Of within() and a deadline() inside the route, the earlier one ends the call."""
    app, _ = app_on(emulator, dependencies=[Depends(within(30.0))])
    emulator.faults.add("stall", match="GET /sections/7")

    @app.get("/section")
    async def section(partoo: Partoo) -> None:
        with deadline(0.2):
            await partoo.sections.get(7)

    async with served(app) as http, http.get("/section") as response:
        assert response.status == 504


@pytest.mark.parametrize(("missing", "says"), [("fastapi", "pip install '.[fastapi]'"), ("pydantic", "pydantic")])
def test_a_missing_fastapi_says_which_extra(missing: str, says: str) -> None:
    """An ImportError, as anybody who tries the import expects. What FastAPI itself lacks is not mistaken for it."""
    code = f"import sys; sys.modules[{missing!r}] = None; import partoo_async.integrations.fastapi"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert says in done.stderr.splitlines()[-1]
    assert ("[fastapi]" in done.stderr.splitlines()[-1]) is (missing == "fastapi")
