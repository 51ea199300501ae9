import tempfile
import unittest
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cryptick.audit import AuditLog
from cryptick.messages import Call
from cryptick.server.records import log_page, message_page, newest_messages, table_page
from exchange_wrapper.errors import DataError
from exchange_wrapper.times import UtcNs

BEGIN, STOP = 'is "A" or Ü', "is B\n"


class InAFolder(unittest.TestCase):
    def setUp(self) -> None:
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "file"


class Messages(InAFolder):
    def write(self, texts: list[str], partial: bytes = b"") -> None:
        self.path.unlink(missing_ok=True)
        with AuditLog(self.path, flush=False) as audit:
            for number, text in enumerate(texts, 1):
                method = "strategy.log" if number % 2 else "exchange.order"
                audit.record(number, UtcNs(number), None, Call(method, (text,)))
        with self.path.open("ab") as file:
            file.write(partial)

    def sequences(self, *args: object, **more: object) -> list[int]:
        page = message_page(self.path, *args, **more)  # type: ignore[arg-type]
        return [each["sequence"] for each in page.messages]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.integers(0, 3000), max_size=60), st.integers(0, 80), st.integers(0, 20))
    def test_a_page_is_what_follows_a_sequence(
        self, lengths: list[int], after: int, limit: int
    ) -> None:
        self.write(["x" * length for length in lengths], b'{"sequence":99')
        page = message_page(self.path, after, limit)
        expected = list(range(after + 1, len(lengths) + 1))[:limit]
        self.assertEqual([each["sequence"] for each in page.messages], expected)
        self.assertEqual(page.last, len(lengths))
        self.assertEqual(page.next, expected[-1] if expected else min(after, len(lengths)))

    def test_pages_follow_each_other_to_the_end(self) -> None:
        self.write(["x"] * 25)
        found, after = [], 0
        while True:
            page = message_page(self.path, after, 10)
            found += [each["sequence"] for each in page.messages]
            after = page.next
            if after == page.last:
                break
        self.assertEqual(found, list(range(1, 26)))

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.integers(0, 100_000), max_size=12), st.integers(0, 15), st.integers(1, 5))
    def test_pages_from_the_newest_on_are_the_same_messages_in_the_other_order(
        self, lengths: list[int], before: int, limit: int
    ) -> None:
        self.write(["x" * length for length in lengths], b'{"sequence":99')
        found: list[int] = []
        at = before
        while at:
            page = newest_messages(self.path, at, limit)
            self.assertEqual(page.last, len(lengths))
            self.assertLessEqual(len(page.messages), limit)
            found += [each["sequence"] for each in page.messages]
            at = page.next
        self.assertEqual(found, list(reversed(range(1, min(before, len(lengths) + 1)))))

    def test_the_newest_that_pass_a_filter_come_first(self) -> None:
        self.write([BEGIN, "b", STOP, "is c"])
        page = newest_messages(self.path, 1 << 53, 1, "exchange.*", "IS")
        self.assertEqual([each["sequence"] for each in page.messages], [4])
        self.assertEqual(newest_messages(self.path, page.next, 1, "exchange.*", "IS").messages, [])
        self.assertEqual(newest_messages(self.path.with_name("none"), 1, 1).last, 0)

    def test_filters_by_method_and_text(self) -> None:
        self.write([BEGIN, "b", STOP, "is c"])
        for filters, expected in (
            ({"method": "exchange.*"}, [2, 4]),
            ({"method": "strategy.log"}, [1, 3]),
            ({"method": "*"}, [1, 2, 3, 4]),
            ({"method": "exchange"}, []),
            ({"text": "IS"}, [1, 3, 4]),
            ({"text": "ü"}, [1]),
            ({"text": "is", "method": "*order"}, [4]),
        ):
            with self.subTest(filters):
                self.assertEqual(self.sequences(0, 10, **filters), expected)

    def test_a_file_that_is_no_record_is_an_error_and_none_is_empty(self) -> None:
        self.assertEqual(message_page(self.path, 5, 5).messages, [])
        for text in (b"hello\n", b'{"sequence":1,"time":}\n'):
            with self.subTest(text):
                self.path.write_bytes(text)
                with self.assertRaises(DataError):
                    message_page(self.path, 0, 5)


class Lines(InAFolder):
    def test_pages_by_bytes_and_the_last_ones(self) -> None:
        self.assertEqual(log_page(self.path, 0, 5, None).lines, [])
        lines = [f"line {number} é" for number in range(30_000)]
        text = "\n".join(lines).encode() + b"\nhalf"
        self.path.write_bytes(text)
        first = log_page(self.path, 0, 10, None)
        self.assertEqual((first.lines, first.size), (lines[:10], len(text) - 4))
        self.assertEqual(log_page(self.path, first.next, 5, None).lines, lines[10:15])
        for tail in (0, 1, 7, 20_000, 40_000):
            with self.subTest(tail):
                page = log_page(self.path, 0, 1, tail)
                self.assertEqual(page.lines, lines[-tail:] if tail else [])
                self.assertEqual(page.next, page.size)
        self.assertEqual(log_page(self.path, 10**9, 5, None).lines, [])

    def test_a_line_without_an_end_comes_in_pieces(self) -> None:
        self.path.write_bytes(b"x" * 100_000 + b"\nend\n")
        first = log_page(self.path, 0, 2, None)
        self.assertLess(len("".join(first.lines)), 50_000)
        lines, at = list(first.lines), first.next
        while at < first.size:
            page = log_page(self.path, at, 2, None)
            lines, at = lines + page.lines, page.next
        self.assertEqual("".join(lines), "x" * 100_000 + "end")


class Rows(InAFolder):
    def test_pages_of_whole_rows(self) -> None:
        self.assertEqual(table_page(self.path, 0, 5).total, 0)
        self.path.write_text('a,b\n1,"x\ny"\n2,z\n3,z\n4')
        for offset, limit, rows in (
            (0, 2, [["1", "x\ny"], ["2", "z"]]),
            (2, 5, [["3", "z"]]),
            (9, 5, []),
            (0, 0, []),
        ):
            with self.subTest(offset=offset, limit=limit):
                page = table_page(self.path, offset, limit)
                self.assertEqual((page.columns, page.rows, page.total), (["a", "b"], rows, 3))
