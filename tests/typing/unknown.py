"""Type-checked, never run: what is not there is an error, and a comment that hides no error would be one, too."""
# pyright: reportUnnecessaryTypeIgnoreComment=true, reportUnknownVariableType=false

from __future__ import annotations

import partoo_async
import partoo_async.scan
from partoo_async import PartooClient, PartooSession, ScanItem


def names() -> tuple[object, ...]:
    from partoo_async import Nonsense  # type: ignore[attr-defined]

    unknown = partoo_async.Nonsense, partoo_async.scan.Nonsense  # type: ignore[attr-defined]
    return Nonsense, *unknown, partoo_async.__version__


def keywords(partoo: PartooClient, session: PartooSession) -> None:
    PartooClient("key", max_retries=3)  # type: ignore[call-arg]
    PartooClient("key", timeout="3")  # type: ignore[arg-type]
    partoo.scan(7, jounal="scan.db")  # type: ignore[call-arg]
    partoo.scan_all(jounal="scan.db")  # type: ignore[call-arg]
    partoo.scan_all(group_ids=[42])  # type: ignore[call-arg]
    partoo.scan_all(max_outage="long")  # type: ignore[arg-type]
    partoo.with_options(timout=3)  # type: ignore[call-arg]
    partoo.with_options(timeout="3")  # type: ignore[arg-type]
    session.with_options(proxy="http://proxy")  # type: ignore[call-arg]


async def mistakes(partoo: PartooClient) -> None:
    with partoo:  # type: ignore[attr-defined]
        pass
    await partoo.scan(7)  # type: ignore[misc]
    for _ in partoo.scan(7):  # type: ignore[attr-defined]
        pass
    for _ in partoo.sections.iterate():  # type: ignore[attr-defined]
        pass


def groups(item: ScanItem) -> str:
    return item.group.name  # type: ignore[union-attr]  # it may be a failure
