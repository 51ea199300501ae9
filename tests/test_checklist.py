import importlib
import re
import unittest

from exchange_wrapper.service import ExchangeWrapper
from exchange_wrapper.service.about import ABOUT
from serving.registry import Api
from tests.system.processes import ROOT

CHECKLIST = ROOT / "docs/checklist.md"
SPECIFICATION = ROOT.parent / "shared/spec/README.md"

_BAR = re.compile(r"(?<!\\)\|")  # one inside a cell is escaped


def lines() -> list[tuple[str, str, str]]:
    """Return (part, line, tests) of each row."""
    found, part = [], ""
    for text in CHECKLIST.read_text(encoding="utf-8").splitlines():
        if text.startswith("## "):
            part = text[3:]
        elif text.startswith("| ") and not text.startswith("| line "):
            _, line, tests, _ = (cell.strip() for cell in _BAR.split(text))
            found.append((part, line, tests))
    return found


class TheChecklist(unittest.TestCase):
    def test_names_tests_that_exist(self) -> None:
        for _, line, tests in lines():
            for name in re.findall(r"`([^`]*)`", tests):
                with self.subTest(line, test=name):
                    file, is_of_page, title = name.partition(": ")
                    if is_of_page:
                        self.assertIn(f"  it('{title}', ", (ROOT / file).read_text("utf-8"))
                        continue
                    module, case, method = f"tests.{name}".rsplit(".", 2)
                    found = getattr(importlib.import_module(module), case)
                    self.assertTrue(issubclass(found, unittest.TestCase))
                    self.assertTrue(method.startswith("test_") and hasattr(found, method))

    def test_has_a_test_for_each_line(self) -> None:
        rows = lines()
        self.assertGreater(len(rows), 100)
        for part, line, tests in rows:
            with self.subTest(line, part=part):
                self.assertRegex(tests, r"^`[^`]+`(, `[^`]+`)*$")

    def test_lists_every_method_and_route_with_its_arguments(self) -> None:
        methods: dict[str, set[str]] = {}
        routes = set()
        for part, line, _ in lines():
            if part == "RPC methods":
                for name, arguments in re.findall(r"`(\w+)(?:\(([^)]*)\))?`", line):
                    methods[name] = set(re.findall(r"\w+", arguments))
            elif part == "HTTP routes" and (found := re.match(r"(GET|POST) `([^`/][^`]*)`", line)):
                routes.add(f"{found[1]} {ABOUT.prefix}/{found[2]}")
        api = Api(ExchangeWrapper.__new__(ExchangeWrapper), about=ABOUT).methods
        self.assertEqual(set(methods), set(api))
        for name, arguments in methods.items():
            with self.subTest(name):
                parameters = api[name].parameters
                known = set() if parameters is None else set(parameters.__struct_fields__)
                self.assertLessEqual(arguments, known)
        self.assertEqual(
            routes, {f"{m.route.verb} {m.route.path}" for m in api.values() if m.route is not None}
        )

    @unittest.skipUnless(SPECIFICATION.exists(), "the specification is not here")
    def test_has_every_name_of_the_specification(self) -> None:
        wanted = SPECIFICATION.read_text(encoding="utf-8").partition("as a checklist")[2]
        ours = set(re.findall(r"[\w-]+", CHECKLIST.read_text(encoding="utf-8")))
        for name in re.findall(r"`([^`]*)`", wanted):
            with self.subTest(name):
                self.assertLessEqual(set(re.findall(r"[\w-]{3,}", name)), ours)


if __name__ == "__main__":
    unittest.main()
