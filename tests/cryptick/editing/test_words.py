import unittest

from cryptick.editing.words import words
from cryptick.strategy import Strategy


class OfTheInterface(unittest.TestCase):
    def test_each_is_there_once_with_what_it_does(self) -> None:
        found = {(word.after, word.label): word for word in words()}
        self.assertEqual(len(found), len(words()))
        for after, label, text in (
            ("self.", "buy_market", "Buy at the market"),
            ("self.", "traded", "(exchange, pair)"),
            ("self.components.", "slider", "slider"),
            ("", "Bar", "finished candle"),
        ):
            with self.subTest(label):
                self.assertIn(text, found[after, label].text)
        self.assertEqual(found["", "Bar"].module, "cryptick.messages")
        self.assertIn("type=OrderType.LIMIT,", found["self.", "buy_limit"].signature)
        self.assertIn(("bar.", "close"), found)
        self.assertIn(("book.", "bids"), found)

    def test_all_callbacks_are_there(self) -> None:
        labels = {word.label for word in words() if word.after == "self."}
        public = {name for name in vars(Strategy) if name.startswith("on_")}
        self.assertLessEqual(public, labels)
