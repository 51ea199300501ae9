import gzip
import tempfile
import unittest
from pathlib import Path

from exchange_wrapper.errors import DataError, NoData
from exchange_wrapper.sandbox.capture import read_capture

SNAPSHOT = (
    '{"type":"snapshot","product_id":"AB-USD","bids":[["1.50","2.0"]],"asks":[["1.51","0.125"]]}'
)
MATCH = (
    '{"type":"match","trade_id":5,"side":"sell","size":"0.5","price":"1.51",'
    '"product_id":"AB-USD","sequence":9,"time":"2021-04-17T16:43:37.089723Z"}'
)
FEED = (
    "wss://venue <-> 1618677816.84\n"
    'wss://venue <- 1618677817.02: {"type":"subscribe"}\n'
    '1618677817.06: {"type":"subscriptions","channels":[]}\n'
    f"1618677817.1185: {SNAPSHOT}\n"
    f"1618677818: {MATCH}\n\n"
)


class Captures(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_bytes(gzip.compress(text.encode()))
        return path

    def test_keep_market_messages_with_their_time_and_bytes(self) -> None:
        capture = read_capture(self.write("ws.txt.gz", FEED))
        self.assertEqual(
            [(entry.time, entry.channel, entry.data.decode()) for entry in capture.messages],
            [
                (1_618_677_817_118_500_000, "level2_batch", SNAPSHOT),
                (1_618_677_818_000_000_000, "matches", MATCH),
            ],
        )

    def test_infer_products_from_the_digits_of_the_snapshot(self) -> None:
        self.write("ws.txt.gz", FEED)
        (product,) = read_capture(self.folder).products
        self.assertEqual(
            [product[key] for key in ("id", "quote_increment", "base_increment", "status")],
            ["AB-USD", "0.01", "0.001", "online"],
        )

    def test_take_products_from_the_rest_answer_beside_them(self) -> None:
        path = self.write("ws.txt.gz", FEED)
        listed = '[{"id":"AB-USD","quote_increment":"0.0001"},{"id":"XY-USD"}]'
        self.write("rest.txt.gz", f"https://venue/products -> 1618677816.8: {listed}\n")
        self.assertEqual(
            read_capture(path).products, [{"id": "AB-USD", "quote_increment": "0.0001"}]
        )

    def test_that_are_not_there_or_hold_no_book_are_told_as_no_data(self) -> None:
        empty = self.write("empty.gz", "")
        for path in (self.folder / "nowhere", self.folder, empty):
            with self.subTest(path.name), self.assertRaisesRegex(NoData, path.name):
                read_capture(path)

    def test_that_are_broken_are_told_with_the_place(self) -> None:
        plain = self.folder / "plain.gz"
        plain.write_text("not gzip")
        cut = self.folder / "cut.gz"
        cut.write_bytes(gzip.compress(FEED.encode())[:-12])
        garbled = self.write("garbled.gz", "1618677817.06: {]\n")
        for path, told in ((plain, "plain.gz"), (cut, "cut.gz"), (garbled, "line 1")):
            with self.subTest(path.name), self.assertRaisesRegex(DataError, told):
                read_capture(path)
