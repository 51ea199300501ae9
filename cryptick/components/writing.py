"""Write one component's files, so that a reader in another process never sees half of anything."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from cryptick.components.cells import Cell, RowEncoder, encode_text
from cryptick.components.format import Format, data_name, format_name
from exchange_wrapper.errors import ApiUsageError

__all__ = ["Change", "Writer"]

Change = Literal["created", "appended", "replaced", "value"]

_BUFFER_CHARACTERS: Final = 1 << 18
_REPLACE_MAX: Final = 100_000  # rows that are held in memory until they are written
_ROWS_MAX: Final = 10_000_000  # a run that goes wild must not fill the disk


class Writer:
    """A component's rows and format, and how they reach the disk.

    Rows wait in memory until `flush`. The data come first and then the format, which says how
    many of them there are.

    Parameters
    ----------
    format : Format
    directory : Path, optional
        Without one nothing is written, but all is checked.

    Attributes
    ----------
    format : Format
        As it was flushed last, but for its value.
    """

    def __init__(self, format: Format, directory: Path | None) -> None:
        self.format = format
        self._directory = directory
        self._encode = RowEncoder(format.id, format.columns)
        self._head = ",".join(encode_text(column.name) for column in format.columns) + "\n"
        self._lines: list[str] = []
        self._characters = 0
        self._rows = 0
        self._generation = format.generation
        self._fresh = True  # whether the lines begin a generation
        if format.columns:
            self._begin()
        self._write()

    def append(self, cells: Sequence[Cell]) -> bool:
        """Add a row; return whether it is time to flush.

        Raises
        ------
        ApiUsageError
            The cells do not fit the columns, or the component is full.
        """
        if self._rows >= _ROWS_MAX:
            raise ApiUsageError(
                f"{self.format.id} is full at {_ROWS_MAX:,} rows: append less often, or replace"
            )
        line = self._encode(cells)
        self._lines.append(line)
        self._characters += len(line)
        self._rows += 1
        return self._characters > _BUFFER_CHARACTERS

    def replace(self, rows: Iterable[Sequence[Cell]], options: dict[str, object] | None) -> None:
        """Let these rows, and these options, stand in place of all before; nothing if one is bad.

        Raises
        ------
        ApiUsageError
            A row does not fit the columns, or there are more than 100,000.
        """
        lines: list[str] = []
        for cells in rows:
            if len(lines) == _REPLACE_MAX:
                raise ApiUsageError(
                    f"{self.format.id}: replace takes up to {_REPLACE_MAX:,} rows; append the rest"
                )
            lines.append(self._encode(cells))
        if options is not None:
            self.format = msgspec.structs.replace(self.format, options=options)
        self._generation += 1
        self._begin()
        self._lines += lines
        self._characters += sum(map(len, lines))
        self._rows = len(lines)

    def set_value(self, value: object) -> None:
        """Keep what an input holds now."""
        self.format = msgspec.structs.replace(self.format, value=value)
        if self._directory is not None:
            self._write_format()

    def set_options(self, options: dict[str, object]) -> None:
        """Change what an input offers."""
        self.format = msgspec.structs.replace(self.format, options=options)
        if self._directory is not None:
            self._write_format()

    def flush(self) -> Change | None:
        """Write what waits; return what has changed for a reader."""
        if not self._lines:
            return None
        replaced = self._generation != self.format.generation
        self._write()
        return "replaced" if replaced else "appended"

    def _begin(self) -> None:
        self._lines, self._characters, self._fresh = [self._head], len(self._head), True

    def _write(self) -> None:
        data = "".join(self._lines).encode(errors="replace")  # half a surrogate pair becomes ?
        old = self.format
        self.format = msgspec.structs.replace(
            old,
            generation=self._generation,
            rows=self._rows,
            size_bytes=len(data) + (0 if self._fresh else old.size_bytes),
        )
        if self._directory is not None:
            if data:
                path = self._directory / data_name(old.id, self._generation)
                with path.open("wb" if self._fresh else "ab", buffering=0) as file:
                    file.write(data)
            self._write_format()
            if self._generation != old.generation:
                (self._directory / data_name(old.id, old.generation)).unlink()
        self._lines, self._characters, self._fresh = [], 0, False

    def _write_format(self) -> None:
        assert self._directory is not None
        text = msgspec.json.format(msgspec.json.encode(self.format), indent=2) + b"\n"
        path = self._directory / format_name(self.format.id)
        new = path.with_suffix(".json.new")
        new.write_bytes(text)
        new.replace(path)
