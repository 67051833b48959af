"""The code of the Django page, served by uvicorn as a process of its own in which each warning is an error."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from partoo_async import NotFoundError
from partoo_async.testing import ThreadedEmulator
from tests.integrations.conftest import ROOT, Service, environment_for, free_port, running

pytest.importorskip("django", reason="needs Django")
pytest.importorskip("uvicorn", reason="needs uvicorn")

PAGE = ROOT / "docs" / "how-to" / "use-it-in-django.md"
# What the page leaves to its reader: the other views have addresses, too.
REST = """
async def health(request: HttpRequest) -> JsonResponse:
    return JsonResponse({})

settings.ROOT_URLCONF += (
    path("sync/<int:section>/<int:number>", sync_group),
    path("csv/<int:section>", csv),
    path("health", health),
)
"""


def site(place: Path) -> None:
    """Write a module with what the page has of a project: not its tests, and not its command."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    served = [block for block in blocks if "await http" not in block and "asyncio.run" not in block]
    assert len(served) == 5
    place.write_text("\n\n".join([*served, REST]), encoding="utf-8")


async def answer(http: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    async with http.get(url) as response:
        text = await response.text()
        return response.status, text if response.content_type == "text/csv" else await response.json(content_type=None)


async def test_the_page_works_without_warnings(partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """Async and sync views, a stream, ids that cannot be, an outage and the end: no line of the log tells of trouble
    but the one about the outage."""
    site(tmp_path / "site_of_the_page.py")
    port = free_port()
    environment = environment_for(partoo, tmp_path, PYTHONPATH=f"{ROOT}:{tmp_path}")
    command = ["-m", "uvicorn", "site_of_the_page:application", "--port", str(port)]
    async with running(Service(command, port, environment, tmp_path / "log")) as (service, http):
        assert await answer(http, f"{service.url}/groups/7/42") == (200, {"name": "France", "size": 147})
        assert await answer(http, f"{service.url}/sync/7/42") == (200, {"name": "France"})
        status, text = await answer(http, f"{service.url}/csv/7")
        assert (status, text.count("\n")) == (200, 24)
        bad = ("/groups/7/9999", "/sync/7/9999", f"/groups/7/{2**63}")
        for status, problem in await asyncio.gather(*(answer(http, service.url + path) for path in bad)):
            assert (status, problem["status"]) == (404, 404)
        partoo.faults.add("status", status=403, match="GET /sections/7/groups/43")
        refused = [answer(http, f"{service.url}/groups/7/43") for _ in range(20)]
        assert {status for status, _ in await asyncio.gather(*refused)} == {502}
        assert await service.stop() in (0, -signal.SIGTERM)  # uvicorn ends by the signal that it got
    log = service.log.read_text()
    assert service.trouble() == []
    assert log.count("403 Forbidden") == 1, log


@pytest.mark.parametrize("is_async", [True, False])
async def test_each_kind_of_chain(is_async: bool) -> None:
    """The middleware is of the kind of what it goes around, so that Django needs no thread between the two."""
    from partoo_async.integrations.django import problem_middleware

    async def later(request: object) -> object:
        return request

    def at_once(request: object) -> object:
        return request

    inner: Callable[[Any], Any] = later if is_async else at_once
    middleware: Any = problem_middleware(inner)
    assert asyncio.iscoroutinefunction(middleware) is is_async
    assert (await middleware(1) if is_async else middleware(1)) == 1


def test_other_errors_are_left_to_django(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is how a middleware says that it has no response."""
    from django.conf import UserSettingsHolder, global_settings

    from partoo_async.integrations.django import problem_middleware

    monkeypatch.setattr("django.http.response.settings", UserSettingsHolder(global_settings))
    middleware: Any = problem_middleware(lambda request: request)
    assert middleware.process_exception(None, LookupError()) is None
    request = type("Request", (), {"method": "GET", "path": "/"})
    response = middleware.process_exception(request, NotFoundError(404, None, "GET /", None, "", "server"))
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
