"""The summary as a table on the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cryptick.report.summary import Summary
from cryptick.report.words import figure_rows, setting_rows

__all__ = ["print_summary"]


def print_summary(summary: Summary, console: Console) -> None:
    """Print the summary as a table, and below it what a reader must know of the data."""
    table = Table(title=f"{summary.strategy}, {summary.mode}", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for rows in (figure_rows(summary), setting_rows(summary)):
        for name, text in rows:
            table.add_row(Text(name), Text(text))
        table.add_section()
    console.print(table)
    for warning in summary.warnings:
        console.print(f"note: {warning}", markup=False)
