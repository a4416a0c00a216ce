"""The look of every table that is printed: no lines, bold headings, and cells that fold rather than lose a letter."""

from __future__ import annotations

from collections.abc import Collection

from rich.table import Table


def plain(*columns: str, right: Collection[str] = (), whole: Collection[str] = ()) -> Table:
    """A table with these columns: those in `right` are flush right, those in `whole` stay on one line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column in whole, overflow="fold")
    return table
