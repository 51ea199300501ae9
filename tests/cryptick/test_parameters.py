import unittest
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cryptick.errors import UsageError
from cryptick.request import describe_params, make_params, make_params_from_json
from cryptick.strategy import Strategy, param, shipped_strategies


class Tuned(Strategy):
    @dataclass(frozen=True)
    class Params(Strategy.Params):
        bars: int = param(20, help="how many", unit="bars", ge=1, lt=100)
        share: Decimal = param(Decimal("0.5"), help="how much", gt=0, le=1)
        noise: float = param(0.0, help="any number")
        greedy: bool = param(False, help="or not")
        side: str = param("buy", help="what", choices=("buy", "sell"))
        coins: tuple[str, ...] = param(("BTC", "ETH"), help="which")

    params: Params


class Making(unittest.TestCase):
    def test_texts_and_json_give_the_same_values(self) -> None:
        texts = {"bars": "7", "share": "0.1", "greedy": "true", "coins": "BTC, XRP"}
        forms: tuple[dict[str, Any], ...] = (
            texts,
            {"bars": 7, "share": "0.1", "greedy": True, "coins": ["BTC", "XRP"]},
            {"bars": 7, "share": 0.1, "greedy": True, "coins": ["BTC", "XRP"]},
        )
        expected = Tuned.Params(bars=7, share=Decimal("0.1"), greedy=True, coins=("BTC", "XRP"))
        self.assertEqual(make_params(Tuned, texts), expected)
        for form in forms:
            with self.subTest(form=form):
                self.assertEqual(make_params_from_json(Tuned, form), expected)

    def test_what_is_out_of_range_is_named_with_its_range(self) -> None:
        table: tuple[tuple[dict[str, Any], str], ...] = (
            ({"bars": 0}, "--bars must be at least 1 and less than 100 bars, not 0"),
            ({"bars": 100}, "--bars must be at least 1 and less than 100 bars, not 100"),
            ({"share": "0"}, "--share must be more than 0 and at most 1, not 0"),
            ({"share": "NaN"}, "--share must be finite"),
            ({"noise": "inf"}, "--noise must be finite"),
            ({"side": "hold"}, "--side must be one of buy, sell, not 'hold'"),
            ({"bars": "few"}, "--bars must be a whole number, not 'few'"),
            ({"bars": 1.5}, "--bars must be a whole number, not '1.5'"),
            ({"bars": True}, "--bars must be a whole number, not 'true'"),
            ({"greedy": "perhaps"}, "--greedy must be true or false, not 'perhaps'"),
            ({"coins": 5}, "--coins must be texts"),
            ({"colour": "red"}, "Tuned has no parameter 'colour'; it has base, bars"),
        )
        for given, words in table:
            with self.subTest(given=given), self.assertRaises(UsageError) as caught:
                make_params_from_json(Tuned, given)
            self.assertIn(words, caught.exception.message)
        with self.assertRaisesRegex(UsageError, "must be an object"):
            make_params_from_json(Tuned, [1])
        with self.assertRaisesRegex(UsageError, "--bars must be"):
            Tuned.Params(bars=-1)


class Describing(unittest.TestCase):
    def test_a_form_has_all_it_needs_and_is_json(self) -> None:
        forms = {form["name"]: form for form in describe_params(Tuned)}
        self.assertEqual(
            forms["bars"],
            {
                "name": "bars",
                "flag": "--bars",
                "type": "integer",
                "default": 20,
                "unit": "bars",
                "help": "how many",
                "minimum": 1,
                "maximum": 100,
                "exclusive": ["maximum"],
                "choices": None,
            },
        )
        self.assertEqual((forms["share"]["type"], forms["share"]["default"]), ("decimal", "0.5"))
        self.assertEqual(forms["side"]["choices"], ["buy", "sell"])
        self.assertEqual(
            (forms["coins"]["type"], forms["coins"]["default"]), ("strings", ["BTC", "ETH"])
        )

    def test_the_defaults_of_every_shipped_strategy_are_allowed(self) -> None:
        for name, strategy in shipped_strategies().items():
            with self.subTest(strategy=name):
                given = {str(form["name"]): form["default"] for form in describe_params(strategy)}
                self.assertEqual(make_params_from_json(strategy, given), strategy.Params())


if __name__ == "__main__":
    unittest.main()
