"""Remember the fills of a run that has no directory to write them to."""

from typing import Self

from cryptick.hub import Hub
from cryptick.messages import FILL, Fill, Message, payload

__all__ = ["FillRecorder"]


class FillRecorder:
    """Stands where a `RunRecorder` would, for runs whose equity is all that matters.

    Attributes
    ----------
    fills : list of Fill
        All fills, in order.
    """

    def __init__(self, hub: Hub) -> None:
        self.fills: list[Fill] = []
        hub.on(FILL, self._fill)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _fill(self, message: Message) -> None:
        fill: Fill = payload(message)
        self.fills.append(fill)
