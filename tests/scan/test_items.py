"""The items of a scan as values: the union, its pickles, and those of former versions."""

from __future__ import annotations

import copy
import pickle
import typing

import pytest

import partoo_async.scan.outcomes
import partoo_async.scan.report
from partoo_async import (
    Group,
    NotFoundError,
    PartooClient,
    PartooError,
    RetryPolicy,
    ScanFailure,
    ScanItem,
    ScanReport,
    ScanSuccess,
)
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.support.each import each

FRANCE = ScanSuccess(7, 42, Group(42, "France", False, ("a",)), None, 1, 0.5)
REFUSED = ScanFailure(7, None, None, NotFoundError(404), 2, 0.5, recorded=True)


def test_an_item_is_one_of_two() -> None:
    """``isinstance`` takes the union, and what is no outcome is none."""
    assert typing.get_args(ScanItem) == (ScanSuccess, ScanFailure)
    assert isinstance(FRANCE, ScanItem)
    assert isinstance(REFUSED, ScanItem)
    assert not isinstance(FRANCE.group, ScanItem)


def test_a_report_tells_them_apart() -> None:
    """``succeeded`` and ``failed`` have each item once, in order."""
    report = ScanReport((FRANCE, REFUSED, FRANCE), 3, 1.0)
    assert report.succeeded == (FRANCE, FRANCE)
    assert report.failed == (REFUSED,)


@each("item", [FRANCE, REFUSED])
def test_an_item_is_a_value(item: ScanItem) -> None:
    """Items copy and pickle, and come back as the same class with the same fields."""
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        found = pickle.loads(pickle.dumps(item, protocol=protocol))
        assert type(found) is type(item)
        assert repr(found) == repr(item)
    assert copy.copy(item) == item
    assert repr(copy.deepcopy(item)) == repr(item)


@pytest.mark.parametrize("fault", ["gateway_page", "reset", "html", "wrong_type"])
async def test_the_items_of_a_scan_pickle(fault: str) -> None:
    """Whatever a group failed with, its item can go to another process, and says there what it said here."""
    section = EmulatedSection(7, "S", {1: EmulatedGroup(1, "A"), 2: EmulatedGroup(2, "B")})
    async with Emulator(sections=[section]) as emulator:
        async with PartooClient(emulator.api_key, server=emulator.server, retry=RetryPolicy(0)) as client:
            emulator.faults.add(fault, match="/sections/7/groups/2")
            report = await client.scan(7).collect()
    found = pickle.loads(pickle.dumps(report))
    assert found.succeeded == report.succeeded
    assert [repr(item) for item in found.failed] == [repr(item) for item in report.failed]
    assert len(found.failed) == 1


# A report with a success and a failure, as versions wrote it in which ``ScanItem`` was a class: %s is its module.
FORMER = (
    b"\x80\x02c%s\nScanReport\nq\x00)\x81q\x01}q\x02(X\x05\x00\x00\x00itemsq\x03c%s\nScanItem\nq\x04)\x81q\x05}q\x06("
    b"X\n\x00\x00\x00section_idq\x07K\x07X\x08\x00\x00\x00group_idq\x08K*X\x05\x00\x00\x00groupq\tcpartoo_async.models\n"
    b"Group\nq\n)\x81q\x0b}q\x0c(X\x02\x00\x00\x00idq\rK*X\x04\x00\x00\x00nameq\x0eX\x06\x00\x00\x00Franceq\x0fX\n\x00"
    b"\x00\x00has_pullerq\x10\x89X\x0c\x00\x00\x00business_idsq\x11X\x01\x00\x00\x00aq\x12\x85q\x13ubX\x05\x00\x00\x00"
    b"errorq\x14NX\x08\x00\x00\x00attemptsq\x15K\x01X\x07\x00\x00\x00elapsedq\x16G?\xe0\x00\x00\x00\x00\x00\x00X\x08"
    b"\x00\x00\x00recordedq\x17\x89ubh\x04)\x81q\x18}q\x19(h\x07K\x07h\x08Nh\tNh\x14cpartoo_async.errors\n_rebuild\n"
    b"q\x1acpartoo_async.errors\nPartooError\nq\x1bX\x02\x00\x00\x00noq\x1c\x85q\x1d}q\x1e\x87q\x1fRq h\x15K\x02h\x16G?"
    b'\xe0\x00\x00\x00\x00\x00\x00h\x17\x88ub\x86q!X\x08\x00\x00\x00requestsq"K\x03X\x07\x00\x00\x00secondsq#G?\xf0\x00'
    b"\x00\x00\x00\x00\x00X\x05\x00\x00\x00driftq$}q%%X\x07\x00\x00\x00retriesq&K\x00X\x05\x00\x00\x00addedq')X\x07\x00"
    b"\x00\x00deletedq()X\x08\x00\x00\x00completeq)\x88ub."
)


@each("module", [partoo_async.scan.report, partoo_async.scan.outcomes])
def test_former_pickles_can_be_read(module: typing.Any) -> None:
    """A pickle that names a class ``ScanItem``, in either module that had it, gives a success and a failure."""
    name = module.__name__.encode()
    report = pickle.loads(FORMER % (name, name))
    success, failure = report.items
    assert success == FRANCE
    assert type(failure) is ScanFailure
    assert type(failure.error) is PartooError
    assert (str(failure.error), failure.group_id, failure.attempts, failure.recorded) == ("no", None, 2, True)
    assert pickle.loads(pickle.dumps(success)) == FRANCE
    with pytest.raises(AttributeError):
        success.group = None
