"""What the parts of the API share."""

from typing import Annotated, Any, TypeVar

import msgspec

from exchange_wrapper.service.engine import Engine
from exchange_wrapper.service.gate import Gate

__all__ = ["Json", "Name", "Part", "Rows"]

T = TypeVar("T")
Json = dict[str, Any]
Name = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Rows = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class Part:
    """Some of the API's methods, over the engine and the gate that they share."""

    engine: Engine
    gate: Gate | None

    async def _committed(self, result: T) -> T:
        await self.engine.journal.committed()
        return result
