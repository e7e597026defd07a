"""Finds calls that failed and were tried again, many times in a short time."""

from tracewatt import Detector, Finding, Kind, Rule, Setting, grouped

MS = 1_000_000


class RetryStorm(Detector):
    name = "retry_storm"
    summary = "calls that fail and are tried again, many times in a short time"
    interest = ([Kind.HTTP, Kind.RPC], 3)
    rules = [
        Rule(
            "retry_storm",
            "Retry storm",
            advice="wait longer after every failure, with jitter, and stop after a few; let one layer retry, not each",
        )
    ]
    settings = [
        Setting("min_failures", 4, 2, 1_000, "Fewest failures in a row that are reported."),
        Setting("max_pause_ms", 2_000, 1, 600_000, "Longest pause between two attempts of one storm, milliseconds."),
    ]

    def detect(self, batch):
        for trace in batch.traces():
            calls = (span for span in trace.io() if span.kind in (Kind.HTTP, Kind.RPC))
            for attempts in grouped(calls, lambda span: (span.service, span.template_id, span.parameters), self.min_failures):
                for storm in self.storms(attempts):
                    yield self.finding(storm)

    def storms(self, attempts):
        """Runs of failures without a longer pause; what follows a success is another run."""
        storm = []
        for attempt in attempts:
            if storm and attempt.start_ns - storm[-1].end_ns > self.max_pause_ms * MS:
                yield from self.enough(storm)
                storm = []
            if attempt.failed:
                storm.append(attempt)
            else:
                yield from self.enough(storm)
                storm = []
        yield from self.enough(storm)

    def enough(self, storm):
        return [storm] if len(storm) >= self.min_failures else []

    def finding(self, storm):
        pauses = [later.start_ns - earlier.end_ns for earlier, later in zip(storm, storm[1:])]
        growing = all(later > earlier for earlier, later in zip(pauses, pauses[1:]))
        return Finding(
            "retry_storm",
            storm,
            message=f"{len(storm)} failures in a row, {'with growing' if growing else 'without growing'} pauses",
            severity="warning" if growing else "critical",
            avoidable=storm[1:],
            evidence={
                "failures": len(storm),
                "shortest_pause_ms": min(pauses) / MS,
                "longest_pause_ms": max(pauses) / MS,
                "growing_pauses": growing,
            },
        )
