import unittest
from html.parser import HTMLParser

from cryptick.sweeps.measures import Measures, Objective
from cryptick.sweeps.page import color, heat_map, sweep_page
from cryptick.sweeps.results import Results, make_results
from cryptick.sweeps.splits import Split, Window
from cryptick.sweeps.trial import Outcome


def results(points: list[dict[str, str]]) -> Results:
    outcomes = [
        Outcome(n, 0, point, Measures(0.1, 0.1, float(n), None, 1, 9, 0.0, 3.0))
        for n, point in enumerate(points)
    ]
    return make_results(outcomes, [Split(Window(0, 9), None)], Objective.SHARPE)


class Titles(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


class Page(unittest.TestCase):
    def test_every_combination_has_a_mark_with_its_value(self) -> None:
        drawn = heat_map(results([{"a": str(a), "b": str(b)} for a in (2, 10) for b in (1, 3, 5)]))
        assert drawn is not None
        page = Titles()
        page.feed(drawn[1])
        for n, point in enumerate(("b=1", "b=3", "b=5")):
            self.assertIn(f"a=2 {point}: {n}", page.texts)
        self.assertEqual(page.texts.index("2") < page.texts.index("10"), True)

    def test_many_numbers_are_drawn_as_points_and_one_parameter_not_at_all(self) -> None:
        drawn = heat_map(results([{"a": str(n), "b": str(n % 7)} for n in range(50)]))
        assert drawn is not None
        self.assertEqual(drawn[1].count("<circle"), 50)
        self.assertIsNone(heat_map(results([{"a": "1"}, {"a": "2"}])))
        self.assertIsNone(heat_map(results([{"a": "1", "b": "1"}, {"a": "2", "b": "1"}])))

    def test_text_of_a_strategy_never_becomes_markup(self) -> None:
        bad = '<script>alert("1")</script>'
        found = results([{"a": bad, "b": x} for x in (bad, "y")] + [{"a": "x", "b": "y"}])
        page = Titles()
        html = sweep_page(bad, bad, [bad], found, [(bad, [bad], [[bad]])])
        page.feed(html)
        self.assertNotIn("script", page.tags)
        self.assertIn(bad, page.texts)
        self.assertNotIn("http", html)

    def test_colours_get_lighter_from_the_lowest_to_the_highest(self) -> None:
        def light(share: float) -> float:
            text = color(share)
            red, green, blue = (int(text[i : i + 2], 16) for i in (1, 3, 5))
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue

        shades = [light(n / 20) for n in range(21)]
        self.assertEqual(shades, sorted(shades))
        self.assertEqual((color(-1), color(2)), (color(0), color(1)))
