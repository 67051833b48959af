"""A certificate as people read it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from partoo_async.cli.text import one_line

__all__ = ["Certificate"]


@frozen
class Certificate:
    """Whom a certificate names, who issued it, and when it ends, in seconds since 1970."""

    subject: str
    issuer: str
    end: float | None

    @classmethod
    def of(cls, peer: Mapping[str, Any] | None) -> Certificate:
        """Return what the ssl module tells of the other side."""
        peer = peer or {}
        ends = peer.get("notAfter")
        names = [name for kind, name in peer.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
        subject = names[0] if names else _name(peer.get("subject", ()))
        return cls(
            one_line(subject),
            one_line(_name(peer.get("issuer", ()))),
            None if ends is None else ssl.cert_time_to_seconds(ends),
        )

    @property
    def ends(self) -> str | None:
        """The day on which it ends."""
        return None if self.end is None else datetime.fromtimestamp(self.end, UTC).date().isoformat()

    def days_left(self, now: float) -> int | None:
        """Return the days until it ends, at a time in seconds since 1970."""
        return None if self.end is None else int((self.end - now) // 86_400)

    def __str__(self) -> str:
        until = f", valid until {self.ends}" if self.ends else ""
        return f"certificate of {self.subject or 'nobody'} from {self.issuer or 'nobody'}{until}"


def _name(parts: Any) -> str:
    fields = {name: value for part in parts for name, value in part}
    return str(fields.get("organizationName") or fields.get("commonName") or "")
