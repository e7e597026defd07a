"""Finds requests that make very many calls. It is there to be changed into what you are looking for."""

from tracewatt import Detector, Finding, Rule, Setting


class PluginName(Detector):
    name = "plugin_name"
    summary = "requests that make very many calls"
    interest = ([], 2)
    rules = [Rule("plugin_name", "Too many calls", advice="ask for less, or for more at once")]
    settings = [Setting("max_calls", 50, 1, 100_000, "Most calls that one request may make; more are reported.")]

    def detect(self, batch):
        for trace in batch.traces():
            calls = list(trace.io())
            if len(calls) > self.max_calls:
                yield Finding(
                    "plugin_name",
                    calls,
                    subject="calls of the request",
                    message=f"{len(calls)} calls in one request",
                    evidence={"calls": len(calls), "threshold": self.max_calls},
                )
