/**
 * What the author of a tracewatt plug-in in JavaScript depends on.
 *
 * A detector is the value of `defineDetector`, exported under three names from `plugin.js`:
 *
 *     import { defineDetector, Kind } from './tracewatt/sdk/js/tracewatt.js';
 *
 *     export const { manifest, lifecycle, detect } = defineDetector({
 *       name: 'too_many_statements',
 *       summary: 'requests that send very many statements',
 *       interest: { kinds: [Kind.SQL], minSpans: 2 },
 *       rules: [{ name: 'too_many_statements', title: 'Too many statements', advice: 'ask for less, or for more at once' }],
 *       settings: { maxStatements: { default: 100, least: 1, most: 100_000, doc: 'Fewest statements that are reported.' } },
 *       *detect(batch, settings) {
 *         for (const trace of batch.traces()) {
 *           const statements = trace.io().filter((span) => span.kind === Kind.SQL);
 *           if (statements.length >= settings.maxStatements) {
 *             yield { rule: 'too_many_statements', spans: statements, message: `${statements.length} statements in one request` };
 *           }
 *         }
 *       },
 *     });
 *
 * `tracewatt plugin build` makes a component of it, which has no files, no network, no clock and no console. Names of
 * settings and evidence are camelCase here and snake_case everywhere else.
 */
import * as columns from 'tracewatt:plugin/spans@0.1.0';
import * as texts from 'tracewatt:plugin/texts@0.1.0';
import * as host from 'tracewatt:plugin/host@0.1.0';

/** Kinds of I/O. Numbers unknown here are possible and are to be ignored. */
export const Kind = Object.freeze({
  OTHER: 0, SQL: 1, HTTP: 2, CACHE: 3, MESSAGING: 4, RPC: 5, DOCUMENT: 6, SEARCH: 7, DATASTORE: 8, GEN_AI: 9,
});

/** Which end of a call a span records. */
export const Role = Object.freeze({ INTERNAL: 0, SERVER: 1, CLIENT: 2, PRODUCER: 3, CONSUMER: 4 });

/** Whether a call reads or writes. */
export const Verb = Object.freeze({ OTHER: 0, READ: 1, INSERT: 2, UPDATE: 3, DELETE: 4 });

/** How a call ended. From `ERROR` on, it failed. */
export const Status = Object.freeze({ UNSET: 0, OK: 1, ERROR: 2, CLIENT_ERROR: 3, SERVER_ERROR: 4, TIMEOUT: 5 });

/** Facts about a span, bits of `span.flags`. */
export const Flag = Object.freeze({
  PARAMS_HIDDEN: 1, WRITE: 2, TRANSACTION: 4, CHATTER: 8, RETRY: 16, TRUNCATED: 32, MERGED: 64, GENERIC: 128,
  TIMES_UNKNOWN: 256, IN_TRANSACTION: 512, SUMMARY: 1024,
});

const NO_ROW = 0xffffffff;
const NO_BYTES = 0xffffffffffffffffn;
const BATCH_COLUMNS = Object.keys(columns).filter((name) => typeof columns[name] === 'function');

/** Writes to the host's log: `trace`, `debug`, `info`, `warn` or `error`. Nothing else may be told to anybody. */
export function log(message, level = 'info') {
  host.log(level, String(message));
}

let epoch;
let known = [''];

/** Texts are asked for once each, until ids change their meaning. */
function text(id) {
  return (known[id] ??= texts.get(id));
}

/**
 * Finished traces, column by column: `batch.kinds[row]`. A column is fetched when it is first asked for; they are typed
 * arrays with an entry per span, documented in wit/0.1/spans.wit.
 */
class Batch {
  /** Traces in order. */
  *traces() {
    const offsets = this.traceOffsets;
    for (let index = 0; index + 1 < offsets.length; index++) {
      yield new Trace(this, index, offsets[index], offsets[index + 1]);
    }
  }

  /** The text of an id in a column. */
  text(id) {
    return text(id);
  }
}
for (const name of BATCH_COLUMNS) {
  Object.defineProperty(Batch.prototype, name, {
    get() {
      const value = columns[name]();
      Object.defineProperty(this, name, { value });
      return value;
    },
  });
}

/** One trace of a batch. */
class Trace {
  constructor(batch, index, first, end) {
    Object.assign(this, { batch, index, first, end });
  }

  /** Spans in order of their start. */
  spans() {
    return Array.from({ length: this.end - this.first }, (_, at) => new Span(this.batch, this.first + at));
  }

  /** The round trips a detector usually cares about: I/O, without transaction control. */
  io() {
    const { kinds, spanFlags } = this.batch;
    const found = [];
    for (let row = this.first; row < this.end; row++) {
      if (kinds[row] !== Kind.OTHER && (spanFlags[row] & Flag.TRANSACTION) === 0) found.push(new Span(this.batch, row));
    }
    return found;
  }

  /** Whether no parent is missing and nothing was cut. */
  get isComplete() {
    return (this.batch.traceFlags[this.index] & 0b11) === 0b01;
  }
}

/** One span of a batch. */
class Span {
  constructor(batch, row) {
    this.batch = batch;
    this.row = row;
  }

  /** Kind of I/O, see `Kind`. */
  get kind() { return this.batch.kinds[this.row]; }
  /** Which end of a call, see `Role`. */
  get role() { return this.batch.roles[this.row]; }
  /** Read or write, see `Verb`. */
  get verb() { return this.batch.verbs[this.row]; }
  /** How it ended, see `Status`. */
  get status() { return this.batch.statuses[this.row]; }
  /** Whether the call failed. */
  get failed() { return this.status >= Status.ERROR; }
  /** Facts, see `Flag`. */
  get flags() { return this.batch.spanFlags[this.row]; }
  /** Id of the template: compare ids, not texts. */
  get templateId() { return this.batch.templates[this.row]; }
  /** Normalized operation: `SELECT name FROM author WHERE id = ?`. */
  get template() { return text(this.batch.templates[this.row]); }
  /** Name of the span. */
  get name() { return text(this.batch.names[this.row]); }
  /** Service. */
  get service() { return text(this.batch.services[this.row]); }
  /** Database, host, topic. */
  get peer() { return text(this.batch.peers[this.row]); }
  /** `postgresql`, `redis`; empty for HTTP. */
  get system() { return text(this.batch.systems[this.row]); }
  /** Instrumentation scope. */
  get scope() { return text(this.batch.scopes[this.row]); }
  /** Tenant or namespace, `key=value`. */
  get grouping() { return text(this.batch.groupings[this.row]); }
  /** Entry point of the service the work was done for: `GET /orders/{id}`. */
  get endpoint() { return text(this.batch.endpoints[this.row]); }
  /** Function in the source. */
  get codeFunction() { return text(this.batch.codeFunctions[this.row]); }
  /** Line in the source, 0 = unknown. */
  get codeLine() { return this.batch.codeLines[this.row]; }
  /** Parent, if it is in the trace. */
  get parent() { return this.#at(this.batch.parents[this.row]); }
  /** The span by which this span's service was entered. */
  get entry() { return this.#at(this.batch.entries[this.row]); }
  /** Start, nanoseconds after that of the trace. */
  get startNs() { return Number(this.batch.startOffsetsNs[this.row]); }
  /** Nanoseconds. */
  get durationNs() { return Number(this.batch.durationsNs[this.row]); }
  /** End, nanoseconds after the start of the trace. */
  get endNs() { return this.startNs + this.durationNs; }
  /** Operations in the round trip, at least 1. */
  get batchSize() { return this.batch.batchSizes[this.row]; }
  /** Rows returned; undefined = unknown. */
  get rowsReturned() {
    const rows = this.batch.rowsReturned[this.row];
    return rows === NO_ROW ? undefined : rows;
  }
  /** Bytes of the response; undefined = unknown. */
  get responseBytes() {
    const bytes = this.batch.responseBytes[this.row];
    return bytes === NO_BYTES ? undefined : Number(bytes);
  }
  /** Calls of the same service, kind and peer in flight, itself included. */
  get inFlight() { return this.batch.inFlight[this.row]; }
  /** A number that is equal for equal parameters, if all of them can be seen; else undefined. */
  get parameters() {
    const seen = Number(this.batch.parameterHashes[this.row]);
    return seen === 0 || (this.flags & Flag.PARAMS_HIDDEN) !== 0 ? undefined : seen;
  }

  #at(row) {
    return row === NO_ROW ? undefined : new Span(this.batch, row);
  }
}

/** Groups of at least `least` spans with the same key, in the order of their first span. */
export function grouped(spans, key, least = 1) {
  const groups = new Map();
  for (const span of spans) {
    const of = key(span);
    const group = groups.get(of);
    if (group) group.push(span);
    else groups.set(of, [span]);
  }
  return [...groups.values()].filter((group) => group.length >= least);
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A setting is a whole number when its default and its bounds are. */
function kindOf(name, { default: value, least, most, choices }) {
  if (choices) return { tag: 'choice', val: choices };
  if (typeof value === 'boolean') return { tag: 'boolean' };
  if (typeof value === 'string') return { tag: 'text' };
  if (Array.isArray(value)) return { tag: 'text-list' };
  if (typeof value !== 'number') throw new TypeError(`setting ${name} has no default`);
  if (least === undefined || most === undefined) throw new TypeError(`setting ${name} is a number and needs bounds`);
  if ([value, least, most].every(Number.isInteger)) return { tag: 'integer', val: [BigInt(least), BigInt(most)] };
  return { tag: 'number', val: [least, most] };
}

const TAGS = { boolean: 'boolean', string: 'text' };

function toWit(value, tag) {
  if (Array.isArray(value)) return { tag: 'text-list', val: value.map(String) };
  if (typeof value === 'number') {
    const kind = tag ?? (Number.isInteger(value) ? 'integer' : 'number');
    return { tag: kind, val: kind === 'integer' ? BigInt(value) : value };
  }
  if (!(typeof value in TAGS)) throw new TypeError(`${value} is neither a number, a text, a list of texts nor true or false`);
  return { tag: TAGS[typeof value], val: value };
}

function setting([name, declared]) {
  const kind = kindOf(name, declared);
  const tag = kind.tag === 'choice' ? 'text' : kind.tag;
  return { name: snake(name), kind, default: toWit(declared.default, tag), doc: declared.doc ?? '' };
}

const rule = ({ name, title, page = '', severity = 'warning', advice = '', yieldsTo = [], fixes = [] }) => ({
  name, title, page, defaultSeverity: severity, advice, yieldsTo,
  fixes: fixes.map(({ framework, text, url = '' }) => ({ framework, text, url })),
});

/** Lets the host know what was thrown and where, before it is: the last thing an instance says. */
function told(call) {
  return (...args) => {
    try {
      return call(...args);
    } catch (error) {
      const places = String(error?.stack ?? '').trim().split('\n').slice(0, 4).join(' <- ');
      log(`${error}, at ${places || 'an unknown place'}`, 'error');
      throw error;
    }
  };
}

/**
 * Makes a detector of its description; see the top of this file. `check(settings)` may return a text that says what is
 * wrong with settings beyond their bounds. `detect(batch, settings)` returns, or yields, findings: `rule` and `spans`,
 * and as far as wanted `message`, `severity`, `confidence`, `avoidable`, `occurrences`, `quorum`, `subject`, `advice`,
 * `evidence` (an object), as in wit/0.1/types.wit.
 */
export function defineDetector(detector) {
  const { name, version = '0.1.0', summary = '', license = '', rules, settings = {}, interest = {} } = detector;
  const indexes = new Map(rules.map((rule, index) => [rule.name, index]));
  let configured;

  function finding(found) {
    const index = indexes.get(found.rule);
    if (index === undefined) throw new Error(`the detector has no rule ${found.rule}`);
    const { spans, avoidable = [], evidence = {}, severity = rules[index].severity ?? 'warning' } = found;
    return {
      rule: index,
      severity,
      confidence: found.confidence ?? 1,
      spans: spans.map((span) => span.row),
      avoidable: avoidable.map((span) => span.row),
      occurrences: found.occurrences ?? 0,
      quorum: found.quorum ?? 0,
      subject: found.subject ?? '',
      message: found.message ?? '',
      advice: found.advice ?? '',
      evidence: Object.entries(evidence).map(([name, value]) => ({ name: snake(name), value: toWit(value) })),
    };
  }

  return {
    manifest: {
      describe: told(() => ({
        name, version, summary, license,
        rules: rules.map(rule),
        settings: Object.entries(settings).map(setting),
        interest: { kinds: Uint8Array.from(interest.kinds ?? []), minSpans: interest.minSpans ?? 1 },
      })),
    },
    lifecycle: {
      configure: told((entries) => {
        const values = new Map(entries.map(({ name, value }) => [name, value]));
        const read = (name) => {
          const { tag, val } = values.get(snake(name));
          return tag === 'integer' ? Number(val) : val;
        };
        configured = Object.fromEntries(Object.keys(settings).map((name) => [name, read(name)]));
        const wrong = detector.check?.(configured);
        if (wrong) throw new Refused(wrong);
      }),
    },
    detect: {
      detect: told(() => {
        const now = texts.epoch();
        if (now !== epoch) [epoch, known] = [now, ['']];
        return [...(detector.detect(new Batch(), configured) ?? [])].map(finding);
      }),
    },
  };
}

/** What the toolchain turns into an error of `configure`: the payload is the text. */
class Refused extends Error {
  constructor(payload) {
    super(payload);
    this.payload = payload;
  }
}
