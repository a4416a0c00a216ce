"""Rows on their way from a plane to the user: into memory, or group by group into a Parquet file.

A plane hands rows over as they are done; here they are put in order of their serial, so that row n is packet n. In
a file, what comes after a row that is still under way waits in memory; more than two groups of it wait on disk, in a
scratch file beside. So memory is bounded however long a run is, and however long one row is held up.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from nicmodel.datasheet.books import WAITS
from nicmodel.datasheet.stages import STAGES
from nicmodel.lab.files import whole_file, writing
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.results import ROW_DTYPE

WAIT_COLUMNS = [(f"wait_{wait.name}", np.int64) for wait in WAITS]


def unit_of(column: str) -> str | None:
    """The unit of a column, or None for what has none.

    >>> unit_of("POSTED"), unit_of("wait_tags"), unit_of("length"), unit_of("serial")
    ('ps', 'ps', 'B', None)
    """
    if column in STAGES or column.startswith("wait_"):
        return "ps"
    return "B" if column == "length" else None


class RowSink(Protocol):
    """Where rows go."""

    def add(self, rows: np.ndarray, waits: np.ndarray) -> None:
        """Rows [n] of ROW_DTYPE, each once in a run, and their waits: [n, W], or [0, W] without books. In any order."""


class Forgotten:
    """Rows that nobody asked to see."""

    def add(self, rows: np.ndarray, waits: np.ndarray) -> None:
        """Nothing is kept."""


class RowsInMemory:
    """Every row of a run."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []

    def add(self, rows: np.ndarray, waits: np.ndarray) -> None:
        if len(rows):
            self.parts.append(with_waits(rows, waits))

    def all(self) -> np.ndarray:
        """Rows by serial; waits, if books were kept, are further columns."""
        return in_order(self.parts) if self.parts else np.empty(0, ROW_DTYPE)


def with_waits(rows: np.ndarray, waits: np.ndarray) -> np.ndarray:
    """Rows with a column `wait_*` in ps for each wait of the books; as they are if no waits were kept."""
    if not len(waits):
        return rows
    table = np.empty(len(rows), np.dtype(ROW_DTYPE.descr + WAIT_COLUMNS))
    for name in ROW_DTYPE.names or ():
        table[name] = rows[name]
    for position, (name, _) in enumerate(WAIT_COLUMNS):
        table[name] = waits[:, position]
    return table


def in_order(parts: list[np.ndarray]) -> np.ndarray:
    """One array of all rows, by serial."""
    rows = np.concatenate(parts)
    return rows[np.argsort(rows["serial"], kind="stable")]


@contextmanager
def row_file(path: Path, group: int) -> Iterator[RowFile]:
    """A Parquet file of the rows that are added inside; on any failure there is none. A full disk is a ScenarioError."""
    with whole_file(path) as beside:
        rows = RowFile(beside, group, path)
        try:
            yield rows
            rows.finish()
        finally:
            rows.close()


class RowFile:
    """Parquet, in groups of `group` rows. Serials are 0, 1, 2, ... in a run, and each comes once, in any order. `named` is what
    errors call the file."""

    def __init__(self, path: Path, group: int, named: Path | None = None):
        self.path, self.group, self.named = path, group, named or path
        self.parts: list[np.ndarray] = []                # in memory, not yet written
        self.kept = 0                                    # rows of them
        self.written = 0                                 # serial of the next row of the file
        self.end = 0                                     # one more than the greatest serial that has come
        self.missing = np.empty(0, np.int64)             # serials below `end` that have not come
        self.scratch: IO[bytes] | None = None            # rows at their serial's place; the missing leave gaps
        self.writer: Any = None
        self.dtype = ROW_DTYPE

    def add(self, rows: np.ndarray, waits: np.ndarray) -> None:
        """As a `RowSink`: groups are written as soon as no row before them is missing. ScenarioError if the disk is full."""
        if not len(rows):
            return
        table = with_waits(rows, waits)
        self.dtype = table.dtype
        end = max(self.end, int(table["serial"].max()) + 1)
        awaited = np.concatenate((self.missing, np.arange(self.end, end)))
        self.missing, self.end = np.setdiff1d(awaited, table["serial"], assume_unique=True), end
        self.parts.append(table)
        self.kept += len(table)
        if self.kept >= self.group:
            with writing(self.named):
                self._write_groups()

    def finish(self) -> None:
        """The last group. Raises ModelBug if a row has not come."""
        if len(self.missing):
            raise ModelBug(f"row {self.missing[0]} never came")
        with writing(self.named):
            self._write_groups()
            if self.written < self.end or self.writer is None:
                self._write(in_order(self.parts) if self.parts else np.empty(0, self.dtype))
        self.close()

    def close(self) -> None:
        """Let go of the files, finished or not. ScenarioError if the disk is full."""
        files, self.writer, self.scratch = (self.writer, self.scratch), None, None
        with writing(self.named):
            for file in files:
                if file is not None:
                    file.close()

    def _write_groups(self) -> None:
        """Write as many whole groups as are complete; see that what is left does not fill memory."""
        ready = int(self.missing[0]) if len(self.missing) else self.end
        if self.scratch is None:
            rows = in_order(self.parts) if self.parts else np.empty(0, self.dtype)
            first = 0
            while self.written + self.group <= ready:
                self._write(rows[first:first + self.group])
                first += self.group
            self._keep(rows[first:].copy())
            if self.kept > 2 * self.group:
                self.scratch = tempfile.TemporaryFile(dir=self.path.parent)
        if self.scratch is not None:
            self._spill()
            while self.written + self.group <= ready:
                self._write(self._read(self.written, self.written + self.group))
            if self.end - self.written <= 2 * self.group:
                rows = self._read(self.written, self.end)
                self._keep(rows[~np.isin(np.arange(self.written, self.end), self.missing)])
                self.scratch.close()
                self.scratch = None

    def _keep(self, rows: np.ndarray) -> None:
        self.parts, self.kept = [rows] if len(rows) else [], len(rows)

    def _spill(self) -> None:
        """Rows in memory go to their places in the scratch file, runs of neighbours at a time."""
        rows, file = in_order(self.parts), self.scratch
        assert file is not None
        for run in np.split(rows, np.nonzero(np.diff(rows["serial"]) > 1)[0] + 1):
            file.seek(int(run["serial"][0]) * self.dtype.itemsize)
            file.write(run.tobytes())
        self._keep(rows[:0])

    def _read(self, first: int, end: int) -> np.ndarray:
        assert self.scratch is not None
        self.scratch.seek(first * self.dtype.itemsize)
        return np.frombuffer(self.scratch.read((end - first) * self.dtype.itemsize), self.dtype)

    def _write(self, rows: np.ndarray) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table({name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()})
        fields = [field.with_metadata({"unit": unit}) if (unit := unit_of(field.name)) else field for field in table.schema]
        table = table.cast(pa.schema(fields))
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.path, table.schema)
        self.writer.write_table(table)
        self.written += len(rows)
