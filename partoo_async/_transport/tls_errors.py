"""Failures of TLS in words, with what to do about them."""

from __future__ import annotations

import ssl

__all__ = ["refusal", "tls_hint"]

_ASKS = "the server asks for a client certificate: give ssl_context one by load_cert_chain()"
_REFUSES = "the server refuses the client certificate of ssl_context"
# What a server says of the client's certificate, by the name of its alert.
_ALERTS = {
    "CERTIFICATE_REQUIRED": _ASKS,
    "HANDSHAKE_FAILURE": f"perhaps {_ASKS}",
    "CERTIFICATE_EXPIRED": "the client certificate of ssl_context has expired",
    "CERTIFICATE_REVOKED": "the client certificate of ssl_context was revoked",
    "UNKNOWN_CA": "the server does not know the CA of the client certificate of ssl_context",
    "BAD_CERTIFICATE": _REFUSES,
    "CERTIFICATE_UNKNOWN": _REFUSES,
    "UNSUPPORTED_CERTIFICATE": _REFUSES,
    "ACCESS_DENIED": _REFUSES,
}
_PRIVATE_CA = "for a private CA: ssl_context=ssl.create_default_context(cafile=...)"
# OpenSSL's codes for a chain that ends nowhere: unknown or self-signed.
_UNTRUSTED = {2, 18, 19, 20, 21}
_EXPIRED = 10
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}


def refusal(error: BaseException) -> ssl.SSLError | None:
    """Return what a server said of the client's certificate when it ended the connection, or None.

    With TLS 1.3 a client may send its request before the server has looked at its certificate.
    """
    cause = error.__cause__
    return cause if isinstance(cause, ssl.SSLError) and _alert(cause) in _ALERTS else None


def tls_hint(error: BaseException) -> str:
    """Return what to do about an error of TLS, "" if its text says it all."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    if isinstance(inner, ssl.SSLCertVerificationError):
        code = getattr(inner, "verify_code", 0)  # set by a handshake alone
        return _PRIVATE_CA if code in _UNTRUSTED else "the server's" if code == _EXPIRED else ""
    if getattr(inner, "reason", None) in _NO_TLS:
        return "no TLS is spoken there: http:// instead of https:// in the address?"
    return _ALERTS.get(_alert(inner), "")


def _alert(error: BaseException) -> str:
    # Such as "TLSV13_ALERT_CERTIFICATE_REQUIRED". The part in front is that of the version which brought the alert.
    return (getattr(error, "reason", None) or "").rpartition("ALERT_")[2]
