"""Stand-ins for Airflow, Prefect, Dagster and IPython, which the suite has not: what a page defines runs at once."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

T = TypeVar("T")

DAY = "2026-03-01"


class BashOperator:
    """Runs its command twice, as Airflow does with a task that is repeated."""

    def __init__(self, *, task_id: str, bash_command: str, cwd: str, retries: int) -> None:
        assert (task_id, Path(cwd).is_absolute(), retries) == ("scan", True, 5)
        for _ in range(2):
            subprocess.run(bash_command.replace("{{ ds }}", DAY), shell=True, check=True)


def _airflow_dag(_name: str, *, schedule: str, catchup: bool, max_active_runs: int) -> Callable[[T], T]:
    assert (schedule, catchup, max_active_runs) == ("@daily", False, 1)
    return lambda function: function


def _airflow_task(**options: Any) -> Callable[[Callable[[str], Any]], Callable[[str], None]]:
    """Runs the task twice, and shows what it returned: the second time nothing is left to do."""
    assert options.keys() == {"retries", "retry_delay", "execution_timeout", "pool"}

    def twice(function: Callable[[str], Any]) -> Callable[[str], None]:
        def run(template: str) -> None:
            results = [function(template.replace("{{ ds }}", DAY)) for _ in range(2)]
            groups = results[0]["groups"]
            assert [result["recorded before"] for result in results] == [0, groups]

        return run

    return twice


@contextlib.contextmanager
def _dag(_name: str, *, schedule: str, catchup: bool) -> Any:
    assert (schedule, catchup) == ("@daily", False)
    yield


def _task(*, retries: int, retry_delay_seconds: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def twice(function: Callable[..., None]) -> Callable[..., None]:
        def run(*arguments: Any) -> None:
            for _ in range(2):
                function(*arguments)

        return run

    assert (retries, retry_delay_seconds) == (5, 60)
    return twice


def _asset(*, partitions_def: Any, retry_policy: Any) -> Callable[[Callable[..., None]], None]:
    def run(function: Callable[..., None]) -> None:
        for _ in range(2):
            function(SimpleNamespace(partition_key="2026-03-02"))

    assert partitions_def == "2026-01-01"
    assert retry_policy == {"max_retries": 5, "delay": 60}
    return run


def _display(_first: object, *, display_id: bool) -> SimpleNamespace:
    """Shows each update as a notebook does, and no other kind of object than has a form for it."""
    assert display_id
    return SimpleNamespace(update=lambda value: value._repr_html_())


def _module(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


def stand_ins() -> dict[str, ModuleType]:
    """The modules, by the names under which they are imported."""
    packages = ["airflow", "airflow.providers", "airflow.providers.standard", "airflow.providers.standard.operators"]
    modules = [_module(name) for name in packages]
    modules += [
        _module(
            "airflow.sdk",
            DAG=_dag,
            Connection=SimpleNamespace(get=lambda _: SimpleNamespace(password=os.environ["PARTOO_API_KEY"])),
            dag=_airflow_dag,
            task=_airflow_task,
        ),
        _module("airflow.sdk.exceptions", AirflowFailException=type("AirflowFailException", (Exception,), {})),
        _module("airflow.providers.standard.operators.bash", BashOperator=BashOperator),
        _module("IPython"),
        _module("IPython.display", display=_display),
        _module("prefect", flow=lambda function: function, task=_task),
        _module(
            "dagster",
            asset=_asset,
            AssetExecutionContext=Any,
            DailyPartitionsDefinition=lambda start: start,
            RetryPolicy=dict,
        ),
    ]
    return {module.__name__: module for module in modules}
