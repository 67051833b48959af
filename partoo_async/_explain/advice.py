"""What to do about an error: the one table. ``docs/errors.md`` shows it; a test compares them."""

from __future__ import annotations

__all__ = ["ARGUMENTS", "CAUSES", "CLASSES", "STATUSES", "advice"]

# The nearest class of an error counts.
CLASSES = {
    "ConfigurationError": "correct the argument that the message names",
    "ClientClosedError": "make one client in each loop and each process, and close it after its last call",
    "QuotaExceededError": "come back after `retry_after` seconds, or give it more `timeout`. For many groups at once "
    "use `scan(section_id, group_ids=[...])`: it waits for the quota, whatever the timeout",
    "DeadlineExceededError": "raise `timeout`, or see `last_error` for what went wrong before",
    "APIConnectionError": "check network and server",
    "APITimeoutError": "try again later, or raise `attempt_timeout`",
    "APIResponseValidationError": "report it with `problems`, which name the places and never quote the payload",
    "APIStatusError": "see `status` and `body`",
    "BadRequestError": "see `body.errors.json`, and correct the request",
    "AuthenticationError": "check the key and the server, which the message names",
    "PermissionDeniedError": "check `can_edit` and `has_puller`; then the key's role",
    "NotFoundError": "check the ids, and that the key may see them",
    "UnsupportedMediaTypeError": "report it: the client sends JSON",
    "RateLimitError": "come back after `retry_after` seconds; lower `RateLimit.share`, or share the quota with "
    "`quota=`, if other processes use it",
    "InternalServerError": "come back later; if it lasts, ask Partoo, with `headers` and the time",
    "LostUpdateError": "let one program at a time write the group; `business_ids` is what it has now",
    "ScanError": "see `report.failed`; scan those again with `group_ids`, or resume the journal",
    "PartooError": "see the message",
}

# Of a status that says more than its class.
STATUSES = {
    "3xx": "check the URL of `server`: redirects are never followed, since the key goes to the chosen server only",
    "402": "ask Partoo about the contract of the organization",
    "405": "check `method` and `path` against the API's documentation",
    "407": "give `proxy` the user and password that the proxy asks for",
    "408": "try again: the server did not get the request in time",
    "409": "read the object again, then write: something else changed it",
    "410": "forget the id: the object is gone for good",
    "413": "send less at once",
    "422": "see `body`, and correct the request",
    "425": "try again",
    "501": "check `method` and `path`: the server does not know them, and a repetition will not help",
    "505": "check the proxy or gateway in between: it does not speak HTTP/1.1",
    "511": "log in to the network: its gateway answered in place of the server",
}

# Of an APIConnectionError, by words of its text.
CAUSES = {
    "TLS failed": "check the clock and the certificates of this machine; those of a private authority go into "
    "`ssl_context`",
    "the proxy responded": "check the URL, user and password of `proxy`",
    "DNSError": "check the URL of `server`, and the name servers of this machine",
    "Connection refused": "check the port of the server, and whether it runs; a firewall may refuse, too",
    "no connection within": "check network and firewall: nothing answered at the address of the server",
    "api_key: the callable": "call the `api_key` callable by itself: it gave no key, so nothing was sent",
}

# Of a ConfigurationError, by the argument that its message begins with.
ARGUMENTS = {
    "api_key": "pass `api_key=`, or set `PARTOO_API_KEY`",
    "server": 'pass `server="production"`, `"sandbox"` or an https URL',
    "PARTOO_SERVER": "set it to production, sandbox or an https URL, or unset it",
    "section_id": "pass the number, such as `section.id`",
    "section_ids": "pass one id or several, such as `[section.id for section in sections]`",
    "group_id": "pass the number, such as `group.id`",
    "group_ids": "pass several ids of one section, such as `[group.id for group in section.groups]`",
    "business_ids": "pass a list of texts, such as `[business.id]`",
    "journal": "give another path, or `resume=True` to go on with an existing journal",
    "quota": "pass a `Quota`, `FileQuota`, `RedisQuota` or the URL of one; see also `PARTOO_QUOTA`",
    "rate_limit": "pass `RateLimit(requests=300, per=60)`, or None for no limit",
    "retry": "pass `RetryPolicy(max_retries=4)`",
    "timeout": "pass a number of seconds",
    "attempt_timeout": "pass a number of seconds",
}


def advice(classes: list[str], status: int | None, text: str) -> str:
    """Return what to do, for an error's text and the names of its classes, the nearest first."""
    if status is not None:
        told = STATUSES.get(str(status)) or ("" if status == 304 else STATUSES.get(f"{status // 100}xx", ""))
        if told:
            return told
    if "ConfigurationError" in classes and (argument := text.partition(":")[0]) in ARGUMENTS:
        return ARGUMENTS[argument]
    if "APIConnectionError" in classes and (found := [CAUSES[words] for words in CAUSES if words in text]):
        return found[0]
    return next(CLASSES[name] for name in [*classes, "PartooError"] if name in CLASSES)
