import contextlib
import io
import json
import tempfile
import unittest
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import settings as configured
from hypothesis import strategies as st

from cryptick import parity
from cryptick.errors import HandlerFailed, UsageError
from cryptick.inputs import Input
from cryptick.messages import Quote
from cryptick.parity import Parity, check
from cryptick.past_runs import PastRun
from cryptick.strategy import find_strategy
from cryptick.strategy.base import Strategy
from exchange_wrapper.errors import DataError, NoData, XWrapError
from exchange_wrapper.market import BookSnapshot
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs
from tests.cryptick.recorded_run import RecordedRun
from tests.cryptick.restless import Restless


class ParityCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def record(self, strategy: type[Strategy] = Restless, seed: int = 3) -> RecordedRun:
        run = RecordedRun(self.folder, strategy, seed)
        run.play(150)
        run.finish()
        return run

    def check(self, run: RecordedRun) -> Parity:
        past = PastRun.open(self.folder, run.path.name, with_result=False)
        return check(past, run.found, run.strategy)


class Replays(ParityCase):
    @configured(max_examples=25, deadline=None)
    @given(st.integers(0, 2**32), st.integers(0, 200), st.lists(st.integers(0, 3), max_size=4))
    def test_any_recorded_run_replays_the_same(
        self, seed: int, steps: int, others: list[int]
    ) -> None:
        run = RecordedRun(self.folder, Restless, seed)
        for kind in others:
            run.play(steps // 4)
            side, limit = tuple(Side)[kind % 2], (None, "99.98", "100.02")[kind - 1]
            with contextlib.suppress(XWrapError):  # the book may not offer that much
                run.order_of_another(side, "1.5", limit)
        run.play(steps)
        run.finish()
        result = self.check(run)
        self.assertIsNone(result.first)
        self.assertEqual(result.differences, 0)

    def test_orders_fills_wallets_and_what_was_heard_are_all_compared(self) -> None:
        compared = self.check(self.record()).compared
        for name in (
            "inputs", "orders", "order states", "fills", "wallet states", "quotes", "trades",
            "orders decided", "cancellations decided", "messages",
        ):  # fmt: skip
            with self.subTest(name=name):
                self.assertGreater(compared[name], 3)

    def test_shipped_strategies_replay_the_same(self) -> None:
        table: tuple[tuple[str, dict[str, Any]], ...] = (
            ("HodlStrategy", {}),
            ("DemoStrategy", {"quotes": 2}),
            ("SmaCross", {"fast": 1, "slow": 2}),
            ("TwapExecution", {"minutes": 1, "slices": 600}),
            ("ComponentDemo", {"bars": 1}),
        )
        for name, params in table:
            with self.subTest(strategy=name):
                run = RecordedRun(self.folder, find_strategy(name), 5, 300, **params)
                for _ in range(20):
                    run.bar()
                    run.play(20)
                run.finish()
                result = self.check(run)
                self.assertIsNone(result.first)
                self.assertGreater(result.compared["fills"], 0)

    def test_what_the_user_does_is_an_input_too(self) -> None:
        heard: list[object] = []

        class Asks(Strategy):
            def on_start(self) -> None:
                self.components.number("size", title="Size", value=Decimal(1))

            def on_input(self, post: Any) -> None:
                heard.append(post)
                self.buy_limit("BTC_USD", post.value, Decimal("99"))

        run = RecordedRun(self.folder, Asks)
        call = {
            "mhubrpc": "0.0.1", "method": "component.post", "params": ["size", "2"],
            "response_method": "page.1",
        }  # fmt: skip
        run.put("post", json.dumps(call))
        run.play(10)
        run.finish()
        result = self.check(run)
        self.assertIsNone(result.first)
        self.assertEqual((len(heard), result.compared["orders decided"]), (2, 1))


class Fails(Strategy):
    """Order now and then, and fail at the tenth quote."""

    def on_start(self) -> None:
        self.quotes = 0

    def on_quote(self, quote: Quote) -> None:
        self.quotes += 1
        if self.quotes == 10:
            raise KeyError("no such thing")
        self.buy_limit(quote.pair, Decimal("0.1"), quote.bid)


class OfRunsThatEndedBadly(ParityCase):
    @configured(max_examples=40, deadline=None)
    @given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1))
    def test_the_record_of_one_that_was_killed_replays_as_far_as_it_goes(
        self, seed: int, inputs_kept: float, messages_kept: float
    ) -> None:
        run = RecordedRun(self.folder, Restless, seed)
        run.play(150)
        run.finish()
        run.directory.update(state="failed", error="killed by signal 9")
        run.alter(lambda inputs: inputs[: 3 + int(inputs_kept * (len(inputs) - 3))])
        messages = run.path / "messages.jsonl"
        content = messages.read_bytes()
        messages.write_bytes(content[: int(messages_kept * len(content))])
        result = self.check(run)
        self.assertIsNone(result.first)
        self.assertIn("killed by signal 9; its record ends at", result.notes[0])

    def test_one_that_failed_fails_again(self) -> None:
        run = RecordedRun(self.folder, Fails)
        with self.assertRaises(HandlerFailed) as raised:
            run.play(500)
        run.finish()
        failure = str(raised.exception)
        run.directory.update(state="failed", error=failure, traceback="…")
        result = self.check(run)
        self.assertIsNone(result.first)
        self.assertIn(f"and so does the replay: {failure}", result.notes[0])
        # Where it does not, the strategy has another cause than its inputs.
        run.strategy = type(
            "Fails", (Fails,), {"on_start": lambda self: setattr(self, "quotes", 99)}
        )
        self.assertEqual(self.check(run).differences, 1)

    def test_a_failure_that_is_only_in_the_replay_is_a_difference(self) -> None:
        run = RecordedRun(self.folder, Restless, 3)
        run.play(100)
        run.finish()
        run.directory.update(state="failed", error="oh", traceback="…")
        first = self.check(run).first
        assert first is not None
        self.assertEqual((first.what, first.expected, first.found), ("failure", "oh", "no failure"))


class OfRunsThatXWrapWasAwayFrom(ParityCase):
    def test_what_it_told_after_it_had_forgotten_is_taken_from_the_record(self) -> None:
        for complete in (True, False):
            with self.subTest(complete=complete):
                run = RecordedRun(self.folder, Restless, 3)
                run.play(150)
                run.put("away")
                run.carry_out()
                run.put("back", {"complete": complete, "wallet_set": run._wallet_set()})
                lost_from = len(run.events)
                run.play(150)
                run.finish()
                whole = self.check(run)
                self.assertIsNone(whole.first)
                self.assertEqual(len(whole.notes), 0 if complete else 1)
                # What happened after the restart can't be known without its recording.
                del run.events[lost_from - 5 :]
                result = self.check(run)
                self.assertEqual(result.differences, 1 if complete else 0)
                self.assertGreater(result.compared["fills"], 0)
                self.assertGreater(result.compared["orders decided"], whole.compared["orders"] // 4)


Change = Callable[[list[Input]], list[Input]]


def edited(method: str, **fields: Any) -> Change:
    """Change the third input of a method."""

    def change(inputs: list[Input]) -> list[Input]:
        index = [n for n, one in enumerate(inputs) if one.method == method][2]
        one = inputs[index]
        inputs[index] = Input(one.time, method, {**one.params, **fields})
        return inputs

    return change


def removed(method: str) -> Change:
    """Leave the third input of a method out."""

    def change(inputs: list[Input]) -> list[Input]:
        index = [n for n, one in enumerate(inputs) if one.method == method][2]
        return inputs[:index] + inputs[index + 1 :]

    return change


def without_the_last_fill(inputs: list[Input]) -> list[Input]:
    """Leave the last fill out, but not what it did to its order."""
    index = max(n for n, one in enumerate(inputs) if one.method == "trade")
    return inputs[:index] + inputs[index + 1 :]


def without_an_order(inputs: list[Input]) -> list[Input]:
    """Leave out all that was told of the order that filled first."""
    name = next(one for one in inputs if one.method == "trade").params["client_order_id"]
    return [
        one
        for one in inputs
        if one.method not in ("order", "trade") or one.params["client_order_id"] != name
    ]


def poorer(inputs: list[Input]) -> list[Input]:
    """Take a little off the first wallets that were told."""
    index = next(n for n, one in enumerate(inputs) if one.method == "wallet_set")
    wallets = [{**one, "balance": "1"} for one in inputs[index].params["wallets"]]
    one = inputs[index]
    inputs[index] = Input(one.time, one.method, {**one.params, "wallets": wallets})
    return inputs


class Differences(ParityCase):
    def test_whatever_is_altered_is_found_and_named(self) -> None:
        table: tuple[tuple[str, Change, str, str], ...] = (
            ("a fill's price", edited("trade", exec_price="99"), "fill", "exec_price 99"),
            ("a fill's fee", edited("trade", fee="0"), "fill", "fee 0"),
            ("a fill", removed("trade"), "fill", "exec_"),
            ("an order's state", edited("order", filled_size="0.5"), "order", "filled_size 0.5"),
            ("the last fill", without_the_last_fill, "fill", "no more fills"),
            ("an order", without_an_order, "", ""),
            ("a wallet", poorer, "wallets", "1 USD"),
            ("a quote", edited("ticker", bid="98.5"), "quote", "bid 98.5"),
            ("a quote left out", removed("ticker"), "message", ""),
            ("a trade of the market", edited("trades", trade_id="x"), "trade", "trade x"),
            ("an answer", removed("answer"), "message", ""),
        )
        for name, change, what, words in table:
            with self.subTest(altered=name):
                run = self.record()
                run.alter(change)
                result = self.check(run)
                self.assertGreater(result.differences, 0)
                assert result.first is not None
                self.assertIn(what, result.first.what if what != "message" else "message")
                self.assertIn(words, result.first.expected)
                self.assertTrue(result.first.cause)

    def test_a_message_that_is_missing_from_the_audit_log_is_named(self) -> None:
        run = self.record()
        path = run.path / "messages.jsonl"
        lines = path.read_text().splitlines(keepends=True)
        index = next(n for n, line in enumerate(lines) if '"exchange.order"' in line)
        path.write_text("".join(lines[:index] + lines[index + 1 :]))
        first = self.check(run).first
        assert first is not None
        self.assertIn(f"message {index + 2} ", first.where)
        self.assertIn('"exchange.order"', first.found)

    def test_other_parameters_are_named_with_both_values(self) -> None:
        run = self.record()
        run.directory.update(params={"base": "BTC", "most": "1"})
        first = self.check(run).first
        assert first is not None
        self.assertEqual(
            (first.what, first.expected, first.found), ("parameters", "most 2", "most 1")
        )

    def test_a_strategy_that_was_changed_is_the_cause_of_its_first_other_decision(self) -> None:
        path = self.folder / "own.py"
        text = (
            "from decimal import Decimal\n"
            "from cryptick.strategy import Strategy\n"
            "class Own(Strategy):\n"
            "    def on_quote(self, quote):\n"
            "        self.buy_limit(quote.pair, Decimal('0.1'), quote.bid)\n"
        )
        path.write_text(text)
        run = self.record(find_strategy(f"{path}:Own"))
        path.write_text(text.replace("0.1", "0.2"))
        result = check(PastRun.open(self.folder, run.path.name), run.found)
        assert result.first is not None
        self.assertEqual((result.first.what, result.differences), ("order decided", 1))
        self.assertIn('"size":"0.1000"', result.first.expected)
        self.assertIn('"size":"0.2000"', result.first.found)
        self.assertIn("exchange.quote of BTC_USD on gdax", result.first.where)
        self.assertIn("has changed since the run", result.first.cause)

    def test_what_xwrap_recorded_and_what_was_heard_must_agree(self) -> None:
        run = self.record()
        del run.events[len(run.events) // 2 : len(run.events) // 2 + 5]
        self.assertGreater(self.check(run).differences, 0)

    def test_liquidity_that_another_run_took_is_missed_unless_its_orders_are_known(self) -> None:
        class Buys(Strategy):
            def on_quote(self, quote: Quote) -> None:
                if quote.ask == 101:
                    self.buy_market("BTC_USD", size=Decimal(1))

        run = RecordedRun(self.folder, Buys)
        now = UtcNs(run.now + SECOND)
        asks = [(Ticks(price), Lots(10_000)) for price in (10_100, 10_200, 10_300)]
        run.receive(BookSnapshot("BTC_USD", [(Ticks(9_900), Lots(1))], asks, now, now))
        run.order_of_another(Side.BUY, "1")
        for step in (*[run.carry_out] * 9, run.serve, *[run.carry_out] * 9, run.tell):
            step()
        run.finish()
        self.assertIsNone(self.check(run).first)
        run.others.clear()
        first = self.check(run).first
        assert first is not None
        self.assertEqual((first.what, first.expected[:14]), ("fill", "exec_price 102"))

    def test_an_order_that_the_replay_refuses_is_named_with_the_reason(self) -> None:
        run = self.record()
        run.alter(balances={"gdax": {"USD": Decimal(1)}})
        first = self.check(run).first
        assert first is not None
        self.assertEqual(first.what, "order")
        self.assertIn("is needed but only 1 is", first.found)

    def test_a_restart_of_xwrap_during_the_run_is_named_as_the_cause(self) -> None:
        run = self.record()
        run.alter(edited("order", offline=[{"from": "…", "to": "…"}]))
        first = self.check(run).first
        assert first is not None
        self.assertIn("xWrap was restarted", first.cause)

    def test_another_run_that_fills_otherwise_in_the_replay_is_noted(self) -> None:
        run = RecordedRun(self.folder, Restless)
        run.order_of_another(Side.BUY, "1")
        run.play(50)
        run.finish()
        (told,) = run.others.values()
        told["filled_size"] = "0.5"
        told["type"] = "limit"
        told["limit"] = "1"
        notes = "\n".join(self.check(run).notes)
        self.assertIn("of run another filled 0.5 BTC, and 0 in the replay", notes)

    def test_of_a_live_exchange_the_decisions_are_compared(self) -> None:
        run = self.record()
        described = {"gdax": {**run.header.exchanges["gdax"], "mode": "live"}}
        run.alter(exchanges=described)
        result = self.check(run)
        self.assertIsNone(result.first)
        self.assertEqual(
            result.notes, ["gdax is live: its answers are taken from the run's record"]
        )
        self.assertEqual(result.compared["fills"], 0)
        self.assertGreater(result.compared["orders decided"], 0)
        run.alter(edited("trade", exec_price="99"), exchanges=described)
        self.assertEqual(self.check(run).differences, 1)


class Refusals(ParityCase):
    def test_what_can_not_be_compared_is_said_in_one_sentence(self) -> None:
        run = self.record()
        run.directory.update(mode="backtest")
        with self.assertRaisesRegex(UsageError, "is a backtest"):
            self.check(run)
        run.directory.update(mode="paper")
        with self.subTest("not recorded"):
            run.start = UtcNs(run.start + SECOND)
            with self.assertRaisesRegex(NoData, "was not recorded when the run began"):
                self.check(run)
        with self.subTest("damaged"):
            (run.path / "inputs.jsonl.gz").write_bytes(b"no gzip")
            with self.assertRaisesRegex(DataError, "is damaged"):
                self.check(run)
        with self.subTest("no inputs"):
            (run.path / "inputs.jsonl.gz").unlink()
            with self.assertRaisesRegex(NoData, "is missing"):
                self.check(run)

    def test_the_command_prints_the_result_and_keeps_it(self) -> None:
        run = self.record()
        arguments = [run.path.name, "--runs-dir", str(self.folder)]

        def call(*more: str) -> tuple[int, str]:
            with (
                patch.object(parity, "xwrap_market", lambda url, *of: run.found(*of)),
                contextlib.redirect_stdout(io.StringIO()) as out,
            ):
                return parity.main([*arguments, *more]), out.getvalue()

        status, shown = call()
        self.assertEqual(status, 0)
        self.assertRegex(shown, r"differences *│ 0 ")
        run.alter(edited("trade", fee="0"))
        status, shown = call()
        self.assertEqual(status, 1)
        self.assertRegex(shown, r"first: what *│ fill")
        status, text = call("--json")
        self.assertEqual((status, json.loads(text)["first"]["what"]), (1, "fill"))
        self.assertEqual(json.loads((run.path / "parity.json").read_text()), json.loads(text))

    def test_the_command_says_what_is_wrong_with_the_right_status(self) -> None:
        run = self.record()
        runs = ["--runs-dir", str(self.folder)]
        table: tuple[tuple[list[str], int, str], ...] = (
            (["nobody_0", *runs], 2, "no run 'nobody_0'"),
            ([], 2, "required: run_id"),
            ([run.path.name, *runs, "--store", str(self.folder / "none.db")], 4, "none.db"),
            ([run.path.name, *runs, "--xwrap", "ws://127.0.0.1:9"], 4, "can't be reached"),
        )
        for arguments, status, words in table:
            with (
                self.subTest(arguments=arguments),
                contextlib.redirect_stderr(io.StringIO()) as said,
            ):
                self.assertEqual(parity.main(arguments), status)
                self.assertIn(words, said.getvalue())


if __name__ == "__main__":
    unittest.main()
