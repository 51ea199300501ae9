"""What is measured of the server, beside what every service measures."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import Metric

from cryptick import __version__
from cryptick.server.store import RunStore
from serving.durations import LoopLag
from serving.metrics import ServiceMetrics, gauge
from serving.registry import Api
from serving.socketio_server import SocketIoServer

__all__ = ["Metrics"]


class Metrics(ServiceMetrics):
    """All metrics of a running server."""

    def __init__(self, store: RunStore, api: Api, events: SocketIoServer, lag: LoopLag) -> None:
        self._store = store
        self._events = events
        super().__init__("cryptick", __version__, api, lag)

    def collect(self) -> Iterator[Metric]:
        """Read everything as it is now."""
        yield from super().collect()
        runs = Counter(
            (str(fields.get("state")), str(fields.get("mode")))
            for fields in self._store.all().values()
        )
        yield gauge("cryptick_runs", "Runs on record.", ["state", "mode"], runs)
        clients = len(self._events.queued_packets)
        yield gauge("cryptick_socketio_clients", "Socket.IO clients.", [], {(): clients})
