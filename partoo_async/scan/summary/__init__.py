"""A report on a scan: one HTML page, Markdown for a mail, or JSON for programs.

``facts`` has its values, ``gather`` makes them of a journal or a report, ``overlaps`` finds groups that
share businesses. ``words`` and ``changes`` say it in sentences, which ``html`` (with ``style``, ``charts`` and
``elements``), ``markdown`` and ``as_json`` lay out; ``writing`` puts it into a file.
"""

from partoo_async.scan.summary.facts import Run
from partoo_async.scan.summary.writing import began, check_report, summary_text, write_report, write_scan

__all__ = ["Run", "began", "check_report", "summary_text", "write_report", "write_scan"]
