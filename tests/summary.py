"""A nose2 plugin that ends a run with one plain line: how many tests passed, failed and skipped."""

from collections import Counter

from nose2.events import Plugin, ReportSummaryEvent, TestOutcomeEvent


class Summary(Plugin):  # type: ignore[misc]  # nose2 ships without types
    configSection = "summary"

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()

    def testOutcome(self, event: TestOutcomeEvent) -> None:
        if event.outcome == "subtest":  # the test around it counts, unless this one fails
            kind = "failed" if event.exc_info else ""
        elif event.outcome == "skipped":
            kind = "skipped"
        else:
            kind = "passed" if event.expected else "failed"
        self.outcomes[kind] += 1

    def afterSummaryReport(self, event: ReportSummaryEvent) -> None:
        n = self.outcomes
        event.stream.writeln(
            f"{n['passed']} passed, {n['failed']} failed, {n['skipped']} skipped"
        )
