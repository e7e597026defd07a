//! The one table of configuration keys: name, type and range, default, what it does. The check, the JSON
//! Schema, `config show` and the reference page are all made of it, so a key is added here and nowhere else
//! but in the struct of [`checked`](super::checked) that carries it.
//!
//! Keys of detectors are not written down here: they come from the plug-ins' manifests.

use super::kind::Kind;
use super::value::{Node, Value};
use tracewatt_core::plugin::{Limits, Manifest, Setting, SettingKind};

/// A plug-in's id in the configuration and its manifest.
pub type Described = (String, Manifest);

/// A key and what may stand under it.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub name: String,
    pub shape: Shape,
    /// Value unless written; `None` when nothing is the default.
    pub default: Option<Value>,
    pub required: bool,
    pub doc: String,
}

/// What may stand under a key.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// One value.
    Value(Kind),
    /// A table of known keys.
    Table(Fields),
    /// A table whose keys the person chooses, at most so many.
    Map(Kind, usize),
    /// A list of tables.
    List(Fields),
    /// A key of the other tool that nothing here reads.
    Unused,
}

/// The keys of a table.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    /// What a key of this table is called in messages.
    pub noun: &'static str,
    /// Whether plug-ins that are not loaded could add keys, so that an editor must not refuse them.
    pub open: bool,
    pub fields: Vec<Field>,
}

impl Fields {
    fn new(fields: Vec<Field>) -> Fields {
        Fields { noun: "key", open: false, fields }
    }

    /// Returns the field of this name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// Largest count a limit may have.
const COUNT_MAX: i64 = u32::MAX as i64;
/// Largest size in bytes a limit may have: 1 TiB.
const BYTES_MAX: i64 = 1 << 40;
/// Keys of `[detection]` in the other tool, which plug-ins declare; unused where none does.
const DETECTOR_KEYS: [&str; 9] = [
    "n_plus_one_min_occurrences",
    "window_duration_ms",
    "slow_query_threshold_ms",
    "slow_query_min_occurrences",
    "max_fanout",
    "chatty_service_min_calls",
    "pool_saturation_concurrent_threshold",
    "serialized_min_sequential",
    "sanitizer_aware_classification",
];
/// What a webhook can be told.
const HOOK_EVENTS: [&str; 4] = ["new", "regressed", "ongoing", "resolved"];
/// Names the host itself gives a meaning beside a plug-in's settings.
const RESERVED: [&str; 8] =
    ["enabled", "severity", "service", "endpoint", "rules", "override", "ignore", "grouping_attributes"];

/// Returns the keys a configuration may have with these plug-ins.
pub(super) fn root(plugins: &[Described]) -> Fields {
    Fields::new(vec![
        optional("version", integer(1, 1), "Version of this layout. There is one so far."),
        section("gate", gate(plugins), "What makes `--ci` fail. `[thresholds]` is another name for it."),
        section("detection", detection(plugins), "What the detectors look for."),
        section("plugins", plugin_sections(plugins), "Which components take part, and what they may use up."),
        section(
            "signatures",
            Fields::new(signatures()),
            "Who must have signed components that are files: minisign signatures beside them.",
        ),
        section("green", Fields::new(green()), "Energy and carbon."),
        section(
            "input",
            Fields::new(input()),
            "Limits on what is read. What they cut is counted in the report.",
        ),
        section("output", Fields::new(output()), "What is written, unless the command line says otherwise."),
        section("acknowledgments", Fields::new(acknowledgments()), "Problems somebody has accepted."),
        section(
            "daemon",
            Fields::new(daemon()),
            "`tracewatt watch`: what it listens on, how much it may hold.",
        ),
        unused("reporting"),
    ])
}

fn gate(plugins: &[Described]) -> Fields {
    let count = || integer(0, COUNT_MAX);
    let severity = || choice(&["info", "warning", "critical"]);
    let confidence = || choice(&["candidate", "probable", "confirmed"]);
    Fields::new(vec![
        preset(
            "n_plus_one_sql_critical_max",
            count(),
            Value::Integer(0),
            "Critical N+1 problems in SQL that are let through.",
        ),
        preset(
            "n_plus_one_http_warning_max",
            count(),
            Value::Integer(3),
            "N+1 problems in HTTP, warning or worse, that are let through.",
        ),
        preset(
            "n_plus_one_messaging_warning_max",
            count(),
            Value::Integer(3),
            "N+1 problems in messaging, warning or worse, that are let through.",
        ),
        preset(
            "io_waste_ratio_max",
            float(0.0, 1.0),
            Value::Float(0.30),
            "Largest share of round trips that need not have happened.",
        ),
        optional(
            "min_usable_span_ratio",
            float(0.0, 1.0),
            "Smallest share of outbound spans with something to normalize, over the kind of I/O where it is lowest.",
        ),
        optional(
            "max_new",
            count(),
            "Problems not in the baseline that are let through; needs `--baseline`.",
        ),
        section(
            "max_findings",
            max_findings(plugins),
            "Problems let through by finding type: `{ slow_sql = 2 }`.",
        ),
        preset(
            "count",
            choice(&["problem", "instance"]),
            text("problem"),
            "What the limits count: problems (findings of one fingerprint), or each finding.",
        ),
        preset(
            "min_spans",
            count(),
            Value::Integer(1),
            "Usable spans below which there is no verdict, exit code 3.",
        ),
        optional("fail_on_severity", severity(), "Any problem of this severity or worse fails."),
        preset(
            "fail_on_confidence",
            confidence(),
            text("candidate"),
            "Problems of less confidence do not count in any rule.",
        ),
        preset(
            "allow_plugin_faults",
            Kind::Setting(SettingKind::Boolean),
            Value::Boolean(false),
            "Whether a verdict is given although a detector could not judge some traces.",
        ),
    ])
}

fn max_findings(plugins: &[Described]) -> Fields {
    let fields = rules(plugins)
        .into_iter()
        .map(|rule| optional(&rule, integer(0, COUNT_MAX), "Problems of this type that are let through."))
        .collect();
    Fields { noun: "finding type", open: true, fields }
}

fn detection(plugins: &[Described]) -> Fields {
    let grouping = ["k8s.namespace.name", "service.namespace"].map(|name| Node::preset(text(name)));
    let mut fields = vec![preset(
        "grouping_attributes",
        Kind::ShortTextList(8),
        Value::List(grouping.to_vec()),
        "Attributes that keep tenants apart: the first one present on a span or its resource. An empty list keeps nothing apart.",
    )];
    fields.extend(declared(plugins).into_iter().map(|(name, declared)| setting(name, declared, true)));
    for name in DETECTOR_KEYS {
        if !fields.iter().any(|field| field.name == name) {
            fields.push(unused(name));
        }
    }
    fields.push(section("rules", rule_sections(plugins), "Detectors and finding types one by one."));
    fields.push(list(
        "override",
        overrides(plugins),
        "Other settings for some services or endpoints. Where several match, the later wins.",
    ));
    fields.push(list(
        "ignore",
        ignores(),
        "Findings that are not reported. What was ignored is counted in the report.",
    ));
    Fields::new(fields)
}

/// Returns a table by plug-in id and finding type. A plug-in that reports one type lends it its settings.
fn rule_sections(plugins: &[Described]) -> Fields {
    let mut sections: Vec<Field> = Vec::new();
    for (id, manifest) in plugins {
        let mut fields = rule_fields();
        fields.extend(settings(id, manifest, true));
        sections.push(section(id, Fields::new(fields), &format!("All of detector `{id}`.")));
    }
    for (id, manifest) in plugins {
        for rule in &manifest.rules {
            if sections.iter().any(|section| section.name == rule.name) {
                continue;
            }
            let mut fields = rule_fields();
            if manifest.rules.len() == 1 {
                fields.extend(settings(id, manifest, true));
            }
            sections.push(section(
                &rule.name,
                Fields::new(fields),
                &format!("Findings of type `{}`, of detector `{id}`.", rule.name),
            ));
        }
    }
    Fields { noun: "detector or finding type", open: true, fields: sections }
}

fn rule_fields() -> Vec<Field> {
    vec![
        optional(
            "enabled",
            Kind::Setting(SettingKind::Boolean),
            "Whether it reports anything; true unless said.",
        ),
        optional(
            "severity",
            choice(&["info", "warning", "critical"]),
            "Severity of its findings, instead of what the detector says.",
        ),
    ]
}

fn overrides(plugins: &[Described]) -> Fields {
    let mut fields = vec![
        optional("service", Kind::Glob, "Services it holds for, with `*` and `?`; all unless said."),
        optional("endpoint", Kind::Glob, "Endpoints it holds for, with `*` and `?`; all unless said."),
    ];
    fields.extend(declared(plugins).into_iter().map(|(name, declared)| setting(name, declared, false)));
    Fields::new(fields)
}

fn ignores() -> Fields {
    Fields::new(vec![
        optional("type", Kind::Glob, "Finding types, with `*` and `?`."),
        optional("service", Kind::Glob, "Services, with `*` and `?`."),
        optional("endpoint", Kind::Glob, "Endpoints, with `*` and `?`."),
        optional("template", Kind::Glob, "Normalized operations, with `*` and `?`."),
        Field { required: true, ..optional("reason", Kind::NonEmpty, "Why, for whoever reads it later.") },
        optional("expires_at", Kind::Date, "Last day it holds, in UTC."),
    ])
}

fn plugin_sections(plugins: &[Described]) -> Fields {
    let one = |(id, manifest): &Described| {
        let fields = vec![
            optional("builtin", Kind::NonEmpty, "Name of a stock component; the id itself unless said."),
            optional("path", Kind::NonEmpty, "File of a component, instead of a stock one."),
            optional("sha256", Kind::Sha256, "Digest the component must have."),
            preset(
                "grants",
                Kind::Grants,
                Value::List(Vec::new()),
                "Capabilities: what the component may import beyond the interfaces that every plug-in may have.",
            ),
            optional(
                "public_keys",
                Kind::PublicKeys,
                "Keys by one of which this component must be signed, instead of those of `[signatures]`.",
            ),
            preset(
                "enabled",
                Kind::Setting(SettingKind::Boolean),
                Value::Boolean(true),
                "Whether it takes part.",
            ),
            section(
                "settings",
                Fields::new(settings(id, manifest, false)),
                "Settings of this plug-in alone.",
            ),
            section(
                "limits",
                Fields::new(limits()),
                "What it may use up; beyond, it is stopped and reported.",
            ),
        ];
        section(id, Fields::new(fields), &format!("Plug-in `{id}`."))
    };
    Fields { noun: "plug-in", open: true, fields: plugins.iter().map(one).collect() }
}

fn signatures() -> Vec<Field> {
    vec![
        preset(
            "public_keys",
            Kind::PublicKeys,
            Value::List(Vec::new()),
            "Keys, the second line of minisign's `.pub` files. Where there is one, a component is loaded only with a signature by one of them in `FILE.minisig` beside it. Stock plug-ins need none.",
        ),
        preset(
            "required",
            Kind::Setting(SettingKind::Boolean),
            Value::Boolean(true),
            "Whether a component without a signature is refused where there are keys; a signature that is there must hold in any case.",
        ),
    ]
}

fn limits() -> Vec<Field> {
    vec![
        preset(
            "memory_mib",
            integer(1, 4096),
            number(Limits::DEFAULT.memory_bytes >> 20),
            "Memory in MiB, per thread.",
        ),
        preset(
            "call_ms",
            integer(1, 3_600_000),
            number(Limits::DEFAULT.call_ms),
            "Time for one call in milliseconds; a call judges up to 64 traces.",
        ),
        preset("findings", integer(1, 1_000_000), number(Limits::DEFAULT.findings), "Findings of one call."),
    ]
}

fn green() -> Vec<Field> {
    let flag = || Kind::Setting(SettingKind::Boolean);
    let mut fields = vec![
        preset("enabled", flag(), Value::Boolean(true), "Whether energy and carbon are computed."),
        optional(
            "default_region",
            Kind::Region,
            "Cloud region or country code of spans whose region nothing else tells.",
        ),
        Field {
            shape: Shape::Map(Kind::Region, 1024),
            ..optional("service_regions", Kind::Region, "Region by service, for spans that name none.")
        },
        preset(
            "embodied_carbon_per_request_gco2",
            float(0.0, 1e9),
            Value::Float(0.001),
            "Share of making the hardware in one trace, grams CO2e.",
        ),
        preset(
            "per_operation_coefficients",
            flag(),
            Value::Boolean(true),
            "Whether energy depends on the verb and the size of the answer.",
        ),
        preset(
            "include_network_transport",
            flag(),
            Value::Boolean(false),
            "Whether the network between regions is counted.",
        ),
        preset(
            "network_energy_per_byte_kwh",
            float(0.0, 1.0),
            Value::Float(4e-11),
            "Energy of moving one byte between regions, kWh; 4e-11 is 0.04 kWh per GB.",
        ),
        optional(
            "pue",
            float(1.0, 10.0),
            "Power usage effectiveness of your data centre, instead of the provider's.",
        ),
    ];
    let later = [
        "use_hourly_profiles",
        "hourly_profiles_file",
        "calibration_file",
        "scaphandre",
        "kepler",
        "alumet",
        "broker_static",
        "redfish",
        "cloud",
        "electricity_maps",
    ];
    fields.extend(later.map(unused));
    fields
}

fn input() -> Vec<Field> {
    vec![
        preset(
            "max_document_bytes",
            integer(1, BYTES_MAX),
            Value::Integer(1 << 30),
            "Bytes, after decompression, that are held at once at most: of a line, a message, or a document or element of one that cannot be cut.",
        ),
        preset(
            "max_depth",
            integer(4, 1024),
            Value::Integer(128),
            "Deepest nesting of a document; a deeper attribute value is left out and counted.",
        ),
        preset(
            "max_text_bytes",
            integer(64, BYTES_MAX),
            Value::Integer(64 << 10),
            "Longest statement, URL or attribute, bytes; what is longer is cut.",
        ),
        preset(
            "max_attributes",
            integer(1, COUNT_MAX),
            Value::Integer(1024),
            "Most attributes of one span or resource.",
        ),
        preset(
            "max_spans_per_trace",
            integer(1, COUNT_MAX),
            Value::Integer(100_000),
            "Most spans of one trace.",
        ),
        preset(
            "memory_mib",
            integer(1, COUNT_MAX),
            Value::Integer(16),
            "Memory for spans that have been read, MiB; what does not fit goes to an unnamed temporary file. Results do not depend on it.",
        ),
    ]
}

fn output() -> Vec<Field> {
    vec![
        preset(
            "outputs",
            Kind::Outputs,
            Value::List(vec![Node::preset(text("text"))]),
            "Reports to write, each `FORMAT` or `FORMAT=PATH`.",
        ),
        optional("source_root", Kind::NonEmpty, "Folder of the repository that source files are named from."),
        preset(
            "top",
            integer(0, COUNT_MAX),
            Value::Integer(20),
            "Problems shown in full to people; 0 for all. Documents hold all in any case.",
        ),
        preset(
            "findings_per_problem",
            integer(1, COUNT_MAX),
            Value::Integer(20),
            "Findings listed of each problem, the worst ones; the others are counted in the problem, and as the loss `findings_not_listed`.",
        ),
    ]
}

fn daemon() -> Vec<Field> {
    let flag = |value| (Kind::Setting(SettingKind::Boolean), Value::Boolean(value));
    let ((insecure, no), (api, yes)) = (flag(false), flag(true));
    let count = |default: i64, most: i64| (integer(1, most), Value::Integer(default));
    let key = |name: &str, (kind, default): (Kind, Value), doc: &str| preset(name, kind, default, doc);
    let port = |default: i64| (integer(0, 65_535), Value::Integer(default));
    let mut fields = vec![
        key(
            "listen_address",
            (Kind::Address, text("127.0.0.1")),
            "Address of both ports. One that others can reach needs TLS, or `insecure = true`.",
        ),
        key("listen_port_http", port(4318), "Port of HTTP: OTLP, API, metrics, health. 0 takes a free one."),
        key("listen_port_grpc", port(4317), "Port of OTLP over gRPC. 0 takes a free one."),
        key("insecure", (insecure, no), "Whether an address that others can reach may do without TLS."),
        optional("tls_cert_path", Kind::NonEmpty, "Certificate chain of both ports, PEM."),
        optional("tls_key_path", Kind::NonEmpty, "Its private key, PEM."),
        optional("tls_client_ca_path", Kind::NonEmpty, "Certificates by which clients must be known, PEM."),
        section("tokens", Fields::new(tokens()), "Where the tokens are by which clients are let in."),
        key("metrics_open", flag(false), "Whether `/metrics` needs no token."),
        key(
            "max_payload_size",
            (integer(1024, 1 << 30), Value::Integer(16 << 20)),
            "Bytes of one request, decompressed.",
        ),
        key(
            "max_connections",
            count(1024, 1_000_000),
            "Connections at the same time; further ones are closed at once, and counted.",
        ),
        key(
            "max_connections_per_client",
            count(512, 1_000_000),
            "Connections of one client at the same time: of an IPv4 address, or a /64 of IPv6.",
        ),
        key(
            "header_timeout_ms",
            count(10_000, 3_600_000),
            "Time for the header of a request, and for a TLS handshake, milliseconds.",
        ),
        key(
            "idle_timeout_ms",
            count(120_000, 86_400_000),
            "Time without a request, or without a byte of one, after which a connection is closed, milliseconds.",
        ),
        key("request_timeout_ms", count(60_000, 3_600_000), "Time for a request to arrive, milliseconds."),
        key(
            "ingest_queue_capacity",
            count(256, 1 << 20),
            "Requests that wait to be decoded; further ones are told to come again.",
        ),
        key(
            "memory_mib",
            count(64, COUNT_MAX),
            "Spans that wait for the rest of their trace or to be judged, MiB.",
        ),
        key("max_active_traces", count(100_000, 10_000_000), "Traces that are open at the same time."),
        key(
            "trace_ttl_ms",
            count(30_000, 3_600_000),
            "Time without a span after which a trace is judged, milliseconds.",
        ),
        key("trace_grace_ms", count(2_000, 3_600_000), "The same once its root has ended."),
        key(
            "trace_max_age_ms",
            count(600_000, 86_400_000),
            "Time after its first span at which a trace is judged in any case, milliseconds.",
        ),
        key(
            "sampling_rate",
            (float(0.0, 1.0), Value::Float(1.0)),
            "Share of traces that are taken, chosen by trace id.",
        ),
        key(
            "analysis_threads",
            (integer(0, 1024), Value::Integer(0)),
            "Threads that judge; 0 for one less than there are processors, at least one.",
        ),
        key(
            "environment",
            (choice(&["staging", "production"]), text("staging")),
            "Where it runs, for reports.",
        ),
        key("api_enabled", (api, yes), "Whether `/api` is served."),
        key(
            "max_retained_problems",
            count(10_000, 10_000_000),
            "Problems that are kept; those not seen for the longest time are forgotten first, and counted.",
        ),
        key("max_retained_findings", count(10_000, 10_000_000), "Findings that are kept, the newest."),
        key(
            "max_retained_traces",
            (integer(0, 1_000_000), Value::Integer(200)),
            "Traces with findings that are kept to be explained, the newest.",
        ),
        key(
            "resolved_after_hours",
            count(24, 24 * 365),
            "Hours after which a problem that was not seen is resolved.",
        ),
        key("new_for_hours", count(24, 24 * 365), "Hours for which a problem is new, or regressed."),
        list("webhooks", Fields::new(webhooks()), "Who is told of problems, with a request to an address."),
    ];
    let later = [
        "max_events_per_trace",
        "analysis_queue_capacity",
        "memory_high_water_pct",
        "ack",
        "archive",
        "correlation",
        "cors",
        "json_socket",
    ];
    fields.extend(later.map(unused));
    fields
}

fn webhooks() -> Vec<Field> {
    let all = HOOK_EVENTS.map(|event| Node::preset(text(event)));
    vec![
        Field { required: true, ..optional("url", Kind::NonEmpty, "Where to send, `http` or `https`.") },
        preset("events", Kind::Choices(&HOOK_EVENTS), Value::List(all.to_vec()), "What is told."),
        preset(
            "severity",
            choice(&["info", "warning", "critical"]),
            text("info"),
            "Only problems of this severity or worse are told of.",
        ),
        optional("secret", Kind::Secret, "Where the secret is that requests are signed with."),
        preset(
            "realert_hours",
            integer(0, 24 * 365),
            Value::Integer(24),
            "Hours after which a problem that goes on is told again; 0 for never.",
        ),
    ]
}

fn tokens() -> Vec<Field> {
    vec![
        optional("ingest", Kind::Secrets, "For exports. Files hold one token a line."),
        optional("read", Kind::Secrets, "For what is read: `/api`, `/metrics`."),
        optional("admin", Kind::Secrets, "For what changes something: `POST` and `DELETE` of `/api`."),
    ]
}

fn acknowledgments() -> Vec<Field> {
    vec![optional(
        "path",
        Kind::NonEmpty,
        "File of acknowledgments, which must exist. Unless said, the one in the current folder is read where there is one.",
    )]
}

/// Whether the host gives the name a meaning of its own beside settings. A setting of that name can only be
/// given in `[plugins.<id>.settings]`.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Returns the names of all finding types, sorted.
pub(super) fn rules(plugins: &[Described]) -> Vec<String> {
    let mut names: Vec<String> = plugins
        .iter()
        .flat_map(|(_, manifest)| manifest.rules.iter().map(|rule| rule.name.clone()))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Returns every setting by name with the plug-ins that declare it, in order of first declaration.
fn declared(plugins: &[Described]) -> Vec<(&str, Vec<(String, Setting)>)> {
    let mut all: Vec<(&str, Vec<(String, Setting)>)> = Vec::new();
    for (id, manifest) in plugins {
        for setting in usable_settings(manifest) {
            let entry = (id.clone(), setting.clone());
            match all.iter_mut().find(|(name, _)| *name == setting.name) {
                Some((_, declared)) => declared.push(entry),
                None => all.push((&setting.name, vec![entry])),
            }
        }
    }
    all
}

/// Returns the settings of one plug-in as keys without defaults; `beside_host_keys` where the host has keys
/// of its own in the same table.
fn settings(id: &str, manifest: &Manifest, beside_host_keys: bool) -> Vec<Field> {
    manifest
        .settings
        .iter()
        .filter(|setting| !beside_host_keys || !is_reserved(&setting.name))
        .map(|declared| setting(&declared.name, vec![(id.to_owned(), declared.clone())], false))
        .collect()
}

/// Returns the settings that can stand beside the host's own keys.
fn usable_settings(manifest: &Manifest) -> impl Iterator<Item = &Setting> {
    manifest.settings.iter().filter(|setting| !is_reserved(&setting.name))
}

/// Returns a key of plug-ins; with a default where it is wanted and they agree on one.
fn setting(name: &str, declared: Vec<(String, Setting)>, with_default: bool) -> Field {
    let first = declared.first().map(|(_, setting)| setting.clone());
    let agreed = first
        .as_ref()
        .filter(|first| with_default && declared.iter().all(|(_, setting)| setting.default == first.default))
        .map(|first| Value::from(&first.default));
    let doc = first.map(|setting| setting.doc).unwrap_or_default();
    Field { default: agreed, ..optional(name, Kind::Declared(declared), &doc) }
}

fn preset(name: &str, kind: Kind, default: Value, doc: &str) -> Field {
    Field { default: Some(default), ..optional(name, kind, doc) }
}

fn optional(name: &str, kind: Kind, doc: &str) -> Field {
    Field {
        name: name.to_owned(),
        shape: Shape::Value(kind),
        default: None,
        required: false,
        doc: doc.to_owned(),
    }
}

fn section(name: &str, fields: Fields, doc: &str) -> Field {
    Field { shape: Shape::Table(fields), ..optional(name, Kind::NonEmpty, doc) }
}

fn list(name: &str, fields: Fields, doc: &str) -> Field {
    Field { shape: Shape::List(fields), ..optional(name, Kind::NonEmpty, doc) }
}

fn unused(name: &str) -> Field {
    Field { shape: Shape::Unused, ..optional(name, Kind::NonEmpty, "") }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn number(number: impl TryInto<i64>) -> Value {
    Value::Integer(number.try_into().unwrap_or(i64::MAX))
}

fn integer(min: i64, max: i64) -> Kind {
    Kind::Setting(SettingKind::Integer { min, max })
}

fn float(min: f64, max: f64) -> Kind {
    Kind::Setting(SettingKind::Float { min, max })
}

fn choice(names: &[&str]) -> Kind {
    Kind::Setting(SettingKind::Choice(names.iter().map(|&name| name.to_owned()).collect()))
}
