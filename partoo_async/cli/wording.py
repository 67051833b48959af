"""Messages of the package in the words of the command line: options in place of Python's arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["OPTIONS", "in_options", "named", "usage_text"]

# What the package calls an argument, and every command an option. A command may call one by another name.
OPTIONS: Mapping[str, str] = {
    "path": "--output",
    "format": "--format",
    "rows": "--rows",
    "delimiter": "--delimiter",
    "section_id": "SECTION_ID",
    "section_ids": "SECTION_ID",
    "group_id": "GROUP_ID",
    "group_ids": "--group",
    "org_id": "--org-id",
    "business_id": "ID",
    "business_ids": "BUSINESS_ID",
    "ids": "BUSINESS_ID",
    "organizations": "FILE",
    "at_once": "--at-once",
    "max_failures": "--max-failures",
    "max_outage": "--max-outage",
    "max_concurrency": "--max-concurrency",
    "strategy": "--strategy",
    "verify": "--verify",
    "resume": "--resume",
    "timeout": "--timeout",
    "trust_env": "proxy",
    "server": "--server",
    "dask": "--dask",
    "quota": "--quota",
    "rate_limit": "--rate-limit",
    "requests": "--rate-limit",
    "per": "--rate-limit",
    "share": "--share",
    "journal": "--journal",
    "journals": "--journals",
    "state": "--state",
    "to": "--to",
    "report": "--report",
    "organization": "--organization",
    "dataset": "--dataset",
    "keep": "--keep",
    "history": "--history",
    "every": "--every",
    "exec": "--exec",
    "before": "BEFORE",
    "after": "AFTER",
    "code": "--code",
    "query": "--search",
    "group_name_query": "--name",
    "groups": "--group",
    "status": "--status",
    "city": "--city",
    "country": "--country",
    "host": "--host",
    "port": "--port",
}

# As in `resume=True (--resume)`, `timeout=5 s`, `RateLimit(share=...)`, but not in a URL.
_ARGUMENT = re.compile(r"(?<![\w?&/.])([a-z_]+)=(True|None|\.\.\.)?( \(--[a-z-]+\))?(?=(\S?))")
_CALLS = re.compile(r"RateLimit\((--[a-z-]+)\)(?: and RateLimit\([^)]*\))?")
_PYTHON_ONLY = re.compile(r"; the key is api_key=")

_INVALID = re.compile(r"^Invalid value for '([^']+)'(?: / '[^']+')*: ")
_INPUT = re.compile(r": Input should be (?=(greater|less)?)")
# Of releases of typer that stand on click, and of those that do not.
_FORMS = (
    (re.compile(r"^Missing (?:argument|option) '([^']+)'(?: / '[^']+')*\.?"), r"\1: missing"),
    (re.compile(r"^Option '([^']+)' requires (?:an argument|\d+ arguments)\.?$"), r"\1: expected a value"),
    (re.compile(r"^Got unexpected extra arguments?(?:\(s\))? \((.*)\)$"), r"too many words: \1"),
    (re.compile(r"^No such option: (-[^\s.]*)\.?"), r"there is no option \1"),
    (re.compile(r"(?: \(Possible options: ([^)]+)\)| Did you mean ([^?]+)\?)$"), r"; did you mean \1\2?"),
)
_TYPE = re.compile(r", unable to parse string as an? (?:integer|number)$")


def named(text: str, names: Mapping[str, str] = OPTIONS) -> str:
    """Return an error's text that begins with the names of arguments, beginning with those of options."""
    begin, colon, problem = text.partition(": ")
    return f"{', '.join(names.get(name, name) for name in begin.split(', '))}{colon}{problem}"


def in_options(text: str) -> str:
    """Return a text in which options stand in place of ``argument=``."""
    text = _PYTHON_ONLY.sub("", text)
    return _CALLS.sub(r"\1", _ARGUMENT.sub(_option, text)) if "=" in text else text


def usage_text(text: str) -> str:
    """Return what typer says of a wrong word in the form of all other errors, whichever release says it."""
    for form, ours in _FORMS:
        text = form.sub(ours, text)
    text = _INVALID.sub(r"\1: ", text)
    text = _TYPE.sub("", text.replace(": Value error, ", ": "))
    return _INPUT.sub(lambda found: f": expected {'a value ' if found[1] else ''}", text)


def _option(found: re.Match[str]) -> str:
    name, value, _, after = found.groups()
    option = OPTIONS.get(name)
    if option is None or not option.startswith("-"):
        return found[0]
    if value == "None":
        return f"{option} none"
    return option if value or not after or not re.match(r"[\w.]", after) else f"{option} "
