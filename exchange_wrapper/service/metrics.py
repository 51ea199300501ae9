"""What is measured, and how Prometheus reads it.

Counting has to cost next to nothing on the way of an order: plain integers are kept, and turned
into metric families only when somebody asks.
"""

from collections.abc import Iterator

from prometheus_client.core import Metric

from exchange_wrapper import __version__
from exchange_wrapper.service.engine import Engine
from exchange_wrapper.wsock_server import WebSocketServer
from serving.durations import LoopLag
from serving.metrics import ServiceMetrics, counter, gauge
from serving.registry import Api
from serving.socketio_server import SocketIoServer

__all__ = ["Metrics"]


class Metrics(ServiceMetrics):
    """All metrics of a running service."""

    def __init__(
        self,
        engine: Engine,
        api: Api,
        websockets: WebSocketServer,
        events: SocketIoServer,
        lag: LoopLag,
    ) -> None:
        self._engine = engine
        self._websockets = websockets
        self._events = events
        super().__init__("xwrap", __version__, api, lag)

    def collect(self) -> Iterator[Metric]:
        """Read everything as it is now."""
        yield from super().collect()
        yield from self._exchanges()
        yield from self._trading()
        yield from self._queues()

    def _exchanges(self) -> Iterator[Metric]:
        health = self._engine.health()
        place, pair = ["exchange"], ["exchange", "pair"]
        status = {(name, str(each["status"])): 1 for name, each in health.items()}
        yield gauge(
            "xwrap_exchange_status", "Its state, as a label.", ["exchange", "status"], status
        )
        for key, kind, help in (
            ("last_message_age_s", gauge, "Age of the exchange's last message, in seconds."),
            ("latency_s", gauge, "How much later than the venue's time its trades arrive."),
            ("reconnects", counter, "Connections to the exchange after the first."),
            ("gaps", counter, "Times a new snapshot was needed on a living connection."),
        ):
            name = key.removesuffix("_s") + "_seconds" if key.endswith("_s") else key
            values = {(each,): health[each][key] for each in health}
            yield kind(f"xwrap_exchange_{name}", help, place, values)
        books = {
            (name, pair): book
            for name, each in health.items()
            for pair, book in each["pairs"].items()
        }
        live = {key: int(book["state"] == "live") for key, book in books.items()}
        yield gauge("xwrap_book_live", "Whether the pair's book can be trusted.", pair, live)
        ages = {key: book["last_message_age_s"] for key, book in books.items()}
        yield gauge("xwrap_book_age_seconds", "Age of the pair's last message.", pair, ages)
        gaps = {key: book["gaps"] for key, book in books.items()}
        yield counter("xwrap_book_gaps", "Times the pair's book was lost.", pair, gaps)

    def _trading(self) -> Iterator[Metric]:
        engine = self._engine
        opened: dict[tuple[str, ...], int] = {}
        for order in engine.desk.orders.values():
            status = (order.status.value,)
            opened[status] = opened.get(status, 0) + 1
        yield gauge("xwrap_orders", "Orders that are not done, by status.", ["status"], opened)
        done = {(reason,): count for reason, count in engine.done_orders.items()}
        yield counter("xwrap_orders_done", "Orders done since the start.", ["reason"], done)
        yield counter("xwrap_fills", "Fills since the start.", [], {(): engine.fills})
        faults = len(engine.desk.ledger.audit())
        yield gauge("xwrap_ledger_faults", "Invariants that do not hold.", [], {(): faults})

    def _queues(self) -> Iterator[Metric]:
        unwritten = len(self._engine.desk.ledger.changes)
        yield gauge("xwrap_journal_changes", "Changes not yet being written.", [], {(): unwritten})
        queued = self._websockets.queued_bytes
        yield gauge("xwrap_rpc_clients", "Websocket clients.", [], {(): len(queued)})
        yield gauge("xwrap_rpc_queue_bytes", "Waiting for slow clients.", [], {(): sum(queued)})
        most = max(queued, default=0)
        yield gauge("xwrap_rpc_queue_bytes_max", "Waiting for the slowest.", [], {(): most})
        packets = self._events.queued_packets
        yield gauge("xwrap_socketio_clients", "Socket.IO clients.", [], {(): len(packets)})
        most = max(packets, default=0)
        yield gauge("xwrap_socketio_queue_max", "Events for the slowest.", [], {(): most})
        cut = {("rpc",): self._websockets.cut_off, ("socketio",): self._events.cut_off}
        yield counter("xwrap_clients_cut_off", "Clients that did not read.", ["server"], cut)
        sent = {(name,): count for name, count in self._engine.notifications.sent.items()}
        help = "Notifications sent, each counted once."
        yield counter("xwrap_notifications", help, ["notification"], sent)
