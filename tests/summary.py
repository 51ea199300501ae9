"""A nose2 plugin that ends a run with one plain line: how many tests passed, failed and skipped."""

from collections import Counter

from nose2.events import Plugin, ReportSummaryEvent, TestOutcomeEvent


class Summary(Plugin):  # type: ignore[misc]  # nose2 ships without types
    configSection = "summary"

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()

    def testOutcome(self, event: TestOutcomeEvent) -> None:
        as_expected = event.expected if event.outcome != "skipped" else True
        kind = "skipped" if event.outcome == "skipped" else "passed" if as_expected else "failed"
        if event.outcome != "subtest" or kind == "failed":  # the test around it counts once
            self.outcomes[kind] += 1

    def afterSummaryReport(self, event: ReportSummaryEvent) -> None:
        n = self.outcomes
        event.stream.writeln(
            f"{n['passed']} passed, {n['failed']} failed, {n['skipped']} skipped"
        )
