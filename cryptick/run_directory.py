"""The files of a run: who claims a directory, what is written there, and when.

``run.json`` is rewritten as a whole at each change of state; ``orders.csv``, ``trades.csv``,
``messages.jsonl`` and ``run.log`` are appended to; ``equity.csv`` and ``summary.json`` come last.
In a backtest no line of the CSV files depends on the machine's clock or the run's id.
"""

import csv
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Final, Self

import msgspec

from cryptick.errors import UsageError
from cryptick.hub import Hub
from cryptick.messages import FILL, LOG, ORDER_UPDATE, Fill, LogLine, Message, OrderUpdate, payload
from cryptick.metrics import FloatArray, IntArray
from exchange_wrapper.errors import DataError
from exchange_wrapper.numbers import LEDGER, ZERO, format_amount
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["Counts", "RunDirectory", "RunRecorder"]

_CURVE_ROWS: Final = 2_000
_SPECIAL: Final = re.compile(r'[,"\r\n]')
_ORDER_COLUMNS: Final = (
    "created_at",
    "done_at",
    "client_oid",
    "exchange",
    "pair",
    "type",
    "side",
    "size",
    "limit",
    "status",
    "done_reason",
    "filled_size",
    "avg_price",
    "fee",
    "message",
)
_TRADE_COLUMNS: Final = (
    "time",
    "client_oid",
    "exchange",
    "pair",
    "side",
    "price",
    "size",
    "notional",
    "fee",
    "maker",
)


class RunDirectory:
    """One run's directory.

    Attributes
    ----------
    run_id : str
        Its name, such as ``hodlstrategy_0``.
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run_id = path.name
        self._run: dict[str, object] = {}
        self._lock = Lock()  # a run and those who watch it may be in two threads

    @classmethod
    def claim(cls, root: Path, strategy: str) -> Self:
        """Make the next free directory for a strategy; two processes never get the same one.

        Raises
        ------
        UsageError
            The root can't be written.
        """
        name = strategy.lower()
        try:
            root.mkdir(parents=True, exist_ok=True)
            taken = re.compile(re.escape(name) + r"_(\d+)")
            numbers = [int(m[1]) for m in map(taken.fullmatch, os.listdir(root)) if m]
            number = max(numbers, default=-1) + 1
            while True:
                try:
                    (root / f"{name}_{number}").mkdir()  # fails if another process was first
                except FileExistsError:
                    number += 1
                else:
                    return cls(root / f"{name}_{number}")
        except OSError as error:
            raise UsageError(f"{root} can't hold runs: {error.strerror}") from None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return a directory that was claimed before.

        Raises
        ------
        DataError
            Its ``run.json`` is missing or can't be read.
        """
        directory = cls(path)
        try:
            directory._run = msgspec.json.decode((path / "run.json").read_bytes(), type=dict)
        except (OSError, msgspec.DecodeError) as error:
            raise DataError(f"{path} is not the directory of a run: {error}") from None
        return directory

    @property
    def fields(self) -> dict[str, object]:
        """What ``run.json`` says."""
        return dict(self._run)

    def update(self, **fields: object) -> None:
        """Set fields of ``run.json``; a reader never sees half of it."""
        with self._lock:
            self._run |= fields
            self.write_json("run.json", self._run)

    def write_json(self, name: str, content: object) -> None:
        """Replace a JSON file."""
        self._replace(name, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")

    def write_text(self, name: str, text: str) -> None:
        """Replace a text file."""
        self._replace(name, text.encode())

    def read_run(self) -> dict[str, object]:
        """Return what ``run.json`` says so far."""
        return dict(self._run)

    def _replace(self, name: str, content: bytes) -> None:
        new = self.path / f".{name}.new"
        new.write_bytes(content)
        new.replace(self.path / name)

    def write_csv(
        self, name: str, columns: Iterable[str], rows: Iterable[Iterable[object]]
    ) -> None:
        """Write a CSV file."""
        with (self.path / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)

    def write_curve(
        self, start: UtcNs, initial: Decimal, time_s: IntArray, equity: FloatArray
    ) -> None:
        """Write ``equity.csv``: the start, then at most ``_CURVE_ROWS`` points evenly thinned.

        The last point is always among them.
        """
        step = max(1, -(-len(time_s) // _CURVE_ROWS))
        picked = slice((len(time_s) - 1) % step, None, step)
        points = zip(time_s[picked].tolist(), equity[picked].tolist(), strict=True)
        rows = [(to_iso(UtcNs(time * SECOND)), f"{value:.8f}") for time, value in points]
        self.write_csv("equity.csv", ("time", "equity"), [(to_iso(start), f"{initial:.8f}"), *rows])


class _Kept:
    """What is known of an order that is not written yet."""

    __slots__ = ("created_at", "fee", "update")

    def __init__(self, update: OrderUpdate) -> None:
        self.update = update
        self.created_at = update.time
        self.fee = ZERO


@dataclass
class Counts:
    """What a run did. ``fees`` is by currency."""

    orders: int = 0
    trades: int = 0
    fees: dict[str, Decimal] = field(default_factory=dict)


class RunRecorder:
    """Write a run's orders, trades and log as its hub tells of them.

    An order is written when it is done, and those that are open at the end come last.

    Parameters
    ----------
    hub : Hub
    directory : RunDirectory
    say : callable, optional
        Gets one readable line per fill, refused order and log line.

    Attributes
    ----------
    counts : Counts
    fills : list of Fill
        All fills, in order.
    """

    def __init__(
        self, hub: Hub, directory: RunDirectory, say: Callable[[str], None] | None = None
    ) -> None:
        self.counts = Counts()
        self.fills: list[Fill] = []
        self._hub = hub
        self._say = say
        self._open: dict[str, _Kept] = {}
        buffering = -1 if say is None else 1  # who watches a run also wants to see its files grow
        self._files = [
            (directory.path / name).open("w", buffering, encoding="utf-8", newline="")
            for name in ("orders.csv", "trades.csv", "run.log")
        ]
        orders, trades, self._log = self._files
        self._orders, self._trades = orders, trades
        orders.write(",".join(_ORDER_COLUMNS) + "\n")
        trades.write(",".join(_TRADE_COLUMNS) + "\n")
        hub.on(ORDER_UPDATE, self._order)
        hub.on(FILL, self._fill)
        hub.on(LOG, self._line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client_oid in list(self._open):
            self._write_order(client_oid)
        for file in self._files:
            file.close()

    def log(self, text: str) -> None:
        """Write a line to ``run.log`` and say it."""
        self._log.write(f"{to_iso(self._hub.clock.now())} {text}\n")
        if self._say is not None:
            self._say(text)

    def _order(self, message: Message) -> None:
        update: OrderUpdate = payload(message)
        kept = self._open.get(update.client_oid)
        if kept is None:
            self.counts.orders += 1
            self._open[update.client_oid] = _Kept(update)
            if self._say is not None:
                self.log(_described(update))
        else:
            kept.update = update
        if update.is_done:
            self._write_order(update.client_oid)
            reason = update.message or update.done_reason
            if not update.filled_size:
                self.log(f"{update.side} {update.size} {update.pair} not filled: {reason}")
            elif update.filled_size < update.size:
                self.log(f"filled {update.filled_size} of {update.size} {update.pair}: {reason}")

    def _write_order(self, client_oid: str) -> None:
        kept = self._open.pop(client_oid)
        update = kept.update
        done_at = to_iso(update.time) if update.is_done else ""
        limit = "" if update.limit is None else format_amount(update.limit)
        cells = (
            to_iso(kept.created_at),
            done_at,
            _cell(client_oid),
            update.exchange,
            update.pair,
            update.type,
            update.side,
            format_amount(update.size),
            limit,
            update.status,
            update.done_reason or "",
            format_amount(update.filled_size),
            format_amount(update.avg_price),
            format_amount(kept.fee),
            _cell(update.message),
        )
        self._orders.write(",".join(cells) + "\n")

    def _fill(self, message: Message) -> None:
        fill: Fill = payload(message)
        base, _, currency = fill.pair.partition("_")
        fees = self.counts.fees
        fees[currency] = LEDGER.add(fees.get(currency, ZERO), fill.fee)
        self.counts.trades += 1
        self.fills.append(fill)
        kept = self._open.get(fill.client_oid)
        if kept is not None:
            kept.fee = LEDGER.add(kept.fee, fill.fee)
        notional = LEDGER.multiply(fill.price, fill.size)
        amounts = fill.price, fill.size, notional, fill.fee
        price, size, worth, fee = map(format_amount, amounts)
        cells = (
            to_iso(fill.time),
            _cell(fill.client_oid),
            fill.exchange,
            fill.pair,
            fill.side,
            price,
            size,
            worth,
            fee,
            "maker" if fill.maker else "taker",
        )
        self._trades.write(",".join(cells) + "\n")
        verb = "bought" if fill.side is Side.BUY else "sold"
        self.log(
            f"{verb} {size} {base} at {price} on {fill.exchange} ({worth} {currency}, fee {fee})"
        )

    def _line(self, message: Message) -> None:
        line: LogLine = payload(message)
        self.log(line.text)


def _cell(text: str) -> str:
    """Return a text as a cell of a CSV file."""
    if not text or _SPECIAL.search(text) is None:
        return text
    return '"' + text.replace('"', '""') + '"'


def _described(order: OrderUpdate) -> str:
    limit = "" if order.limit is None else f" at {format_amount(order.limit)}"
    size = format_amount(order.size)
    return f"order to {order.side} {size} {order.pair}{limit} on {order.exchange} ({order.type})"
