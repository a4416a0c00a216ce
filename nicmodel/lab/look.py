"""The look of what is printed: tables without lines, whose headings are bold and whose cells fold rather than lose a letter."""

from __future__ import annotations

from collections.abc import Collection

from rich.table import Table


def plain(*columns: str, right: Collection[str] = (), whole: Collection[str] = ()) -> Table:
    """A table with these columns: those in `right` are flush right, those in `whole` stay on one line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column in whole, overflow="fold")
    return table


def counted(number: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "VF"), counted(1200, "frame"), counted(0, "row")
    ('1 VF', '1,200 frames', '0 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
