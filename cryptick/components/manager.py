"""All components of a run: made here, flushed here, and told what their user posts."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, Self

import msgspec

from cryptick.components.format import (
    Axis,
    Column,
    Format,
    Kind,
    check_columns,
    check_id,
    check_text,
)
from cryptick.components.frontier import CURRENCIES_MAX, FrontierChart, frontier_columns
from cryptick.components.inputs import (
    Button,
    NumberInput,
    SelectInput,
    choice_options,
    range_options,
)
from cryptick.components.outputs import (
    CANDLE_COLUMNS,
    LOG_COLUMNS,
    ORDER_COLUMNS,
    BarChart,
    CandlestickChart,
    LineChart,
    OrderTable,
    PieChart,
    ScatterChart,
    Table,
    TextLog,
)
from cryptick.components.posts import Posted, Pressed, held_value, read_post
from cryptick.components.writing import Change, Writer
from cryptick.hub import Hub
from cryptick.messages import FILL, LOG, ORDER_UPDATE, Call, LogLine, Message
from exchange_wrapper.errors import ApiUsageError, UnknownName
from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["COMPONENT_CHANGED", "COMPONENT_POST", "ComponentChanged", "Components"]

COMPONENT_CHANGED: Final = "component.changed"  # notification: ComponentChanged
COMPONENT_POST: Final = "component.post"  # call: component id, value → the value that it holds now

_COMPONENTS_MAX: Final = 200


class ComponentChanged(msgspec.Struct, frozen=True):
    """What a reader finds in the files of a component from now on."""

    id: str
    change: Change
    generation: int
    rows: int


class Components:
    """What a strategy shows and asks.

    Rows wait in memory and are written in blocks; each block is announced once, after it can be
    read. Nothing depends on the machine's clock.

    Parameters
    ----------
    hub : Hub
        Gets an announcement of each change, and brings what the user posts.
    directory : Path, optional
        Where the files are; made if need be. Without one nothing is kept, but all is checked.
    flush_after_s : float, optional
        How long a row may wait before it is written: 0 writes in the next turn of the run's loop.
        Without it rows are written when enough have come together, as suits a backtest.

    What still waits at the end of the ``with`` block is written then.
    """

    def __init__(
        self, hub: Hub, directory: Path | None = None, *, flush_after_s: float | None = None
    ) -> None:
        self._hub = hub
        self._directory = directory
        self._flush_after_s = flush_after_s
        self._writers: dict[str, Writer] = {}
        self._waiting: dict[Writer, None] = {}  # in the order of their first change
        self._scheduled = False
        self._listener: Callable[[Posted], None] | None = None
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        hub.on(COMPONENT_POST, self._post)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def listen(self, listener: Callable[[Posted], None]) -> None:
        """Call ``listener`` with whatever the user posts, checked and typed."""
        self._listener = listener

    def flush(self) -> None:
        """Write all that waits, and announce it."""
        waiting, self._waiting, self._scheduled = self._waiting, {}, False
        for writer in waiting:
            self._flush(writer)

    def text_log(self, id: str, *, title: str) -> TextLog:
        """Make a log of text lines."""
        writer = self._make(id, "text_log", title, LOG_COLUMNS)
        return TextLog(writer, self._changed, self._hub.clock.now)

    def table(self, id: str, *, title: str, columns: Sequence[Column]) -> Table:
        """Make a table with these columns."""
        return Table(self._make(id, "table", title, tuple(columns)), self._changed)

    def line(
        self, id: str, *, title: str, series: Sequence[str], label: str = "", unit: str = ""
    ) -> LineChart:
        """Make a chart of one or several series over time.

        Parameters
        ----------
        series : sequence of str
            Their names.
        label, unit : str
            Of the vertical axis.
        """
        columns = (Column("time", "time"), *(Column(name, "number", unit) for name in series))
        axes = {"x": Axis("time"), "y": Axis(label, unit)}
        return LineChart(self._make(id, "line", title, columns, axes), self._changed)

    def candlestick(self, id: str, *, title: str, unit: str = "") -> CandlestickChart:
        """Make a chart of candles with markers; ``unit`` is that of their prices."""
        axes = {"x": Axis("time"), "y": Axis("price", unit)}
        writer = self._make(id, "candlestick", title, CANDLE_COLUMNS, axes)
        return CandlestickChart(writer, self._changed)

    def scatter(self, id: str, *, title: str, x: Axis, y: Axis) -> ScatterChart:
        """Make a chart of points."""
        columns = (Column("series", "text"), Column("x", unit=x.unit), Column("y", unit=y.unit))
        axes = {"x": x, "y": y}
        return ScatterChart(self._make(id, "scatter", title, columns, axes), self._changed)

    def bar(
        self, id: str, *, title: str, series: Sequence[str], label: str = "", unit: str = ""
    ) -> BarChart:
        """Make a chart with a bar of each series in each category."""
        columns = (Column("category", "text"), *(Column(name, "number", unit) for name in series))
        axes = {"x": Axis("category"), "y": Axis(label, unit)}
        return BarChart(self._make(id, "bar", title, columns, axes), self._changed)

    def pie(self, id: str, *, title: str, unit: str = "") -> PieChart:
        """Make a pie chart."""
        columns = (Column("slice", "text"), Column("value", "number", unit))
        return PieChart(self._make(id, "pie", title, columns), self._changed)

    def order_table(self, id: str = "orders", *, title: str = "Orders and fills") -> OrderTable:
        """Make a table of the run's orders and fills, which keeps itself."""
        writer = self._make(id, "order_table", title, ORDER_COLUMNS)
        table = OrderTable(writer, self._changed)
        self._hub.on(ORDER_UPDATE, table.order)
        self._hub.on(FILL, table.fill)
        return table

    def frontier(
        self, id: str = "frontier", *, title: str, currencies: Sequence[str], period: str
    ) -> FrontierChart:
        """Make an efficient frontier.

        Parameters
        ----------
        currencies : sequence of str
            In the order of all weights, at most 100.
        period : str
            Of returns and risks, such as ``year``.
        """
        if not 0 < len(currencies) <= CURRENCIES_MAX:
            raise ApiUsageError(f"{id}: a frontier has 1 to {CURRENCIES_MAX} currencies")
        options: dict[str, object] = {
            "currencies": list(currencies),
            "period": check_text(period, f"{id}: period"),
            "expected_returns": [],
            "covariance": [],
            "risk_free": 0.0,
            "points": 0,
        }
        axes = {"x": Axis("risk", f"per {period}"), "y": Axis("return", f"per {period}")}
        columns = frontier_columns(currencies)
        return FrontierChart(
            self._make(id, "frontier", title, columns, axes, options=options), self._changed
        )

    def slider(
        self,
        id: str,
        *,
        title: str,
        minimum: Decimal,
        maximum: Decimal,
        step: Decimal,
        value: Decimal,
        unit: str = "",
    ) -> NumberInput:
        """Make a slider that stands at ``value``; steps count from ``minimum``."""
        options = range_options(id, minimum, maximum, step, unit)
        return NumberInput(
            self._make(id, "slider", title, options=options, value=value), self._told
        )

    def number(
        self,
        id: str,
        *,
        title: str,
        value: Decimal,
        minimum: Decimal | None = None,
        maximum: Decimal | None = None,
        step: Decimal | None = None,
        unit: str = "",
    ) -> NumberInput:
        """Make a field for a number; a step of 1 allows whole ones only."""
        options = range_options(id, minimum, maximum, step, unit)
        return NumberInput(
            self._make(id, "number", title, options=options, value=value), self._told
        )

    def select(self, id: str, *, title: str, choices: Sequence[str], value: str) -> SelectInput:
        """Make a choice from a list, at first ``value``."""
        options = choice_options(id, choices)
        return SelectInput(
            self._make(id, "select", title, options=options, value=value), self._told
        )

    def button(self, id: str, *, title: str, confirm: str = "") -> Button:
        """Make a button; the page asks ``confirm``, unless it is empty, before it sends a press."""
        options: dict[str, object] = {
            "confirm": check_text(confirm, f"{id}: confirm", empty=True),
            "press": "",
        }
        return Button(self._make(id, "button", title, options=options), self._told)

    def _make(
        self,
        id: str,
        kind: Kind,
        title: str,
        columns: tuple[Column, ...] | None = None,
        axes: dict[str, Axis] | None = None,
        *,
        options: dict[str, object] | None = None,
        value: Decimal | str | None = None,
    ) -> Writer:
        if check_id(id) in self._writers:
            raise ApiUsageError(f"there is a component {id} already: choose another id")
        if len(self._writers) == _COMPONENTS_MAX:
            raise ApiUsageError(f"a run has at most {_COMPONENTS_MAX} components")
        check_text(title, f"{id}: title")
        for name, axis in (axes or {}).items():
            check_text(axis.label, f"{id}: the label of axis {name}", empty=True)
            check_text(axis.unit, f"{id}: the unit of axis {name}", empty=True)
        checked = () if columns is None else check_columns(id, columns)
        placement = len(self._writers)
        format = Format(id, kind, title, placement, checked, axes or {}, options or {})
        if value is not None:
            held = held_value(read_post(format, value))
            format = msgspec.structs.replace(format, value=held)
        writer = self._writers[id] = Writer(format, self._directory)
        self._announce(writer, "created")
        return writer

    def _changed(self, writer: Writer, full: bool) -> None:
        if full:
            self._flush(writer)
            return
        self._waiting[writer] = None
        if self._flush_after_s is not None and not self._scheduled:
            self._scheduled = True
            clock = self._hub.clock
            due = clock.now() + round(self._flush_after_s * SECOND)
            clock.at(UtcNs(due), self.flush)

    def _told(self, writer: Writer) -> None:
        self._announce(writer, "value")

    def _flush(self, writer: Writer) -> None:
        change = writer.flush()
        if change is not None:
            self._announce(writer, change)

    def _announce(self, writer: Writer, change: Change) -> None:
        format = writer.format
        reference = ComponentChanged(format.id, change, format.generation, format.rows)
        self._hub.notify(COMPONENT_CHANGED, reference)

    def _post(self, message: Message) -> None:
        assert isinstance(message, Call)
        try:
            writer, posted = self._read(message.params)
        except ApiUsageError as refusal:
            if message.response_method is None:  # nobody waits for the answer
                self._hub.notify(LOG, LogLine(f"refused a post: {refusal.message}"))
            self._hub.fail(message, refusal)
            return
        repeated = isinstance(posted, Pressed) and posted.press == writer.format.value
        if not repeated:
            self._flush(writer)  # a format that is written tells of rows that can be read
            writer.set_value(held_value(posted))
            self._announce(writer, "value")
            if self._listener is not None:
                self._listener(posted)
        self._hub.answer(message, writer.format.value)

    def _read(self, params: Sequence[object]) -> tuple[Writer, Posted]:
        if len(params) != 2 or not isinstance(params[0], str):
            raise ApiUsageError(f"{COMPONENT_POST} takes the id of a component and a value")
        writer = self._writers.get(params[0])
        if writer is None:
            known = ", ".join(self._writers) or "none"
            raise UnknownName(f"the run has no such component; there are {known}")
        return writer, read_post(writer.format, params[1])
