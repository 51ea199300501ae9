"""When a change is written and announced."""

from decimal import Decimal

from cryptick.components import COMPONENT_CHANGED, ComponentChanged, Components, read_rows
from cryptick.messages import Message, payload
from exchange_wrapper.times import SECOND
from tests.cryptick.components.case import NOW, ComponentsCase


class InABacktest(ComponentsCase):
    def test_rows_wait_until_they_are_many_or_the_run_ends(self) -> None:
        line = self.components.line("l", title="L", series=["a"])
        for number in range(1_000):
            line.append(NOW, number)
        self.assertEqual(self.changes, [ComponentChanged("l", "created", 1, 0)])
        self.components.flush()
        self.components.flush()
        self.assertEqual(self.changes[1:], [ComponentChanged("l", "appended", 1, 1_000)])

    def test_a_run_that_fails_leaves_the_rows_it_wrote(self) -> None:
        with self.assertRaises(ZeroDivisionError), self.components as components:
            components.text_log("log", title="L").write("the last words")
            raise ZeroDivisionError
        self.assertEqual(read_rows(self.path, "log").rows[0][2], "the last words")

    def test_only_the_newest_generation_is_written(self) -> None:
        pie = self.components.pie("p", title="P")
        for number in range(1_000):
            pie.replace({"a": number})
        self.components.flush()
        self.assertEqual(self.changes[1:], [ComponentChanged("p", "replaced", 1_001, 1)])
        self.assertEqual(read_rows(self.path, "p").rows, [["a", 999.0]])

    def test_the_clock_is_left_alone(self) -> None:
        due = self.clock.next_due
        self.components.pie("p", title="P").replace({"a": 1})
        self.assertEqual(self.clock.next_due, due)

    def test_the_same_changes_are_announced_without_a_directory(self) -> None:
        heard: list[list[ComponentChanged]] = []
        for components in (self.components, Components(self.hub)):
            self.changes.clear()
            log = components.text_log("log", title="L")
            for _ in range(20_000):
                log.write("x" * 50)
            components.flush()
            heard.append(list(self.changes))
        self.assertEqual(heard[0], heard[1])
        self.assertGreater(len(heard[0]), 3)


class AtOnce(ComponentsCase):
    flush_after_s = 0

    def test_a_turn_of_the_loop_makes_one_announcement_of_what_can_be_read(self) -> None:
        readable: list[int] = []

        def read(message: Message) -> None:
            change: ComponentChanged = payload(message)
            readable.append(read_rows(self.path, change.id, change.generation).total)

        log = self.components.text_log("log", title="L")
        self.hub.on(COMPONENT_CHANGED, read)
        for _ in range(2):
            for _ in range(1_000):
                log.write("x")
            self.clock.fire()
        self.assertEqual([c.rows for c in self.changes], [0, 1_000, 2_000])
        self.assertEqual(readable, [1_000, 2_000])

    def test_a_listener_may_change_what_it_hears_of(self) -> None:
        log = self.components.text_log("log", title="L")
        self.hub.on(COMPONENT_CHANGED, lambda _: log.write("again"))
        log.write("first")
        for _ in range(3):
            self.clock.fire()
        self.assertEqual(read_rows(self.path, "log").total, 3)


class Delayed(ComponentsCase):
    flush_after_s = 0.25

    def test_rows_wait_that_long_at_most(self) -> None:
        line = self.components.line("l", title="L", series=["a"])
        line.append(NOW, Decimal("1.5"))
        self.assertEqual(self.clock.next_due, NOW + SECOND // 4)
        self.clock.fire()
        self.assertEqual([row[1] for row in read_rows(self.path, "l").rows], [1.5])
