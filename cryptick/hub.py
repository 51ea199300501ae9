"""The message hub: every decision of a run passes here, in order and on record.

Dispatch is synchronous, in one thread, by the hierarchical name ``provider.method``. A message
posted while another one is delivered waits its turn, so that a handler always runs to its end
before anything it caused begins. Time is the clock's; cron expressions are in UTC.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from croniter import CroniterBadDateError, CroniterError, croniter

from cryptick.clock import Clock
from cryptick.errors import HandlerFailed
from cryptick.messages import (
    FILL,
    ORDER_UPDATE,
    Call,
    ErrorBody,
    Failure,
    MarketEvent,
    Message,
    Quote,
    Result,
    market_method,
)
from exchange_wrapper.errors import ApiUsageError, ProcessingError, XWrapError
from exchange_wrapper.times import SECOND, UtcNs, to_iso

__all__ = ["Audit", "Cause", "Handler", "Hub", "MarketHandler", "Trigger"]

_CHAIN_MAX: Final = 100_000
"""Messages that may follow from one event: a handler that answers itself never ends."""

_T = TypeVar("_T")

Cause = int | MarketEvent | None
"""What was being delivered when a message was posted: a message's sequence, an event, nothing."""

Handler = Callable[[Message], None]
MarketHandler = Callable[[Any], None]
"""Takes one kind of market event."""


class Audit(Protocol):
    """Keeps every message before it is delivered."""

    def record(self, sequence: int, time: UtcNs, cause: Cause, message: Message) -> None:
        """Keep one message."""
        ...


class Trigger:
    """A callback that is scheduled, once or again and again, until it is cancelled."""

    __slots__ = ("is_active",)

    def __init__(self) -> None:
        self.is_active = True

    def cancel(self) -> None:
        """Call back no more; without effect when nothing was to come."""
        self.is_active = False


class _Kept:
    """What waits for the end of a pause."""

    def __init__(self) -> None:
        self.updates: list[tuple[Cause, Message]] = []
        self.quotes: dict[tuple[str, str], tuple[tuple[MarketHandler, ...], Quote]] = {}
        self.timers: list[Callable[[], None]] = []


class Hub:
    """Deliver messages between strategy, exchange and user.

    Parameters
    ----------
    clock : Clock
        The time of the run; the hub owns it for all who are connected.
    audit : Audit, optional
        Where each message is recorded before its delivery.

    Attributes
    ----------
    cause : int, market event or None
        What is being delivered now. A driver that delivers market data itself sets it.
    waiting : deque
        Messages to deliver, each with its cause.
    """

    def __init__(self, clock: Clock, audit: Audit | None = None) -> None:
        self.clock = clock
        self.cause: Cause = None
        self._audit = audit
        # Tuples, because a handler may subscribe another one while they are called.
        self._handlers: dict[str, tuple[Handler, ...]] = {}
        self._listeners: tuple[tuple[str, Handler], ...] = ()  # of all methods with a prefix
        self._market: dict[tuple[str, str, str], list[MarketHandler]] = defaultdict(list)
        self._replies: dict[str, Handler] = {}
        self.waiting: deque[tuple[Cause, Message]] = deque()
        self._delivering = self._held = False
        self._kept: _Kept | None = None  # while there is a pause
        self._sequence = 0
        self._names = 0

    def on(self, pattern: str, handler: Handler) -> None:
        """Call ``handler`` with every message of a method, of ``provider.*``, or of ``*``.

        A pattern only listens: after the handlers of the method itself, and a call that nobody
        else handles still fails. It hears answers and triggers too.
        """
        if pattern.endswith("*"):
            self._listeners += ((_prefix(pattern), handler),)
        else:
            self._handlers[pattern] = (*self._handlers.get(pattern, ()), handler)

    def off(self, pattern: str, handler: Handler) -> None:
        """Undo `on`."""
        if pattern.endswith("*"):
            self._listeners = _without(self._listeners, (_prefix(pattern), handler))
        else:
            left = _without(self._handlers.pop(pattern), handler)
            if left:
                self._handlers[pattern] = left

    def post(self, message: Message) -> None:
        """Deliver a message, after those that were posted before it.

        Raises
        ------
        HandlerFailed
            A handler raised; the message it was handling is the last one on record.
        """
        if self._kept is not None and message.method in (ORDER_UPDATE, FILL):
            self._kept.updates.append((self.cause, message))
            return
        self.waiting.append((self.cause, message))
        if not self._delivering:
            self.deliver()

    def notify(self, method: str, *params: object) -> None:
        """Post a message that nobody answers."""
        self.post(Call(method, params))

    def call(self, method: str, *params: object, reply: Handler) -> str:
        """Post a call; ``reply`` gets its `Result` or `Failure`. Return the response method.

        A method that nobody handles fails, so that each call is answered.
        """
        self._names += 1
        response = f"response.{self._names}"
        self._replies[response] = reply
        self.post(Call(method, params, response))
        return response

    def answer(self, call: Call, result: object) -> None:
        """Post the result of a call."""
        if call.response_method is not None:
            self.post(Result(call.response_method, result))

    def fail(self, call: Call, error: XWrapError) -> None:
        """Post the failure of a call."""
        if call.response_method is not None:
            self.post(Failure(call.response_method, ErrorBody.of(error)))

    def at(self, time: UtcNs, callback: Callable[[], None], name: str = "at") -> Trigger:
        """Call back once at ``time``, through a message ``clock.<name>.<n>``."""
        trigger = Trigger()
        self._schedule(trigger, time, callback, name)
        return trigger

    def every(self, period_s: float, callback: Callable[[], None], name: str = "every") -> Trigger:
        """Call back every ``period_s`` seconds, first after one period, without drift."""
        period = round(period_s * SECOND)
        if period <= 0:
            raise ApiUsageError("a period must be positive")
        return self._repeat(lambda last: UtcNs(last + period), callback, name)

    def cron(self, expression: str, callback: Callable[[], None], name: str = "cron") -> Trigger:
        """Call back at the times of a cron expression, in UTC: ``0 8 * * 1-5``.

        Raises
        ------
        ApiUsageError
            Not a cron expression, or one of no time to come.
        """

        def following(last: UtcNs) -> UtcNs:
            return UtcNs(int(croniter(expression, last // SECOND).get_next(float)) * SECOND)

        try:
            return self._repeat(following, callback, name)
        except CroniterBadDateError:
            raise ApiUsageError(f"the cron expression {expression!r} never comes") from None
        except (CroniterError, TypeError, AttributeError) as error:
            raise ApiUsageError(f"{expression!r} is not a cron expression: {error}") from None

    def on_market(self, method: str, exchange: str, pair: str, handler: MarketHandler) -> None:
        """Call ``handler`` with this pair's market data of one kind."""
        self._market[method, exchange, pair].append(handler)

    def market_handlers(self, method: str, exchange: str, pair: str) -> tuple[MarketHandler, ...]:
        """Return who listens, for a driver that resolves it once and then calls directly."""
        return tuple(self._market.get((method, exchange, pair), ()))

    def publish(self, handlers: tuple[MarketHandler, ...], event: MarketEvent) -> None:
        """Deliver one market event, then what its handlers posted.

        The event itself is not recorded: the messages it caused name it.
        """
        if self._kept is not None:
            if isinstance(event, Quote):
                self._kept.quotes[event.exchange, event.pair] = handlers, event
            return
        self._delivering, self.cause = True, event
        try:
            for handler in handlers:
                handler(event)
        except Exception as error:
            raise self.failed(error) from error
        finally:
            self._delivering, self.cause = self._held, None
        if self.waiting:
            self.deliver()

    def hold(self) -> None:
        """Let all messages wait for `deliver` from now on.

        For a driver of many market events: it sets ``cause``, calls the handlers directly, and
        delivers when something is ``waiting``.
        """
        self._held = self._delivering = True

    def pause(self) -> None:
        """Keep market data and timers from their handlers until `resume`.

        Of market data the newest quote of each pair is kept, of timers those that came due, and
        what happens to own orders waits in its order. Everything else is delivered as ever.
        """
        if self._kept is None:
            self._kept = _Kept()

    def resume(self) -> None:
        """Deliver what was kept: own orders first, then quotes, then timers.

        Raises
        ------
        HandlerFailed
            A handler raised.
        """
        kept, self._kept = self._kept, None
        if kept is None:
            return
        self.waiting.extend(kept.updates)
        if self.waiting and not self._delivering:
            self.deliver()
        for handlers, quote in kept.quotes.values():
            self.publish(handlers, quote)
        for fire in kept.timers:
            fire()

    def deliver(self) -> None:
        """Deliver all messages that wait, and those they cause."""
        self._delivering = True
        message: Message | None = None
        waiting, audit = self.waiting, self._audit
        handlers, replies = self._handlers, self._replies
        last = self._sequence + _CHAIN_MAX
        try:
            while waiting:
                cause, message = waiting.popleft()
                self.cause = self._sequence = sequence = self._sequence + 1
                if sequence > last:
                    raise ProcessingError(f"{_CHAIN_MAX:,} messages caused each other in a row")
                if audit is not None:
                    audit.record(sequence, self.clock.now(), cause, message)
                method = message.method
                if method in replies:
                    replies.pop(method)(message)
                elif method in handlers:
                    for handler in handlers[method]:
                        handler(message)
                elif isinstance(message, Call) and message.response_method is not None:
                    self.fail(message, XWrapError(f"nobody handles {method}"))
                for prefix, listener in self._listeners:
                    if method.startswith(prefix):
                        listener(message)
        except HandlerFailed:
            raise
        except Exception as error:
            raise self.failed(error, message) from error
        finally:
            self._delivering, self.cause = self._held, None

    def failed(self, error: Exception, message: Message | None = None) -> HandlerFailed:
        """Return the failure of the run: what raised, and the message or event that caused it."""
        cause = self.cause
        if message is not None:
            where = f"message {cause} ({message.method})"
        elif cause is None or isinstance(cause, int):
            where = f"message {cause}"
        else:
            kind = market_method(cause).partition(".")[2]
            where = f"the {kind} of {cause.exchange} {cause.pair} at {to_iso(cause.time)}"
        failure = HandlerFailed(f"{type(error).__name__} on {where}: {error}")
        failure.__cause__ = error  # the `from` of a raise is lost in compiled code
        return failure

    def _repeat(
        self, following: Callable[[UtcNs], UtcNs], callback: Callable[[], None], name: str
    ) -> Trigger:
        """Call back at the time that follows now, then at the one that follows that."""
        trigger = Trigger()

        def fire(due: UtcNs) -> None:
            schedule(due)
            callback()

        def schedule(last: UtcNs) -> None:
            due = following(last)
            self._schedule(trigger, due, lambda: fire(due), name)

        schedule(self.clock.now())
        return trigger

    def _schedule(
        self, trigger: Trigger, time: UtcNs, callback: Callable[[], None], name: str
    ) -> None:
        method = self._name(f"clock.{name}")

        def deliver(_: Message) -> None:
            if trigger.is_active:  # an earlier message of this time may have cancelled it
                callback()

        def fire() -> None:
            if self._kept is not None:
                self._kept.timers.append(fire)
            elif trigger.is_active:
                self._replies[method] = deliver
                self.post(Call(method, (time,)))

        self.clock.at(time, fire)

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}.{self._names}"


def _without(items: tuple[_T, ...], item: _T) -> tuple[_T, ...]:
    place = items.index(item)
    return items[:place] + items[place + 1 :]


def _prefix(pattern: str) -> str:
    prefix = pattern[:-1]
    if "*" in prefix or (prefix and not prefix.endswith(".")):
        raise ApiUsageError(f"{pattern!r} is not a method, provider.* or *")
    return prefix
