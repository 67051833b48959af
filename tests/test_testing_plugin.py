"""The pytest plugin, in processes of their own as its users run it; and what it stands on, right here."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import _partoo_async_pytest as plugin
from partoo_async import APIConnectionError, ConfigurationError, NotFoundError, RateLimit
from partoo_async.emulator import Emulator
from partoo_async.testing import ThreadedEmulator, make_client, make_emulator
from tests.support.common import PATIENCE

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "examples" / "store_directory"
# The plugin by name, so that a checkout that is not installed will do, and none of the others that happen to be there.
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTHONPATH": str(ROOT)}
NAMED = ["-p", plugin.__name__]
WITH_ASYNCIO = ["-p", "pytest_asyncio.plugin", *NAMED]

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, quick_python: tuple[str, ...]) -> Run:
    """A function that runs pytest on the source of a test module; ``mode``: that of pytest-asyncio. ``afresh``: by a
    Python that has not imported the package."""
    for name, value in ALONE.items():
        monkeypatch.setenv(name, value)

    def start(source: str, mode: str = "strict", *, afresh: bool = False) -> pytest.RunResult:
        pytester.makeini(
            f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
        )
        pytester.makepyfile(source)
        python = (sys.executable,) if afresh else quick_python
        folder = f"--basetemp={pytester.path / 'runs'}"
        return pytester.run(*python, "-m", "pytest", *WITH_ASYNCIO, "--strict-markers", folder, timeout=60)

    return start


@pytest.mark.parametrize(("mode", "marker"), [("strict", "pytestmark = pytest.mark.asyncio"), ("auto", "")])
def test_the_fixtures_work_in_both_modes(run: Run, mode: str, marker: str) -> None:
    """A client of a running emulator, in pytest-asyncio's strict and auto mode, with warnings as errors."""
    source = f"""
        import pytest
        {marker}

        async def test_get(partoo_client, partoo_emulator):
            group = await partoo_client.groups.get(7, 42)
            assert group.business_ids == tuple(partoo_emulator.sections[7].groups[42].business_ids)
            assert [seen.status for seen in partoo_emulator.requests] == [200]
    """
    run(source, mode=mode).assert_outcomes(passed=1)


def test_every_test_has_its_own_data_and_no_limit(run: Run) -> None:
    """What one test does to the data, the next does not see; 400 requests, a minute's quota and more, pass at once."""
    source = """
        import asyncio, pytest

        @pytest.mark.parametrize("number", range(2))
        async def test_fresh(partoo_client, partoo_emulator, number):
            assert len(partoo_emulator.sections) == 6
            del partoo_emulator.sections[7]

        async def test_unlimited(partoo_client, partoo_emulator):
            for _ in range(40):
                await asyncio.gather(*(partoo_client.groups.get(9, 100 + number) for number in range(10)))
            assert {seen.status for seen in partoo_emulator.requests} == {200}
            assert len(partoo_emulator.requests) == 400
    """
    run(source, mode="auto").assert_outcomes(passed=3)


def test_options_come_from_a_fixture_and_from_marks(run: Run) -> None:
    """A project overrides the options' fixture; marks add to it, the closest one wins."""
    source = """
        import pytest
        from partoo_async import RateLimit, RateLimitError

        @pytest.fixture
        def partoo_emulator_options():
            return {"api_key": "mine", "seed": 5}

        @pytest.fixture
        def partoo_client_options():
            return {"timeout": 3.0}

        pytestmark = pytest.mark.partoo_emulator(profile="large")

        def test_of_the_module(partoo_emulator):
            assert partoo_emulator.api_key == "mine"
            assert len(partoo_emulator.sections) >= 5

        @pytest.mark.partoo_emulator(profile="small")
        class TestMarked:
            def test_of_the_class(self, partoo_emulator):
                assert len(partoo_emulator.sections) == 2

            @pytest.mark.partoo_emulator(profile=None, rate_limit=RateLimit(requests=1, per=60.0))
            async def test_of_the_test(self, partoo_client, partoo_emulator):
                assert len(partoo_emulator.sections) == 6
                await partoo_client.groups.get(7, 42)
                with pytest.raises(RateLimitError):  # at once: the quota is closed for longer than the timeout
                    await partoo_client.groups.get(7, 42)
    """
    run(source, mode="auto").assert_outcomes(passed=3)


def test_a_wrong_option_is_an_error_of_the_test_that_has_it(run: Run) -> None:
    """Unknown names, bad values and options without a name are said, and the other tests run."""
    source = """
        import pytest

        @pytest.mark.partoo_emulator(profile="huge")
        def test_value(partoo_emulator): ...

        @pytest.mark.partoo_emulator(ratelimit=None)
        def test_name(partoo_emulator): ...

        @pytest.mark.partoo_emulator(None)
        def test_position(partoo_emulator): ...

        def test_good(partoo_emulator): ...
    """
    result = run(source)
    result.assert_outcomes(passed=1, errors=3)
    result.stdout.fnmatch_lines_random(
        [
            "*ConfigurationError: profile: expected 'small' or 'typical' or 'large' or 'extreme', not 'huge'",
            "*unexpected keyword argument 'ratelimit'*",
            "*UsageError: partoo_emulator: expected options by name*",
        ]
    )


def test_code_that_reads_the_environment_or_starts_its_own_loop(run: Run) -> None:
    """``partoo_environment`` sets both variables for one test; a plain function may run the application's own loop."""
    source = """
        import asyncio, os
        from partoo_async import PartooClient

        async def application():
            async with PartooClient() as partoo:
                return await partoo.groups.get(7, 42)

        def test_application(partoo_environment):
            assert asyncio.run(application()).name == "France"
            assert asyncio.run(application()).name == "France"
            assert len(partoo_environment.requests) == 2

        def test_afterwards():
            assert not any(name.startswith("PARTOO_") for name in os.environ)
    """
    run(source).assert_outcomes(passed=2)


def test_any_scope_of_event_loops(run: Run) -> None:
    """The emulator serves tests that share a loop; their client is made by a fixture of three lines."""
    source = """
        import pytest, pytest_asyncio
        from partoo_async.testing import make_client, make_emulator

        pytestmark = pytest.mark.asyncio(loop_scope="module")

        @pytest.fixture(scope="module")
        def emulator():
            with make_emulator() as emulator:
                yield emulator

        @pytest_asyncio.fixture(loop_scope="module", scope="module")
        async def client(emulator):
            async with make_client(emulator) as client:
                yield client

        @pytest.mark.parametrize("number", range(3))
        async def test_shared(client, emulator, number):
            await client.groups.get(7, 42)
            assert len(emulator.requests) == number + 1
    """
    run(source).assert_outcomes(passed=3)


def test_a_project_that_does_not_use_it_pays_nothing(run: Run) -> None:
    """At pytest's start neither the package nor aiohttp is imported, nor anything else but the plugin itself."""
    source = """
        import sys

        def test_start():
            assert "_partoo_async_pytest" in sys.modules
            heavy = {"partoo_async", "aiohttp", "attrs", "cattrs", "orjson", "tenacity", "yarl"}
            assert not heavy & set(sys.modules)
    """
    run(source, afresh=True).assert_outcomes(passed=1)


def test_without_pytest_asyncio_it_says_what_to_install(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator works for plain tests, and only who asks for the client is told what it needs."""
    for name, value in ALONE.items():
        monkeypatch.setenv(name, value)
    pytester.makepyfile(
        pytest_asyncio="raise ImportError",
        test_it="""
            def test_plain(partoo_emulator): ...

            def test_client(partoo_client): ...
        """,
    )
    result = pytester.runpytest_subprocess(*NAMED, "-W", "error", timeout=60)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*partoo_client needs pytest-asyncio: pip install '*[[]testing[]]'"])


def test_the_tests_on_the_page_pass(run: Run) -> None:
    """Every test of docs/how-to/test-your-own-app.md, as one module; blocks that await are for a shell."""
    page = (ROOT / "docs" / "how-to" / "test-your-own-app.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    tests = [block for block in blocks if not re.search(r"^(with|async with) ", block, re.MULTILINE)]
    source = "\n\n".join(tests)
    count = source.count("def test_")
    assert count >= 7
    run(source).assert_outcomes(passed=count)


def test_the_package_declares_it() -> None:
    """pytest finds the plugin by the entry point, and both forms of the package contain it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["entry-points"]["pytest11"] == {"partoo_async": plugin.__name__}
    file = Path(plugin.__file__).name
    targets = project["tool"]["hatch"]["build"]["targets"]
    assert file in targets["wheel"]["only-include"]
    assert f"/{file}" in targets["sdist"]["include"]
    extra = " ".join(project["project"]["optional-dependencies"]["testing"])
    assert "pytest>=" in extra
    assert "pytest-asyncio>=" in extra


def test_the_sample_application_passes_its_own_tests(quick_python: tuple[str, ...]) -> None:
    """``examples/store_directory`` is tested as a user's project: with the plugin alone, warnings as errors."""
    done = subprocess.run(
        [*quick_python, "-m", "pytest", *WITH_ASYNCIO, "-p", "no:cacheprovider", "-q"],
        cwd=SAMPLE,
        env=os.environ | ALONE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "9 passed" in done.stdout


@pytest.mark.parametrize("key", [None, "another"])
def test_the_sample_application_runs(quick_python: tuple[str, ...], key: str | None) -> None:
    """Its command prints the directory, or one line of error, as the other examples do."""
    with make_emulator() as emulator:
        variables = {"PARTOO_SERVER": emulator.url, "PARTOO_API_KEY": key or emulator.api_key, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [*quick_python, str(SAMPLE / "directory.py"), "7"],
            env=os.environ | variables | {"PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    if key is None:
        assert "France: 147 shops" in done.stdout
        assert len(done.stdout.splitlines()) == 24
    else:
        assert done.returncode == 1
        assert done.stderr.startswith("error: 401")


def status_of(emulator: ThreadedEmulator, path: str) -> int:
    """Ask from a thread without an event loop."""
    request = Request(emulator.url + path, headers={"x-APIKey": emulator.api_key})
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


def test_a_plain_function_uses_the_emulator() -> None:
    """No event loop is needed around it, and none is left behind."""
    with make_emulator() as emulator:
        assert status_of(emulator, "/sections/7") == 200
        del emulator.sections[7]
        assert status_of(emulator, "/sections/7") == 404
    assert "partoo-emulator" not in [thread.name for thread in threading.enumerate()]
    with emulator:  # its data and its port stay
        assert status_of(emulator, "/sections/7") == 404
    assert len(emulator.requests) == 3


async def test_it_can_go_away_and_come_back() -> None:
    """``stop`` and ``start`` from the test's own loop are an outage of the server."""
    with make_emulator() as emulator:
        async with make_client(emulator) as client:
            await emulator.stop()
            with pytest.raises(APIConnectionError):
                await client.groups.get(7, 42)
            await emulator.start()
            assert (await client.groups.get(7, 42)).name == "France"
            with pytest.raises(RuntimeError, match="running already"):
                await emulator.start()


async def test_it_needs_its_with_block() -> None:
    """Outside of it there is no thread to run in: the error says so, and nothing is left un-awaited."""
    emulator = make_emulator()
    for use in (emulator.start, emulator.stop, emulator.__aenter__):
        with pytest.raises(RuntimeError, match="runs in a `with` block"):
            await use()


def test_a_start_that_fails_leaves_no_thread() -> None:
    """A port in use is the same error as without a thread."""
    with make_emulator() as first:
        port = int(first.url.split(":")[2].split("/")[0])
        with pytest.raises(ConfigurationError, match="host, port: cannot listen"), make_emulator(port=port):
            pass
        assert [thread.name for thread in threading.enumerate()].count("partoo-emulator") == 1


NO_HANDLES = """
import os, resource
from partoo_async.testing import make_emulator

with make_emulator():
    pass  # everything that it needs is imported
held = []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
try:
    make_emulator().__enter__()
except OSError as error:
    print(os.strerror(error.errno))
"""


def test_without_a_file_handle_it_fails_and_does_not_hang() -> None:
    """What the thread dies of before it has an event loop is raised where the emulator is entered."""
    pytest.importorskip("resource", reason="limits of a process are a thing of POSIX")
    command = [sys.executable, "-c", NO_HANDLES]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    # Its standard error is not looked at: there asyncio complains of a loop that was made by half.
    assert (ended.stdout, ended.returncode) == ("Too many open files\n", 0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a thread are a thing of POSIX")
def test_ctrl_c_gets_past_a_start_that_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up of its host may take a minute: Ctrl-C is raised at once, and the emulator stops as soon as it runs."""
    go_on = threading.Event()
    start = Emulator.start

    async def slowly(self: Emulator) -> None:
        # Again, since a signal that comes in the moment before a thread begins to wait does not wake it.
        turns = 0
        while not go_on.is_set():
            if turns % 100 == 0:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            turns += 1
            await asyncio.sleep(0.02)
        await start(self)

    monkeypatch.setattr(Emulator, "start", slowly)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    emulator = make_emulator()
    try:
        with pytest.raises(KeyboardInterrupt):
            emulator.__enter__()
    finally:
        signal.signal(signal.SIGINT, before)
        monkeypatch.undo()
        go_on.set()
    for thread in threading.enumerate():
        if thread.name == "partoo-emulator":
            thread.join(60)
    assert repr(emulator).startswith("<Emulator stopped, ")
    with emulator:
        assert repr(emulator).startswith("<Emulator running ")


def test_a_stop_that_fails_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the thread dies of at its end is raised where the block is left."""

    async def failing(self: Emulator) -> None:
        await stop(self)
        raise LookupError("the stop")

    stop = Emulator.stop
    monkeypatch.setattr(Emulator, "stop", failing)
    with pytest.raises(LookupError, match="the stop"), make_emulator():
        pass


async def test_a_client_for_tests_does_not_dawdle() -> None:
    """Retries come within milliseconds and nothing waits beyond ten seconds; every option can be set otherwise."""
    with make_emulator() as emulator:
        emulator.faults.add("status", status=500)
        async with make_client(emulator) as client:
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(Exception, match="500"):
                    await client.groups.get(7, 42)
            assert len(emulator.requests) == 5
        async with make_client(emulator, api_key="another") as client, asyncio.timeout(PATIENCE):
            emulator.faults.clear()
            with pytest.raises(Exception, match="401"):
                await client.groups.get(7, 42)


async def test_the_size_can_be_chosen() -> None:
    """``profile`` and ``groups`` go to ``with_profile``, other options to the emulator."""
    with make_emulator(profile="extreme", groups=10_000, rate_limit=RateLimit(requests=5, per=60.0)) as emulator:
        async with make_client(emulator) as client:
            assert len((await client.sections.get(10)).groups) == 1_000
            with pytest.raises(NotFoundError):
                await client.groups.get(1, 9_999)
    with make_emulator(groups=40) as emulator:
        assert sum(len(section.groups) for section in emulator.sections.values()) == 40
