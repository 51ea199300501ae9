"""The components that a strategy adds rows to: logs, tables and charts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

from cryptick.components.cells import Cell
from cryptick.components.format import Column, Format
from cryptick.components.writing import Writer
from cryptick.messages import Fill, Message, OrderUpdate, payload
from exchange_wrapper.numbers import LEDGER
from exchange_wrapper.times import UtcNs

__all__ = [
    "CANDLE_COLUMNS",
    "LOG_COLUMNS",
    "ORDER_COLUMNS",
    "BarChart",
    "CandlestickChart",
    "Level",
    "LineChart",
    "MarkerKind",
    "OrderTable",
    "Output",
    "PieChart",
    "ScatterChart",
    "Table",
    "TextLog",
]

Level = Literal["debug", "info", "warning", "error"]
MarkerKind = Literal["buy", "sell", "note"]

LOG_COLUMNS: Final = (Column("time", "time"), Column("level", "text"), Column("text", "text"))
CANDLE_COLUMNS: Final = (
    Column("time", "time"),
    Column("open"),
    Column("high"),
    Column("low"),
    Column("close"),
    Column("volume"),
    Column("marker", "text"),  # empty for a candle, which a marker's row has none of
    Column("price"),
    Column("text", "text"),
)
ORDER_COLUMNS: Final = (
    Column("time", "time"),
    Column("client_oid", "text"),
    Column("event", "text"),  # order or fill
    Column("exchange", "text"),
    Column("pair", "text"),
    Column("type", "text"),
    Column("side", "text"),
    Column("size", "amount"),
    Column("price", "amount"),  # the limit of an order, empty at market; the price of a fill
    Column("status", "text"),
    Column("done_reason", "text"),
    Column("filled_size", "amount"),
    Column("avg_price", "amount"),
    Column("notional", "amount"),
    Column("fee", "amount"),
    Column("role", "text"),  # maker or taker
    Column("message", "text"),
)


class Output:
    """A component with rows.

    Parameters
    ----------
    writer : Writer
    changed : callable
        Hears of each change: whether it is time to flush.
    """

    def __init__(self, writer: Writer, changed: Callable[[Writer, bool], None]) -> None:
        self._writer = writer
        self._changed = changed

    @property
    def id(self) -> str:
        """The name of the component."""
        return self._writer.format.id

    @property
    def format(self) -> Format:
        """The format, as it was written last."""
        return self._writer.format

    def _append(self, cells: Sequence[Cell]) -> None:
        self._changed(self._writer, self._writer.append(cells))

    def _replace(
        self, rows: Iterable[Sequence[Cell]], options: dict[str, object] | None = None
    ) -> None:
        self._writer.replace(rows, options)
        self._changed(self._writer, False)


class TextLog(Output):
    """Lines of text, each with its time and level."""

    def __init__(
        self,
        writer: Writer,
        changed: Callable[[Writer, bool], None],
        now: Callable[[], UtcNs],
    ) -> None:
        super().__init__(writer, changed)
        self._now = now

    def write(self, text: str, level: Level = "info") -> None:
        """Add a line; one longer than 10,000 characters is cut."""
        self._append((self._now(), level, text))


class Table(Output):
    """Rows under the columns that it was made with."""

    def append(self, *cells: Cell) -> None:
        """Add a row."""
        self._append(cells)

    def replace(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Show these rows, at most 100,000, in place of all before."""
        self._replace(rows)


class LineChart(Output):
    """One or several series over time."""

    def append(self, time: UtcNs, *values: Cell) -> None:
        """Add a point of each series; None and NaN leave a gap."""
        self._append((time, *values))

    def replace(self, points: Iterable[Sequence[Cell]]) -> None:
        """Show these points, each a time and the values, in place of all before."""
        self._replace(points)


class CandlestickChart(Output):
    """Candles, and markers on them."""

    def append(
        self,
        time: UtcNs,
        open: float,
        high: float,
        low: float,
        close: float,
        volume: float | None = None,
    ) -> None:
        """Add the candle that opened at ``time``."""
        self._append((time, open, high, low, close, volume, "", None, ""))

    def mark(self, time: UtcNs, price: Cell, text: str = "", kind: MarkerKind = "note") -> None:
        """Set a marker at a time and price."""
        self._append((time, None, None, None, None, None, kind, price, text))


class ScatterChart(Output):
    """Points of one or several named series."""

    def append(self, x: Cell, y: Cell, series: str = "") -> None:
        """Add a point."""
        self._append((series, x, y))

    def replace(self, points: Iterable[tuple[str, Cell, Cell]]) -> None:
        """Show these points, each (series, x, y), in place of all before."""
        self._replace(points)


class BarChart(Output):
    """One or several bars per category."""

    def replace(self, bars: Mapping[str, Sequence[Cell]]) -> None:
        """Show these categories, each with the heights of its bars."""
        self._replace((category, *heights) for category, heights in bars.items())


class PieChart(Output):
    """The slices of a whole."""

    def replace(self, slices: Mapping[str, Cell]) -> None:
        """Show these slices; their sum is the whole."""
        self._replace(slices.items())


class OrderTable(Output):
    """Each state of the run's orders and each of their fills, as the hub tells of them.

    The newest row with an order's ``client_oid`` and the event ``order`` is its present state.
    """

    def order(self, message: Message) -> None:
        """Add the new state of an order."""
        update: OrderUpdate = payload(message)
        self._append(
            (
                update.time,
                update.client_oid,
                "order",
                update.exchange,
                update.pair,
                update.type.value,
                update.side.value,
                update.size,
                update.limit,
                update.status.value,
                "" if update.done_reason is None else update.done_reason.value,
                update.filled_size,
                update.avg_price,
                None,
                None,
                "",
                update.message,
            )
        )

    def fill(self, message: Message) -> None:
        """Add a fill."""
        fill: Fill = payload(message)
        self._append(
            (
                fill.time,
                fill.client_oid,
                "fill",
                fill.exchange,
                fill.pair,
                "",
                fill.side.value,
                fill.size,
                fill.price,
                "",
                "",
                None,
                None,
                LEDGER.multiply(fill.price, fill.size),
                fill.fee,
                "maker" if fill.maker else "taker",
                "",
            )
        )
