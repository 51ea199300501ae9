"""A run as a function of its inputs: the same inputs at the same times, the same decisions.

The hub, the strategy and what it sees of xWrap live here, without any I/O and without a clock of
their own: inputs go in, each with its time, and requests to xWrap come out. Paper and live runs
feed it with what comes, `cryptick.run_replay` with what was recorded.

Time stands still while an input and all messages that follow from it are delivered. Timers that are
due before an input fire before it, at the time they were set for; so it makes no difference when
exactly the machine gets to them.

Inputs besides xWrap's notifications:

=============== ===========================================================
``history``     candles of before the start, of one pair
``run.start``   the strategy is made and begins
``first_quote`` the best prices when the run subscribed
``answer``      xWrap's answer to a request
``post``        a call of the user, as JSON text
``beat``        nothing but the time
``pause``       the strategy hears nothing of the market, and no timer, …
``resume``      … until now
``away``        the connection to xWrap is lost: no prices are known, orders are refused
``back``        it is there again: what was missed comes next, after the wallets where xWrap has
                forgotten a part of it
``run.stop``    the strategy hears that the run ends
``end``         no more market data and no new orders: what is open is cancelled
=============== ===========================================================
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cryptick.clock import SimulatedClock
from cryptick.components import COMPONENT_POST, Components
from cryptick.hub import Audit, Hub
from cryptick.hub_port import HubPort
from cryptick.inputs import Input, RunHeader
from cryptick.strategy.base import START, STOP, RunContext, Strategy
from cryptick.xwrap_interface import Request, XWrapInterface
from exchange_wrapper.times import UtcNs

__all__ = ["BEAT", "PAUSE", "POST", "RESUME", "DrivenRun"]

BEAT: Final = "beat"
POST: Final = "post"
PAUSE: Final = "pause"
RESUME: Final = "resume"

_SHOWN_AFTER_S: Final = 0.1  # components reach their files so late at most


def _ignore(_: str) -> None:
    """Stand in for a user who is not there."""


class DrivenRun:
    """One run.

    Parameters
    ----------
    header : RunHeader
    strategy : type of Strategy
    params : Strategy.Params
    audit : Audit, optional
    components : Path, optional
        The directory of what the strategy shows.

    Attributes
    ----------
    hub : Hub
    clock : SimulatedClock
        Its ``next_due`` says when `wake` has something to do.
    venue : XWrapInterface
    components : Components
    tell_user : callable
        Gets the answer to each ``post``, as JSON text; whoever posts assigns it.
    """

    def __init__(
        self,
        header: RunHeader,
        strategy: type[Strategy],
        params: Strategy.Params,
        audit: Audit | None = None,
        components: Path | None = None,
    ) -> None:
        self.clock = SimulatedClock(header.start)
        self.hub = Hub(self.clock, audit)
        self.venue = XWrapInterface(
            self.hub, header.run_id, header.wallet_set_id, header.plan, header.exchanges
        )
        self.components = Components(self.hub, components, flush_after_s=_SHOWN_AFTER_S)
        self._context = RunContext(
            self.hub,
            self.venue,
            params,
            header.funded,
            header.plan.traded,
            header.key,
            self.components,
        )
        self._strategy = strategy
        self.tell_user: Callable[[str], None] = _ignore
        port = HubPort(self.hub, lambda text: self.tell_user(text), accepts=(COMPONENT_POST,))
        self._own: dict[str, Callable[[Any], None]] = {
            START: self._start,
            STOP: lambda _: self.hub.notify(STOP),
            POST: port.receive,
            BEAT: lambda _: None,
            PAUSE: lambda _: self.hub.pause(),
            RESUME: lambda _: self.hub.resume(),
        }

    def receive(self, input: Input) -> None:
        """Fire the timers that are due before an input, then take it.

        Raises
        ------
        HandlerFailed
            The strategy raised; the input was taken all the same.
        """
        try:
            self.wake(input.time)
        finally:
            self.clock.time = input.time
            own = self._own.get(input.method)
            if own is None:
                self.venue.receive(input.method, input.params)
            else:
                own(input.params)

    def wake(self, until: UtcNs) -> None:
        """Fire the timers that are due before ``until``."""
        clock = self.clock
        while clock.next_due < until:
            clock.fire()

    def take_requests(self) -> list[Request]:
        """Return what is to be asked of xWrap since the last call, in order."""
        return self.venue.take_requests()

    def _start(self, _: object) -> None:
        self._strategy(self._context)
        self.hub.notify(START)
