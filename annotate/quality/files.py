"""Long CSV files of judgements, read by column: what `python -m annotate.quality` works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from annotate.quality.table import TableError

FIRST_ROW = 2
"""The line of the first row: names are on line 1."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column of texts as whole codes: many rows hold few different texts."""

    name: str
    codes: NDArray[np.int64]
    """(rows,) into `labels`."""
    labels: list[str]

    def __len__(self) -> int:
        return self.codes.size

    def texts(self) -> NDArray[np.object_]:
        """(rows,)"""
        return np.array(self.labels, dtype=object)[self.codes]


@dataclass(frozen=True, eq=False)
class Rows:
    """The columns of a file that were asked for."""

    path: Path
    columns: dict[str, Column]
    line: NDArray[np.int64]
    """(rows,): the line of each row in the file, where no cell spans several."""

    def __len__(self) -> int:
        return self.line.size

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column (rows,) as numbers, or TableError naming the first line that holds none."""
        column = self.columns[name]
        found = np.full(len(column.labels), np.nan)
        for code, label in enumerate(column.labels):
            try:
                found[code] = float(label)
            except ValueError:
                continue
        values = found[column.codes]
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            text = column.labels[column.codes[wrong[0]]]
            raise TableError(f"{self.path}, line {self.line[wrong[0]]}: the {name} {text!r} is not a number.")
        return values

    def without(self, name: str, missing: str) -> Rows:
        """The rows whose column holds something else than the mark of a missing value."""
        column = self.columns[name]
        if missing not in column.labels:
            return self
        kept = column.codes != column.labels.index(missing)
        return replace(
            self,
            columns={key: replace(one, codes=one.codes[kept]) for key, one in self.columns.items()},
            line=self.line[kept],
        )


def read_rows(path: Path, names: Sequence[str], *, may_be_empty: Sequence[str] = ()) -> Rows:
    """These columns of a CSV file with a line of names, in UTF-8.

    Raises TableError for a file that cannot be read or has no such column, and for empty cells, naming the line, in
    columns other than `may_be_empty`.
    """
    wanted = list(dict.fromkeys(names))
    present = _names(path)
    missing = [name for name in wanted if name not in present]
    if missing:
        raise TableError(f"{path} has no column {missing[0]!r}; it has {', '.join(present) or 'none at all'}.")
    try:
        table = csv.read_csv(
            path,
            convert_options=csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
            ),
            parse_options=csv.ParseOptions(newlines_in_values=True),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise TableError(f"{path} is not a CSV file in UTF-8: {str(error).splitlines()[0]}") from error
    columns = {name: _column(name, table[name]) for name in wanted}
    rows = Rows(path, columns, np.arange(FIRST_ROW, FIRST_ROW + table.num_rows))
    for name in wanted:
        if name not in may_be_empty:
            _refuse_empty(rows, name)
    return rows


def _names(path: Path) -> list[str]:
    try:
        with csv.open_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True)) as reader:
            names = reader.schema.names
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise TableError(f"{path} is not a CSV file in UTF-8: {str(error).splitlines()[0]}") from error
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TableError(f"{path} has two columns named {twice!r}.")
    return names


def _column(name: str, chunked: pa.ChunkedArray) -> Column:
    encoded = pc.dictionary_encode(chunked).combine_chunks() if chunked.num_chunks else chunked
    if not len(chunked):
        return Column(name, np.zeros(0, np.int64), [])
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    return Column(name, encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist())


def _refuse_empty(rows: Rows, name: str) -> None:
    column = rows[name]
    if "" in column.labels:
        row = int(np.flatnonzero(column.codes == column.labels.index(""))[0])
        raise TableError(
            f"{rows.path}, line {rows.line[row]}: the {name} is empty. Leave out rows that say nothing, or name the"
            " mark of a missing value with --missing."
        )
