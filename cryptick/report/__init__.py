"""What a run came to: the summary, its table on the terminal, and the page that shows it all."""

from typing import TYPE_CHECKING

from cryptick.report.result import RunResult
from cryptick.report.summary import Summary, write_summary
from cryptick.report.terminal import print_summary

if TYPE_CHECKING:
    from cryptick.run_directory import RunDirectory

__all__ = ["RunResult", "Summary", "print_summary", "write_report", "write_summary"]


def write_report(result: RunResult, summary: Summary, directory: "RunDirectory") -> None:
    """Write ``report.html``: one file that needs nothing else, not even a network."""
    from cryptick.report.page import render_report  # only who writes a page needs its assets

    directory.write_text("report.html", render_report(result, summary, directory.read_run()))
