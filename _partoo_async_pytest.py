"""The pytest plugin: its fixtures, and nothing that takes time to import. What they do is in ``partoo_async.testing``.

It stands outside of the package because pytest imports every installed plugin at each start, in projects that make no
use of it too: to import anything from the package would import all of it, which takes longer than pytest itself, and
before a coverage tool is there to see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from partoo_async import PartooClient
    from partoo_async.testing import ThreadedEmulator

_MARKER = "partoo_emulator(**options): options of the fixture partoo_emulator for this test, class or module"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, so that ``--strict-markers`` accepts it."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def partoo_emulator_options() -> dict[str, Any]:
    """Options of ``partoo_emulator``: those of ``Emulator``, and ``profile`` and ``groups``. Override it with yours."""
    return {}


@pytest.fixture
def partoo_client_options() -> dict[str, Any]:
    """Options of ``partoo_client``: those of ``PartooClient``. Override it with yours."""
    return {}


@pytest.fixture
def partoo_emulator(
    request: pytest.FixtureRequest, partoo_emulator_options: dict[str, Any]
) -> Iterator[ThreadedEmulator]:
    """A running Partoo emulator with fresh data, without a rate limit unless the options or the marker say so."""
    from partoo_async.testing import make_emulator  # noqa: PLC0415 - see above

    options = dict(partoo_emulator_options)
    # The closest comes last, and so the mark of a test wins over that of its module.
    for mark in reversed(list(request.node.iter_markers("partoo_emulator"))):
        if mark.args:
            raise pytest.UsageError("partoo_emulator: expected options by name, such as rate_limit=None, in the marker")
        options.update(mark.kwargs)
    with make_emulator(**options) as emulator:
        yield emulator


@pytest.fixture
def partoo_environment(monkeypatch: pytest.MonkeyPatch, partoo_emulator: ThreadedEmulator) -> ThreadedEmulator:
    """The same emulator, with ``PARTOO_SERVER`` and ``PARTOO_API_KEY`` set to it: for code that reads them."""
    monkeypatch.setenv("PARTOO_SERVER", partoo_emulator.url)
    monkeypatch.setenv("PARTOO_API_KEY", partoo_emulator.api_key)
    return partoo_emulator


try:
    import pytest_asyncio
except ImportError:  # pytest loads this wherever it finds the package, with the extra `testing` or without

    @pytest.fixture(name="partoo_client")
    def _no_client() -> None:
        """Say what is missing."""
        from partoo_async._internal.version import install_command  # noqa: PLC0415 - as all of the package, when it is used

        raise pytest.UsageError(f"partoo_client needs pytest-asyncio: {install_command('testing')}")

else:

    @pytest_asyncio.fixture(name="partoo_client")
    async def _client(
        partoo_emulator: ThreadedEmulator, partoo_client_options: dict[str, Any]
    ) -> AsyncIterator[PartooClient]:
        """A client of ``partoo_emulator``, with retries that a test does not feel."""
        from partoo_async.testing import make_client  # noqa: PLC0415 - see above

        async with make_client(partoo_emulator, **partoo_client_options) as client:
            yield client
