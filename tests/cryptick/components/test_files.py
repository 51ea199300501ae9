"""What is written is what is read, whatever the order of writes and reads."""

import tempfile
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptick.clock import SimulatedClock
from cryptick.components import (
    Axis,
    Column,
    Components,
    list_components,
    read_format,
    read_rows,
    tail,
)
from cryptick.hub import Hub
from exchange_wrapper.errors import ApiUsageError, DataError, UnknownName
from exchange_wrapper.numbers import format_amount
from exchange_wrapper.times import UtcNs, to_iso
from tests.cryptick.components.case import COLUMNS, NOW, ComponentsCase

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["", "\n", "\r\n", "\\n", '"', 'a,"b"\n', "\\", ",", " ", "\x00", "\u2028"]
)
rows = st.tuples(
    st.none() | st.integers(0, 2**62).map(UtcNs),
    st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=8, max_value=10**20),
    st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6),
    texts,
)
steps = st.lists(
    st.tuples(st.just("append"), rows)
    | st.tuples(st.just("replace"), st.lists(rows, max_size=4))
    | st.tuples(st.sampled_from(["flush", "read"]), st.none())
)


def as_read(row: Any) -> list[Any]:
    """Return what a reader gets of a row."""
    time, size, value, text = row
    return [
        None if time is None else to_iso(time),
        None if size is None else format_amount(size),
        None if value is None else float(value),
        text,
    ]


class ReadingBack(ComponentsCase):
    @settings(deadline=None)
    @given(steps, st.integers(1, 4))
    def test_rows_read_are_the_rows_that_were_flushed(self, steps: Any, limit: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            components = Components(Hub(SimulatedClock(NOW)), path)
            table = components.table("t", title="T", columns=COLUMNS)
            written: list[Any] = []
            visible: list[Any] = []
            for step, argument in [*steps, ("flush", None), ("read", None)]:
                if step == "append":
                    table.append(*argument)
                    written.append(as_read(argument))
                elif step == "replace":
                    table.replace(argument)
                    written = [as_read(row) for row in argument]
                elif step == "flush":
                    components.flush()
                    visible = list(written)
                else:
                    self.assertEqual(read_rows(path, "t").rows, visible)
                    pages = range(0, len(visible) + limit, limit)
                    paged = (read_rows(path, "t", offset=o, limit=limit).rows for o in pages)
                    self.assertEqual([row for page in paged for row in page], visible)
                    last = tail(path, "t", limit)
                    self.assertEqual(last.rows, visible[-limit:])
                    self.assertEqual(last.offset, max(0, len(visible) - limit))

    def test_a_row_of_one_empty_cell_is_a_row(self) -> None:
        table = self.components.table("t", title="T", columns=[Column("a", "amount")])
        for cell in (Decimal("0.10"), None, None, Decimal("1E+3")):
            table.append(cell)
        self.components.flush()
        self.assertEqual(read_rows(self.path, "t").rows, [["0.1"], [None], [None], ["1000"]])

    def test_a_long_data_file_is_read_from_any_place(self) -> None:
        log = self.components.text_log("log", title="Log")
        for number in range(30_000):  # several blocks of the reader and of the writer
            log.write(f"line {number}")
        self.components.flush()
        for offset in (0, 1, 9_999, 29_990, 29_999, 30_000, 40_000):
            with self.subTest(offset=offset):
                page = read_rows(self.path, "log", offset=offset, limit=7)
                wanted = [f"line {n}" for n in range(offset, min(offset + 7, 30_000))]
                self.assertEqual([row[2] for row in page.rows], wanted)
                self.assertEqual(page.total, 30_000)
        self.assertEqual(len(tail(self.path, "log", 10_000).rows), 10_000)
        self.assertEqual(tail(self.path, "log", 10_000).rows[0][2], "line 20000")

    def test_a_long_text_is_cut_and_half_a_character_is_replaced(self) -> None:
        log = self.components.text_log("log", title="Log")
        log.write("x" * 20_000)
        log.write("\ud800")
        self.components.flush()
        cut, replaced = (row[2] for row in read_rows(self.path, "log").rows)
        self.assertEqual(cut, "x" * 9_999 + "…")
        self.assertEqual(replaced, "?")


class Appending(ComponentsCase):
    def test_rows_reach_the_file_in_blocks_and_are_not_written_again(self) -> None:
        log = self.components.text_log("log", title="Log")
        file = self.path / "log.csv"
        inode, sizes = file.stat().st_ino, set()
        for _ in range(20_000):
            log.write("x" * 50)
            sizes.add(file.stat().st_size)
        self.assertEqual(file.stat().st_ino, inode)
        self.assertIn(len(sizes), range(4, 20))
        formats = [c.rows for c in self.changes]
        self.assertEqual(formats, sorted(formats))
        self.assertEqual(read_format(self.path, "log").rows, formats[-1])

    def test_what_is_behind_the_rows_of_the_format_is_not_read(self) -> None:
        log = self.components.text_log("log", title="Log")
        log.write("whole")
        self.components.flush()
        with (self.path / "log.csv").open("a") as file:
            file.write("2018-04-06T08:37:44.000000Z,info,not yet\n2018-04-06T08:37:44.000000Z,in")
        for page in (read_rows(self.path, "log"), tail(self.path, "log")):
            self.assertEqual([row[2] for row in page.rows], ["whole"])


class Replacing(ComponentsCase):
    def test_a_page_of_another_generation_says_so_and_has_no_rows(self) -> None:
        bar = self.components.bar("b", title="B", series=["n"])
        bar.replace({"a": (1,), "b": (2,)})
        self.components.flush()
        first = read_rows(self.path, "b", limit=1)
        self.assertEqual((first.generation, first.changed, first.rows), (2, False, [["a", 1.0]]))
        bar.replace({"c": (3,)})
        self.components.flush()
        second = read_rows(self.path, "b", first.generation, 1)
        self.assertEqual((second.generation, second.changed, second.rows), (3, True, []))
        self.assertEqual([f.name for f in self.path.glob("b*.csv")], ["b.3.csv"])

    def test_a_bad_row_replaces_nothing(self) -> None:
        table = self.components.table("t", title="T", columns=[Column("n")])
        table.append(1)
        with self.assertRaisesRegex(ApiUsageError, "t: column n holds a finite number, not 'x'"):
            table.replace([(2,), ("x",)])
        with self.assertRaisesRegex(ApiUsageError, "up to 100,000 rows"):
            table.replace((n,) for n in range(100_001))
        self.components.flush()
        page = read_rows(self.path, "t")
        self.assertEqual((page.generation, page.rows), (1, [[1.0]]))

    def test_a_reader_beside_a_writer_sees_one_generation_whole(self) -> None:
        pie = self.components.pie("p", title="P")
        pie.replace({"0": 0})
        self.components.flush()
        done = threading.Event()

        def write() -> None:
            for number in range(1, 300):
                pie.replace({str(n): number for n in range(50)})
                self.components.flush()
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        self.addCleanup(writer.join)
        while not done.is_set():
            for page in (read_rows(self.path, "p"), tail(self.path, "p", 50)):
                self.assertEqual({row[1] for row in page.rows}, {page.generation - 2.0})
                self.assertEqual(len(page.rows), page.total)


class Formats(ComponentsCase):
    def test_a_format_tells_what_a_page_needs(self) -> None:
        columns = [Column("price", "amount", "USD")]
        self.components.table("prices", title="Prices", columns=columns)
        content = msgspec.json.decode((self.path / "prices.json").read_bytes())
        self.assertEqual(
            content,
            {
                "id": "prices",
                "kind": "table",
                "title": "Prices",
                "placement": 0,
                "columns": [{"name": "price", "type": "amount", "unit": "USD"}],
                "axes": {},
                "options": {},
                "value": None,
                "generation": 1,
                "rows": 0,
                "size_bytes": 6,
            },
        )
        self.assertEqual((self.path / "prices.csv").read_text(), "price\n")

    def test_components_are_listed_in_the_order_they_were_made(self) -> None:
        self.assertEqual(list_components(self.path), [])
        for id in ("z", "a", "m-1"):
            self.components.pie(id, title=id)
        self.assertEqual([f.id for f in list_components(self.path)], ["z", "a", "m-1"])
        self.assertEqual(list_components(self.path / "missing"), [])

    def test_an_id_that_is_not_safe_or_not_new_is_refused(self) -> None:
        self.components.pie("a", title="A")
        for id in ("a", "", "A", "a b", "../a", "a.2", "-a", "a--b", "ä", "a\n", "x" * 65):
            with self.subTest(id=id), self.assertRaises(ApiUsageError):
                self.components.pie(id, title="A")
        self.assertEqual([f.id for f in list_components(self.path)], ["a"])

    def test_bad_arguments_are_refused_in_one_sentence_and_leave_no_file(self) -> None:
        make = self.components
        one = Decimal(1)
        cases: dict[str, Any] = {
            "title must not be empty": lambda: make.pie("p", title=""),
            "one printable line": lambda: make.pie("p", title="a\nb"),
            "1 to 256 columns, not 0": lambda: make.table("p", title="T", columns=[]),
            "same name: time, a, a": lambda: make.line("p", title="T", series=["a", "a"]),
            "unit of axis x": lambda: make.scatter("p", title="T", x=Axis("", "\n"), y=Axis()),
            "different choices": lambda: make.select("p", title="T", choices=["a", "a"], value="a"),
            "takes one of a, not 'b'": lambda: make.select(
                "p", title="T", choices=["a"], value="b"
            ),
            "minimum 2 is above maximum 1": lambda: make.slider(
                "p", title="T", minimum=Decimal(2), maximum=one, step=one, value=one
            ),
            "step must be above 0": lambda: make.number("p", title="T", step=-one, value=one),
            "takes at least 1, not 0": lambda: make.number(
                "p", title="T", minimum=one, value=Decimal(0)
            ),
            "1 to 100 currencies": lambda: make.frontier(
                "p", title="T", currencies=[], period="year"
            ),
        }
        for sentence, call in cases.items():
            with self.subTest(sentence), self.assertRaisesRegex(ApiUsageError, sentence):
                call()
        self.assertEqual(list(self.path.iterdir()), [])

    def test_cells_that_do_not_fit_are_refused(self) -> None:
        table = self.components.table("t", title="T", columns=COLUMNS)
        good = (NOW, Decimal(1), 1.0, "")
        for place, cells in enumerate(
            (
                ("2018", 1.5, "1", 10**30),
                (1.5, "1", 1.0, "t"),
                (1, Decimal(1), float("inf"), "t"),
                (1, Decimal("NaN"), 1, "t"),
                (1, Decimal("1E+99"), 1, "t"),
                (1, None, 10**400, "t"),
                (1, None, None, None),
                (10**30, None, None, "t"),
                (1, None),
            )
        ):
            with self.subTest(place=place), self.assertRaisesRegex(ApiUsageError, "^t"):
                table.append(*cells)
        table.append(*good)
        self.components.flush()
        self.assertEqual(read_rows(self.path, "t").rows, [as_read(good)])

    def test_without_a_directory_nothing_is_kept_and_all_is_checked(self) -> None:
        components = Components(self.hub)
        table = components.table("t", title="T", columns=COLUMNS)
        table.append(NOW, None, None, "")
        table.replace([])
        with self.assertRaises(ApiUsageError):
            table.append("x")
        components.flush()
        self.assertEqual(list(self.path.iterdir()), [])
        self.assertEqual(table.format.generation, 2)


class Readers(ComponentsCase):
    def test_what_is_not_there_or_can_not_be_read_is_said(self) -> None:
        self.components.pie("p", title="P").replace({"a": 1})
        self.components.button("b", title="B")
        self.components.flush()
        for id in ("missing", "../p", "", "p.2", "P"):
            with self.subTest(id=id), self.assertRaises(UnknownName):
                read_rows(self.path, id)
        for offset, limit in ((-1, 1), (0, -1), (0, 10_001)):
            with self.subTest(offset=offset, limit=limit), self.assertRaises(ApiUsageError):
                read_rows(self.path, "p", offset=offset, limit=limit)
        with self.assertRaisesRegex(ApiUsageError, "b is a button input and has no rows"):
            tail(self.path, "b")
        (self.path / "p.2.csv").write_text("slice,value\na,b\n")
        with self.assertRaises(DataError):
            read_rows(self.path, "p")
        (self.path / "p.2.csv").unlink()
        with self.assertRaisesRegex(DataError, "missing"):
            read_rows(self.path, "p")
        (self.path / "p.json").write_text("{")
        with self.assertRaises(DataError):
            read_format(self.path, "p")
