"""A hub, a clock that stands still, and components in a temporary directory."""

import tempfile
import unittest
from pathlib import Path

from cryptick.clock import SimulatedClock
from cryptick.components import COMPONENT_CHANGED, Column, ComponentChanged, Components
from cryptick.hub import Hub
from cryptick.messages import payload
from exchange_wrapper.times import SECOND, UtcNs

NOW = UtcNs(1_523_003_864 * SECOND)
COLUMNS = (
    Column("time", "time"),
    Column("size", "amount", "BTC"),
    Column("value", "number"),
    Column("text", "text"),
)


class ComponentsCase(unittest.TestCase):
    flush_after_s: float | None = None

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "components"
        self.clock = SimulatedClock(NOW)
        self.hub = Hub(self.clock)
        self.changes: list[ComponentChanged] = []
        self.hub.on(COMPONENT_CHANGED, lambda message: self.changes.append(payload(message)))
        self.components = Components(self.hub, self.path, flush_after_s=self.flush_after_s)
