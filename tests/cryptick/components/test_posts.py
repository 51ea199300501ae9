"""What a user may post, what comes of it, and that nothing else ever happens."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cryptick.clock import SimulatedClock
from cryptick.components import (
    COMPONENT_POST,
    Components,
    Format,
    NumberEntered,
    Posted,
    Pressed,
    Selected,
    SliderMoved,
    TargetChosen,
    read_format,
    read_post,
)
from cryptick.errors import HandlerFailed
from cryptick.hub import Hub
from cryptick.messages import LOG, Call, Failure, Message, Result, encode, payload
from exchange_wrapper.errors import ApiUsageError
from tests.cryptick.components.case import NOW, ComponentsCase

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
weights = st.fixed_dictionaries(
    {"weights": st.dictionaries(st.sampled_from(["BTC", "ETH", "XRP"]), json | st.just("0.5"))},
    optional={"point": json},
)
D = Decimal


def formats() -> dict[str, Format]:
    """Return one format of each kind."""
    make = Components(Hub(SimulatedClock(NOW)))
    made: list[Any] = [
        make.slider("slider", title="S", minimum=D("-1"), maximum=D(2), step=D("0.1"), value=D(0)),
        make.number("free", title="N", value=D(1)),
        make.number("whole", title="N", value=D(1), minimum=D(1), step=D(1)),
        make.number("low", title="N", value=D(1), maximum=D(5)),
        make.select("select", title="S", choices=["a", "b"], value="a"),
        make.button("button", title="B"),
        make.frontier(title="F", currencies=["BTC", "ETH"], period="year"),
        make.text_log("log", title="L"),
    ]
    by_id = {component.id: component.format for component in made}
    options = by_id["frontier"].options | {"points": 3}
    by_id["frontier"] = msgspec.structs.replace(by_id["frontier"], options=options)
    return by_id


FORMATS = formats()


class Reading(ComponentsCase):
    def test_a_good_post_becomes_a_typed_value(self) -> None:
        mix = {"BTC": D("0.4"), "ETH": D("0.6")}
        cases: list[tuple[str, object, Posted]] = [
            ("slider", "0.3", SliderMoved("slider", D("0.3"))),
            ("slider", 0.3, SliderMoved("slider", D("0.3"))),
            ("slider", -1, SliderMoved("slider", D(-1))),
            ("slider", D("2.0"), SliderMoved("slider", D(2))),
            ("free", "-123456789.123456789", NumberEntered("free", D("-123456789.123456789"))),
            ("whole", 7, NumberEntered("whole", D(7))),
            ("low", "-8.5", NumberEntered("low", D("-8.5"))),
            ("select", "b", Selected("select", "b")),
            ("button", "press-1", Pressed("button", "press-1")),
            ("frontier", {"weights": {"ETH": "0.6", "BTC": "0.4"}, "point": 2},
             TargetChosen("frontier", mix, 2)),
            ("frontier", {"weights": {"BTC": "1.0000000009"}},
             TargetChosen("frontier", {"BTC": D("1.0000000009"), "ETH": D(0)}, None)),
        ]  # fmt: skip
        for id, value, posted in cases:
            with self.subTest(id=id, value=value):
                self.assertEqual(read_post(FORMATS[id], value), posted)

    def test_a_bad_post_is_refused_in_a_sentence_that_says_what_is_allowed(self) -> None:
        mix = {"BTC": "0.4", "ETH": "0.6"}
        cases: list[tuple[str, object, str]] = [
            ("slider", "2.1", "component slider takes -1 to 2, not '2.1'"),
            ("slider", 0.25, "component slider takes steps of 0.1 from -1 on, not 0.25"),
            ("slider", None, 'takes its value as a decimal such as "0.25", not None'),
            ("slider", [1], "not a list"),
            ("free", float("nan"), "must be a plain decimal number"),
            ("free", 10**300, "not a number that long"),
            ("free", True, "decimal string"),
            ("whole", "1.5", "takes steps of 1 from 1 on, not '1.5'"),
            ("whole", 0, "takes at least 1, not 0"),
            ("low", 6, "takes at most 5, not 6"),
            ("select", "c", "component select takes one of a, b, not 'c'"),
            ("select", 1, "not 1"),
            ("button", None, "takes the name of a press"),
            ("button", "x" * 65, "1 to 64 characters"),
            ("log", "x", "component log is a text_log and takes no input"),
            ("frontier", mix, "takes an object with weights by currency"),
            ("frontier", {"weights": {"XRP": "1"}}, "no currency 'XRP'; it has BTC, ETH"),
            ("frontier", {"weights": mix, "price": 1}, "takes weights and point, not 'price'"),
            ("frontier", {"weights": {"BTC": 1.0}}, "not 1.0"),
            ("frontier", {"weights": {"BTC": "-0.1", "ETH": "1.1"}}, "negative weight, but BTC"),
            ("frontier", {"weights": {"BTC": "1.0000000011"}}, "sum to 1, not to 1.0000000011"),
            ("frontier", {"weights": mix, "point": 3}, "has points 0 to 2 to choose, not 3"),
            ("frontier", {"weights": mix, "point": True}, "not True"),
        ]
        for id, value, sentence in cases:
            with self.subTest(id=id, value=value), self.assertRaises(ApiUsageError) as caught:
                read_post(FORMATS[id], value)
            self.assertIn(sentence, caught.exception.message)

    @given(st.sampled_from(sorted(FORMATS)), json | weights)
    def test_whatever_is_posted_is_read_or_refused(self, id: str, value: object) -> None:
        try:
            posted = read_post(FORMATS[id], value)
        except ApiUsageError as refusal:
            self.assertLess(len(refusal.message), 300)
            self.assertTrue(refusal.message.isprintable())
        else:
            self.assertEqual(posted.component, id)

    @given(st.integers(-10, 20), st.sampled_from([str, float, D]))
    def test_each_step_of_a_slider_can_be_posted_as_text_or_number(
        self, tenths: int, kind: Any
    ) -> None:
        posted = read_post(FORMATS["slider"], kind(str(D(tenths) / 10)))
        self.assertEqual(posted, SliderMoved("slider", D(tenths) / 10))


class Posting(ComponentsCase):
    def setUp(self) -> None:
        super().setUp()
        self.heard: list[Posted] = []
        self.answers: list[Message] = []
        self.components.listen(self.heard.append)
        one = D(1)
        self.slider = self.components.slider(
            "risk", title="Risk", minimum=D(0), maximum=one, step=D("0.1"), value=D("0.5")
        )
        self.button = self.components.button("go", title="Go")
        self.changes.clear()

    def post(self, *params: object) -> Any:
        self.hub.call(COMPONENT_POST, *params, reply=self.answers.append)
        return self.answers[-1]

    def test_a_post_reaches_the_strategy_the_format_and_the_page(self) -> None:
        answer = self.post("risk", 0.7)
        self.assertEqual(self.heard, [SliderMoved("risk", D("0.7"))])
        self.assertEqual(self.slider.value, D("0.7"))
        self.assertEqual(read_format(self.path, "risk").value, "0.7")
        self.assertEqual([(c.id, c.change) for c in self.changes], [("risk", "value")])
        self.assertIsInstance(answer, Result)
        self.assertEqual(answer.result, "0.7")

    def test_a_refused_post_changes_nothing(self) -> None:
        before = (self.path / "risk.json").read_bytes()
        for params in (("risk", 7), ("missing", 1), ("risk",), (7, 7), (), ("risk", 1, 1)):
            with self.subTest(params=params):
                answer = self.post(*params)
                self.assertIsInstance(answer, Failure)
                encode(answer)
        self.assertEqual((self.heard, self.changes), ([], []))
        self.assertEqual((self.path / "risk.json").read_bytes(), before)

    def test_a_refusal_that_nobody_waits_for_is_logged(self) -> None:
        lines: list[str] = []
        self.hub.on(LOG, lambda message: lines.append(payload(message).text))
        self.hub.post(Call(COMPONENT_POST, ("risk", "much")))
        self.assertEqual(len(lines), 1)
        self.assertIn("refused", lines[0])

    def test_a_press_that_is_sent_twice_counts_once(self) -> None:
        for press in ("1", "1", "2", "2"):
            self.assertEqual(self.post("go", press).result, press)
        self.assertEqual(self.heard, [Pressed("go", "1"), Pressed("go", "2")])

    def test_a_post_waits_for_no_rows(self) -> None:
        frontier = self.components.frontier(title="F", currencies=["BTC"], period="year")
        one = np.ones((1, 1))
        frontier.replace(
            time=NOW,
            expected_returns=one[0],
            covariance=one,
            risk_free=0,
            frontier=one,
            minimum_variance=one[0],
            maximum_sharpe=one[0],
        )
        self.post("frontier", {"weights": {"BTC": "1"}, "point": 0})
        written = read_format(self.path, "frontier")
        self.assertEqual(written.value, {"weights": {"BTC": "1"}, "point": 0})
        self.assertEqual((written.generation, written.rows, written.options["points"]), (2, 4, 1))

    def test_a_strategy_that_raises_fails_the_run_and_not_the_post(self) -> None:
        def refuse(_: Posted) -> None:
            raise ApiUsageError("own mistake")

        self.components.listen(refuse)
        with self.assertRaisesRegex(HandlerFailed, "own mistake"):
            self.post("risk", 0.1)


class ChangedByTheStrategy(ComponentsCase):
    def test_a_slider_that_is_moved_shows_it_and_keeps_its_range(self) -> None:
        slider = self.components.slider(
            "share", title="S", minimum=D(0), maximum=D(100), step=D("0.5"), value=D(10)
        )
        slider.move(D("12.50"))
        slider.move(D("12.5"))  # no change
        self.assertEqual((slider.value, read_format(self.path, "share").value), (D("12.5"), "12.5"))
        self.assertEqual([change.change for change in self.changes], ["created", "value"])
        with self.assertRaisesRegex(ApiUsageError, "takes 0 to 100"):
            slider.move(D(101))
        with self.assertRaisesRegex(ApiUsageError, "takes steps of 0.5"):
            slider.move(D("0.7"))
        self.assertEqual(slider.value, D("12.5"))

    def test_a_button_says_what_it_asks_and_what_a_press_is_about(self) -> None:
        button = self.components.button("go", title="Go", confirm="Really?")
        options = {"confirm": "Really?", "press": ""}
        self.assertEqual(read_format(self.path, "go").options, options)
        for _ in range(2):
            button.offer("Buy 1 BTC?", "preview-1")
        options = {"confirm": "Buy 1 BTC?", "press": "preview-1"}
        self.assertEqual(read_format(self.path, "go").options, options)
        self.assertEqual([change.change for change in self.changes], ["created", "value"])
        with self.assertRaisesRegex(ApiUsageError, "one printable line"):
            button.offer("two\nlines")
