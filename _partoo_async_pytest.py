"""The pytest plugin: fixtures that call ``partoo_async.testing``."""

# Outside of the package, and imports nothing of it until a fixture is used: pytest imports every installed plugin at
# each start, in projects that make no use of it too. That would take longer than pytest itself, and come before a
# coverage tool is there to see it.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from partoo_async import PartooClient
    from partoo_async.testing import ThreadedEmulator

_MARKER = "partoo_emulator(**options): options of the fixture partoo_emulator for this test, class or module"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, for ``--strict-markers``."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def partoo_emulator_options() -> dict[str, Any]:
    """Options of ``make_emulator`` for ``partoo_emulator``. Override it with yours."""
    return {}


@pytest.fixture
def partoo_client_options() -> dict[str, Any]:
    """Options of ``PartooClient`` for ``partoo_client``. Override it with yours."""
    return {}


@pytest.fixture
def partoo_emulator(
    request: pytest.FixtureRequest, partoo_emulator_options: dict[str, Any]
) -> Iterator[ThreadedEmulator]:
    """A running Partoo emulator with fresh data, by default without a rate limit."""
    from partoo_async.testing import make_emulator  # noqa: PLC0415 - see above

    options = dict(partoo_emulator_options)
    # The closest comes last: the mark of a test wins over that of its module.
    for mark in reversed(list(request.node.iter_markers("partoo_emulator"))):
        if mark.args:
            raise pytest.UsageError("partoo_emulator: expected options by name, such as rate_limit=None, in the marker")
        options.update(mark.kwargs)
    with make_emulator(**options) as emulator:
        yield emulator


@pytest.fixture
def partoo_environment(monkeypatch: pytest.MonkeyPatch, partoo_emulator: ThreadedEmulator) -> ThreadedEmulator:
    """The same emulator, with ``PARTOO_SERVER`` and ``PARTOO_API_KEY`` set to it."""
    monkeypatch.setenv("PARTOO_SERVER", partoo_emulator.url)
    monkeypatch.setenv("PARTOO_API_KEY", partoo_emulator.api_key)
    return partoo_emulator


try:
    import pytest_asyncio
except ImportError:  # pytest loads this wherever it finds the package, with the extra `testing` or without

    @pytest.fixture(name="partoo_client")
    def _no_client() -> None:
        from partoo_async._internal.version import install_command  # noqa: PLC0415 - see above

        raise pytest.UsageError(f"partoo_client needs pytest-asyncio: {install_command('testing')}")

else:

    @pytest_asyncio.fixture(name="partoo_client")
    async def _client(
        partoo_emulator: ThreadedEmulator, partoo_client_options: dict[str, Any]
    ) -> AsyncIterator[PartooClient]:
        """A client of ``partoo_emulator`` that retries within milliseconds."""
        from partoo_async.testing import make_client  # noqa: PLC0415 - see above

        async with make_client(partoo_emulator, **partoo_client_options) as client:
            yield client
