"""What the author of a tracewatt plug-in in Python depends on.

A detector is a subclass of `Detector` in a file `plugin.py`:

    from tracewatt import Detector, Finding, Kind, Rule, Setting

    class TooManyStatements(Detector):
        name = "too_many_statements"
        summary = "requests that send very many statements"
        interest = ([Kind.SQL], 2)
        rules = [Rule("too_many_statements", "Too many statements", advice="ask for less, or for more at once")]
        settings = [Setting("max_statements", 100, 1, 100_000, "Fewest statements of one request that are reported.")]

        def detect(self, batch):
            for trace in batch.traces():
                statements = [span for span in trace.io() if span.kind == Kind.SQL]
                if len(statements) >= self.max_statements:
                    yield Finding("too_many_statements", statements, message=f"{len(statements)} statements in one request")

`tracewatt plugin build` makes a component of it. The component has no files, no network, no clock; what the standard
library would do with them fails. Importing a module happens once, when the component is built, and not when it runs.
"""

from dataclasses import dataclass, field
from typing import Callable, Hashable, Iterable, Iterator, Optional, Union

from wit_world.imports import host as _host
from wit_world.imports import spans as _spans
from wit_world.imports import texts as _texts

__all__ = [
    "Batch", "Detector", "Finding", "Fix", "Flag", "Kind", "Role", "Rule", "Setting", "Span", "Status", "Trace",
    "Value", "Verb", "grouped", "log",
]

Value = Union[bool, int, float, str, list[str]]
"""A setting or a piece of evidence."""

_NO_ROW = 0xFFFFFFFF
_NO_BYTES = 0xFFFFFFFFFFFFFFFF


class Kind:
    """Kinds of I/O. Numbers unknown here are possible and are to be ignored."""

    OTHER, SQL, HTTP, CACHE, MESSAGING, RPC, DOCUMENT, SEARCH, DATASTORE, GEN_AI = range(10)


class Role:
    """Which end of a call a span records."""

    INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(5)


class Verb:
    """Whether a call reads or writes."""

    OTHER, READ, INSERT, UPDATE, DELETE = range(5)


class Status:
    """How a call ended. From `ERROR` on, it failed."""

    UNSET, OK, ERROR, CLIENT_ERROR, SERVER_ERROR, TIMEOUT = range(6)


class Flag:
    """Facts about a span, bits of `Span.flags`."""

    PARAMS_HIDDEN = 1 << 0
    WRITE = 1 << 1
    TRANSACTION = 1 << 2
    CHATTER = 1 << 3
    RETRY = 1 << 4
    TRUNCATED = 1 << 5
    MERGED = 1 << 6
    GENERIC = 1 << 7
    TIMES_UNKNOWN = 1 << 8
    IN_TRANSACTION = 1 << 9
    SUMMARY = 1 << 10


@dataclass
class Fix:
    """What to change in one framework or language: `python_django`, `python`."""

    framework: str
    text: str
    url: str = ""


@dataclass
class Rule:
    """A finding type: `name` in snake_case, what people call it, what to do about it."""

    name: str
    title: str
    advice: str = ""
    severity: str = "warning"
    """`info`, `warning` or `critical`, where the finding says nothing else."""
    page: str = ""
    """The rule's page, Markdown."""
    yields_to: list[str] = field(default_factory=list)
    """A finding is dropped when a finding of one of these types names nine tenths of its spans."""
    fixes: list[Fix] = field(default_factory=list)


@dataclass
class Setting:
    """A setting, which the detector finds as an attribute of its name. Its kind is that of the default: a whole number
    or a number with bounds (included), one of some `choices`, any text, a list of texts, true or false."""

    name: str
    default: Value
    least: Union[int, float, None] = None
    most: Union[int, float, None] = None
    doc: str = ""
    choices: Optional[list[str]] = None


@dataclass
class Finding:
    """A statement about spans of one trace, the first of which gives service, endpoint and template. What the host
    derives (durations, parameters, code location) is not repeated. Fields are those of `finding` in wit/0.1/types.wit."""

    rule: str
    spans: "list[Span]"
    message: str = ""
    severity: Optional[str] = None
    """`info`, `warning` or `critical`; that of the rule, where there is none."""
    confidence: float = 1.0
    avoidable: "list[Span]" = field(default_factory=list)
    """Those of the spans that need not have happened."""
    occurrences: int = 0
    quorum: int = 0
    subject: str = ""
    """What it is about, when that is not the template of the first span; no ids, times or counts."""
    advice: str = ""
    evidence: dict[str, Value] = field(default_factory=dict)


class Detector:
    """A detector that judges each trace by itself. What it finds depends on nothing but batch and settings: the host
    runs several instances, throws them away at will and calls again with part of a batch."""

    name: str
    version: str = "0.1.0"
    summary: str = ""
    license: str = ""
    rules: list[Rule]
    settings: list[Setting] = []
    interest: tuple[list[int], int] = ([], 1)
    """Traces with fewer spans of these kinds than the number are not offered; no kinds stand for any I/O."""

    def check(self) -> None:
        """Raises `ValueError` when settings make no sense in a way that bounds cannot say."""

    def detect(self, batch: "Batch") -> Iterable[Finding]:
        """Returns, or yields, what it finds in the batch."""
        raise NotImplementedError


def log(message: str, level: str = "info") -> None:
    """Writes to the host's log: `trace`, `debug`, `info`, `warn`, `error`. Nothing else may be told to anybody."""
    _host.log(_host.Level[level.upper()], message)


class _Texts:
    """Texts asked for once each, until ids change their meaning."""

    def __init__(self) -> None:
        self.epoch, self.known = None, {0: ""}

    def begin(self) -> None:
        epoch = _texts.epoch()
        if epoch != self.epoch:
            self.epoch, self.known = epoch, {0: ""}

    def get(self, text_id: int) -> str:
        text = self.known.get(text_id)
        if text is None:
            text = self.known[text_id] = _texts.get(text_id)
        return text


_known = _Texts()


class Batch:
    """Finished traces, column by column. A column is fetched when it is first asked for; columns are sequences with an
    entry per span, documented in wit/0.1/spans.wit."""

    def __getattr__(self, column: str):
        if column.startswith("_") or not hasattr(_spans, column):
            raise AttributeError(f"a batch has no column {column}")
        values = getattr(_spans, column)()
        setattr(self, column, values)
        return values

    def traces(self) -> "Iterator[Trace]":
        """Traces in order."""
        offsets = self.trace_offsets
        for index in range(len(offsets) - 1):
            yield Trace(self, index, range(offsets[index], offsets[index + 1]))

    def text(self, text_id: int) -> str:
        """Returns the text of an id in a column."""
        return _known.get(text_id)


class Trace:
    """One trace of a batch."""

    __slots__ = ("batch", "index", "rows")

    def __init__(self, batch: Batch, index: int, rows: range) -> None:
        self.batch, self.index, self.rows = batch, index, rows

    def spans(self) -> "Iterator[Span]":
        """Spans in order of their start."""
        batch = self.batch
        return (Span(batch, row) for row in self.rows)

    def io(self) -> "Iterator[Span]":
        """The round trips a detector usually cares about: I/O, without transaction control."""
        batch = self.batch
        kinds, flags = batch.kinds, batch.span_flags
        return (Span(batch, row) for row in self.rows if kinds[row] and not flags[row] & Flag.TRANSACTION)

    @property
    def start_ns(self) -> int:
        """Start of the first span, nanoseconds since the epoch."""
        return self.batch.trace_starts_ns[self.index]

    @property
    def is_complete(self) -> bool:
        """Whether no parent is missing and nothing was cut."""
        return self.batch.trace_flags[self.index] & 0b11 == 0b01


def _text_of(column: str, doc: str) -> property:
    return property(lambda span: _known.get(getattr(span.batch, column)[span.row]), doc=doc)


def _number_of(column: str, doc: str) -> property:
    return property(lambda span: getattr(span.batch, column)[span.row], doc=doc)


def _row_of(column: str, doc: str) -> property:
    def get(span: "Span") -> "Optional[Span]":
        row = getattr(span.batch, column)[span.row]
        return None if row == _NO_ROW else Span(span.batch, row)

    return property(get, doc=doc)


def _known_number_of(column: str, unknown: int, doc: str) -> property:
    def get(span: "Span") -> Optional[int]:
        value = getattr(span.batch, column)[span.row]
        return None if value == unknown else value

    return property(get, doc=doc)


class Span:
    """One span of a batch."""

    __slots__ = ("batch", "row")

    def __init__(self, batch: Batch, row: int) -> None:
        self.batch, self.row = batch, row

    kind = _number_of("kinds", "Kind of I/O, see `Kind`.")
    role = _number_of("roles", "Which end of a call, see `Role`.")
    verb = _number_of("verbs", "Read or write, see `Verb`.")
    status = _number_of("statuses", "How it ended, see `Status`.")
    flags = _number_of("span_flags", "Facts, see `Flag`.")
    template_id = _number_of("templates", "Id of the template: compare ids, not texts.")
    template = _text_of("templates", "Normalized operation: `SELECT name FROM author WHERE id = ?`.")
    name = _text_of("names", "Name of the span.")
    service = _text_of("services", "Service.")
    peer = _text_of("peers", "Database, host, topic.")
    system = _text_of("systems", "`postgresql`, `redis`; empty for HTTP.")
    scope = _text_of("scopes", "Instrumentation scope.")
    grouping = _text_of("groupings", "Tenant or namespace, `key=value`.")
    endpoint = _text_of("endpoints", "Entry point of the service the work was done for: `GET /orders/{id}`.")
    code_function = _text_of("code_functions", "Function in the source.")
    code_line = _number_of("code_lines", "Line in the source, 0 = unknown.")
    parent = _row_of("parents", "Parent, if it is in the trace.")
    entry = _row_of("entries", "The span by which this span's service was entered.")
    start_ns = _number_of("start_offsets_ns", "Start, nanoseconds after that of the trace.")
    duration_ns = _number_of("durations_ns", "Nanoseconds.")
    batch_size = _number_of("batch_sizes", "Operations in the round trip, at least 1.")
    rows_returned = _known_number_of("rows_returned", _NO_ROW, "Rows returned, None = unknown.")
    response_bytes = _known_number_of("response_bytes", _NO_BYTES, "Bytes of the response, None = unknown.")
    in_flight = _number_of("in_flight", "Calls of the same service, kind and peer in flight, itself included.")

    @property
    def failed(self) -> bool:
        """Whether the call failed."""
        return self.status >= Status.ERROR

    @property
    def end_ns(self) -> int:
        """End, nanoseconds after the start of the trace."""
        return self.start_ns + self.duration_ns

    @property
    def parameters(self) -> Optional[int]:
        """A number that is equal for equal parameters, if all of them can be seen."""
        seen = self.batch.parameter_hashes[self.row]
        return None if seen == 0 or self.flags & Flag.PARAMS_HIDDEN else seen

    def __repr__(self) -> str:
        return f"Span({self.row}: {self.template or self.name})"


def grouped(spans: Iterable[Span], key: Callable[[Span], Hashable], least: int = 1) -> list[list[Span]]:
    """Returns groups of at least `least` spans with the same key, in the order of their first span."""
    groups: dict[Hashable, list[Span]] = {}
    for span in spans:
        groups.setdefault(key(span), []).append(span)
    return [group for group in groups.values() if len(group) >= least]
