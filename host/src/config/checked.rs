//! Configuration as meant: typed, complete, every value in range. What a single key cannot tell is checked
//! here: an override that matches nothing in particular, a plug-in with two components.

use super::daemon::DaemonConfig;
use super::error::{ConfigError, ConfigErrors};
use super::keys::{Described, is_reserved, root, rules};
use super::raw::{PluginSource, Raw};
use super::sections::{GateSection, GreenSection};
use super::value::{Node, Origin, Value, join};
use super::walk::{nearest, walk};
use crate::report::Output;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tracewatt_core::acknowledge::{Date, NamePattern};
use tracewatt_core::energy::GreenOptions;
use tracewatt_core::gate::GateOptions;
use tracewatt_core::plugin::{Manifest, Rule, SettingValue};
use tracewatt_core::report::Severity;

/// A configuration that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[gate]`.
    pub gate: GateOptions,
    /// `[detection]` and `[plugins]`.
    pub detection: DetectionConfig,
    /// `[green]`.
    pub green: GreenOptions,
    /// `[input]`.
    pub input: InputLimits,
    /// `[output]`.
    pub output: OutputConfig,
    /// `[acknowledgments]`.
    pub acknowledgments: AcknowledgmentsConfig,
    /// `[daemon]`.
    pub daemon: DaemonConfig,
    /// Where each key path in effect was written.
    pub origins: BTreeMap<String, Origin>,
    /// What has no effect, or was found and not read.
    pub warnings: Vec<String>,
    pub(super) effective: Node,
}

/// What detectors run, and with which settings.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectionConfig {
    /// Attributes that keep tenants apart, the first present wins.
    pub grouping_attributes: Vec<String>,
    /// Plug-ins in the order of their manifests.
    pub plugins: Vec<PluginConfig>,
    /// Other settings for some services or endpoints; where several match, the later wins.
    pub overrides: Vec<Override>,
    /// Findings that are not reported.
    pub ignores: Vec<Ignore>,
}

/// One plug-in.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginConfig {
    /// Id in the configuration.
    pub id: String,
    /// Where its component is.
    pub source: PluginSource,
    /// Digest the component must have, lower-case hex.
    pub sha256: Option<String>,
    /// Whether it takes part.
    pub enabled: bool,
    /// Every setting of the manifest, validated.
    pub settings: BTreeMap<String, SettingValue>,
    /// Every finding type of the manifest.
    pub rules: BTreeMap<String, RuleConfig>,
    /// What it may use up.
    pub limits: PluginLimits,
}

/// One finding type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleConfig {
    /// Whether its findings are reported.
    pub enabled: bool,
    /// Severity of its findings, instead of what the detector says.
    pub severity: Option<Severity>,
}

/// What a plug-in may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginLimits {
    /// Memory of one instance, MiB.
    pub memory_mib: u32,
    /// Time for one call, milliseconds.
    pub call_ms: u32,
    /// Findings of one call.
    pub findings: u32,
}

/// Other settings for some services or endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Services it holds for; all without one.
    pub service: Option<NamePattern>,
    /// Endpoints it holds for; all without one.
    pub endpoint: Option<NamePattern>,
    /// Settings by plug-in id; those not named stay as they are.
    pub settings: BTreeMap<String, BTreeMap<String, SettingValue>>,
}

/// Findings that are not reported: those every pattern given matches.
#[derive(Clone, Debug, PartialEq)]
pub struct Ignore {
    /// Finding types.
    pub kind: Option<NamePattern>,
    /// Services.
    pub service: Option<NamePattern>,
    /// Endpoints.
    pub endpoint: Option<NamePattern>,
    /// Normalized operations.
    pub template: Option<NamePattern>,
    /// Why.
    pub reason: String,
    /// Last day it holds, in UTC.
    pub expires_at: Option<Date>,
}

/// Limits on what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputLimits {
    /// Bytes that are held at once at most, after decompression.
    pub max_document_bytes: u64,
    /// Deepest nesting of a document.
    pub max_depth: u32,
    /// Longest text, bytes.
    pub max_text_bytes: u64,
    /// Most attributes of one span or resource.
    pub max_attributes: u32,
    /// Most spans of one trace.
    pub max_spans_per_trace: u32,
    /// Memory for spans that have been read, MiB.
    pub memory_mib: u32,
}

/// What is written unless the command line says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputConfig {
    /// Reports to write.
    pub outputs: Vec<Output>,
    /// Folder that source files are named from.
    pub source_root: Option<PathBuf>,
    /// Problems shown in full to people; 0 for all.
    pub top: u32,
    /// Findings listed of each problem.
    pub findings_per_problem: u32,
}

/// Problems somebody has accepted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgmentsConfig {
    /// File, which must exist; `None` for the default file, if there.
    pub path: Option<PathBuf>,
}

impl Config {
    /// Returns every value of a section in effect; null where there is no such section.
    pub fn section(&self, name: &str) -> serde_json::Value {
        self.effective.get(name).map(Node::to_json).unwrap_or_default()
    }
}

impl Ignore {
    /// Whether it covers a finding. An expired entry covers nothing; `today` is in UTC.
    pub fn covers(&self, kind: &str, service: &str, endpoint: &str, template: &str, today: Date) -> bool {
        let parts = [
            (&self.kind, kind),
            (&self.service, service),
            (&self.endpoint, endpoint),
            (&self.template, template),
        ];
        let current = self.expires_at.is_none_or(|last| today <= last);
        current && parts.into_iter().all(|(pattern, name)| pattern.as_ref().is_none_or(|p| p.matches(name)))
    }
}

impl Override {
    /// Whether it holds for an endpoint of a service.
    pub fn covers(&self, service: &str, endpoint: &str) -> bool {
        let parts = [(&self.service, service), (&self.endpoint, endpoint)];
        parts.into_iter().all(|(pattern, name)| pattern.as_ref().is_none_or(|p| p.matches(name)))
    }
}

/// Checks a configuration against these plug-ins, in their order.
///
/// # Errors
/// Everything that is wrong, at once. Text that is not TOML is reported alone: what its keys mean would be
/// a guess.
pub fn check(raw: &Raw, plugins: &[Described]) -> Result<Config, ConfigErrors> {
    let mut errors = raw.errors.clone();
    if !raw.readable {
        ConfigErrors::check(errors.clone())?;
    }
    let mut walked = walk(&raw.root, raw.dialect, &root(plugins));
    errors.append(&mut walked.errors);
    let mut convert = Convert { root: &walked.root, errors };
    let detection = convert.detection(plugins);
    let gate = convert.section::<GateSection>("gate").map(GateOptions::from);
    let green = convert.section::<GreenSection>("green").map(GreenOptions::from);
    let input = convert.section("input");
    let acknowledgments = convert.section("acknowledgments");
    let daemon = convert.section("daemon");
    let output = convert.output();
    ConfigErrors::check(convert.errors)?;
    let mut warnings = raw.warnings.clone();
    if !walked.unused.is_empty() {
        warnings.push(format!("read but not used by this version: {}", walked.unused.join(", ")));
    }
    let mut origins = BTreeMap::new();
    collect_origins(&walked.root, "", &mut origins);
    Ok(Config {
        gate: present(gate)?,
        detection,
        green: present(green)?,
        input: present(input)?,
        output,
        acknowledgments: present(acknowledgments)?,
        daemon: present(daemon)?,
        origins,
        warnings,
        effective: walked.root,
    })
}

/// Returns a section that has been read: when it was not, that is an error already.
fn present<T>(section: Option<T>) -> Result<T, ConfigErrors> {
    section.ok_or_else(|| ConfigErrors::of(misfit("a section is missing")))
}

/// Entries of `[[detection.override]]`: which of them hold somewhere is kept in 64 bits.
const MAX_OVERRIDES: usize = 64;

/// Reads typed values out of the completed tree.
struct Convert<'a> {
    root: &'a Node,
    errors: Vec<ConfigError>,
}

impl Convert<'_> {
    /// Returns a section whose struct has exactly the keys of the table. A difference between the two is a
    /// mistake of ours, which a test looks for.
    fn section<T: for<'de> Deserialize<'de>>(&mut self, name: &str) -> Option<T> {
        let json = self.root.get(name)?.to_json();
        match serde_json::from_value(json) {
            Ok(section) => Some(section),
            Err(error) => {
                self.errors.push(misfit(&format!("[{name}]: {error}")));
                None
            }
        }
    }

    fn output(&mut self) -> OutputConfig {
        let node = self.root.get("output");
        let outputs = node.and_then(|node| node.get("outputs")).map_or(&[][..], Node::elements);
        let count = |key: &str| match node.and_then(|node| node.get(key)).map(|node| &node.value) {
            Some(Value::Integer(count)) => u32::try_from(*count).unwrap_or(u32::MAX),
            _ => 0,
        };
        OutputConfig {
            outputs: outputs.iter().filter_map(|node| Output::parse(node.as_text()?).ok()).collect(),
            source_root: node.and_then(|node| node.text("source_root")).map(PathBuf::from),
            top: count("top"),
            findings_per_problem: count("findings_per_problem"),
        }
    }

    fn detection(&mut self, plugins: &[Described]) -> DetectionConfig {
        let empty = Node::preset(Value::Table(Vec::new()));
        let detection = self.root.get("detection").unwrap_or(&empty);
        let grouping = detection.get("grouping_attributes").map_or(&[][..], Node::elements);
        DetectionConfig {
            grouping_attributes: grouping
                .iter()
                .filter_map(|node| node.as_text().map(str::to_owned))
                .collect(),
            plugins: plugins.iter().map(|plugin| self.plugin(plugin, detection)).collect(),
            overrides: self.overrides(detection, plugins),
            ignores: self.ignores(detection, plugins),
        }
    }

    fn plugin(&mut self, (id, manifest): &Described, detection: &Node) -> PluginConfig {
        let empty = Node::preset(Value::Table(Vec::new()));
        let section = self.root.get("plugins").and_then(|plugins| plugins.get(id)).unwrap_or(&empty);
        let rules = detection.get("rules").unwrap_or(&empty);
        let own = rules.get(id).unwrap_or(&empty);
        let (enabled, severity) = (own.boolean("enabled"), own.text("severity").and_then(severity));
        PluginConfig {
            id: id.clone(),
            source: self.source(id, section),
            sha256: section.text("sha256").map(str::to_owned),
            enabled: section.boolean("enabled").unwrap_or(true) && enabled.unwrap_or(true),
            settings: settings(id, manifest, detection, section, rules),
            rules: manifest
                .rules
                .iter()
                .map(|rule| (rule.name.clone(), rule_config(rule, rules, enabled, severity)))
                .collect(),
            limits: self.limits(section),
        }
    }

    fn limits(&mut self, section: &Node) -> PluginLimits {
        let json = section.get("limits").map(Node::to_json).unwrap_or_default();
        serde_json::from_value(json).unwrap_or_else(|error| {
            self.errors.push(misfit(&format!("limits: {error}")));
            PluginLimits { memory_mib: 0, call_ms: 0, findings: 0 }
        })
    }

    fn source(&mut self, id: &str, section: &Node) -> PluginSource {
        match (section.get("path"), section.text("builtin")) {
            (Some(path), Some(_)) => {
                let key = join(&join("plugins", id), "path");
                let help =
                    Some("keep `path` for a component of your own, `builtin` for a stock one".to_owned());
                let reason = "cannot be given together with `builtin`".to_owned();
                self.errors.push(ConfigError { origin: path.origin.clone(), key, reason, help });
                PluginSource::Builtin(id.to_owned())
            }
            (Some(path), None) => PluginSource::Path(path.as_text().unwrap_or_default().into()),
            (None, name) => PluginSource::Builtin(name.unwrap_or(id).to_owned()),
        }
    }

    fn overrides(&mut self, detection: &Node, plugins: &[Described]) -> Vec<Override> {
        let nodes = detection.get("override").map_or(&[][..], Node::elements);
        if let Some(node) = nodes.get(MAX_OVERRIDES) {
            let help = "one entry may cover many services and endpoints: patterns may have `*` and `?`";
            self.wrong(
                node,
                &format!("detection.override[{MAX_OVERRIDES}]"),
                "is one too many: 64 are allowed",
                help,
            );
        }
        nodes.iter().enumerate().map(|(index, node)| self.override_at(index, node, plugins)).collect()
    }

    fn override_at(&mut self, index: usize, node: &Node, plugins: &[Described]) -> Override {
        let path = format!("detection.override[{index}]");
        let (service, endpoint) = (pattern(node, "service"), pattern(node, "endpoint"));
        let written =
            |names: &[&str]| node.entries().iter().any(|(key, _)| names.contains(&key.name.as_str()));
        let judged = self.is_judged(&path);
        if !written(&["service", "endpoint"]) && !judged {
            let help = "what holds everywhere stands in [detection]";
            self.wrong(node, &path, "must have `service` or `endpoint`", help);
        }
        let mut settings: BTreeMap<String, BTreeMap<String, SettingValue>> = BTreeMap::new();
        for (id, manifest) in plugins {
            let partial: BTreeMap<String, SettingValue> = manifest
                .settings
                .iter()
                .filter(|setting| !is_reserved(&setting.name))
                .filter_map(|setting| {
                    let value = node.get(&setting.name)?.value.to_setting(&setting.kind)?;
                    Some((setting.name.clone(), value))
                })
                .collect();
            if !partial.is_empty() {
                settings.insert(id.clone(), partial);
            }
        }
        if settings.is_empty() && !judged {
            self.wrong(node, &path, "changes no setting", "add one, such as n_plus_one_min_occurrences = 10");
        }
        Override { service, endpoint, settings }
    }

    fn ignores(&mut self, detection: &Node, plugins: &[Described]) -> Vec<Ignore> {
        let nodes = detection.get("ignore").map_or(&[][..], Node::elements);
        nodes.iter().enumerate().map(|(index, node)| self.ignore_at(index, node, plugins)).collect()
    }

    fn ignore_at(&mut self, index: usize, node: &Node, plugins: &[Described]) -> Ignore {
        let path = format!("detection.ignore[{index}]");
        let ignore = Ignore {
            kind: pattern(node, "type"),
            service: pattern(node, "service"),
            endpoint: pattern(node, "endpoint"),
            template: pattern(node, "template"),
            reason: node.text("reason").unwrap_or_default().to_owned(),
            expires_at: node.text("expires_at").and_then(|text| text.parse().ok()),
        };
        let parts = [&ignore.kind, &ignore.service, &ignore.endpoint, &ignore.template];
        if parts.iter().all(|part| part.is_none()) && !self.is_judged(&path) {
            let help = "give at least one of type, service, endpoint, template";
            self.wrong(node, &path, "would ignore every finding", help);
        }
        if let (Some(kind), Some(written)) = (&ignore.kind, node.get("type")) {
            self.check_type(kind, written, &path, plugins);
        }
        ignore
    }

    /// Reports a pattern over finding types that no type matches.
    fn check_type(&mut self, kind: &NamePattern, node: &Node, path: &str, plugins: &[Described]) {
        let names = rules(plugins);
        if names.iter().any(|name| kind.matches(name)) {
            return;
        }
        let help = match nearest(kind.as_str(), names.iter().map(String::as_str)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`tracewatt plugin list` shows the finding types".to_owned(),
        };
        let reason = format!("no finding type matches `{}`", kind.as_str());
        self.wrong(node, &format!("{path}.type"), &reason, &help);
    }

    /// Whether something is known to be wrong with this table, so that what is missing may be what is wrong.
    fn is_judged(&self, path: &str) -> bool {
        let inside = format!("{path}.");
        self.errors.iter().any(|error| error.key == path || error.key.starts_with(&inside))
    }

    fn wrong(&mut self, node: &Node, key: &str, reason: &str, help: &str) {
        self.errors.push(ConfigError {
            origin: node.origin.clone(),
            key: key.to_owned(),
            reason: reason.to_owned(),
            help: Some(help.to_owned()),
        });
    }
}

/// Returns every setting of a plug-in: from its own sections, else from `[detection]`, else the default.
fn settings(
    id: &str,
    manifest: &Manifest,
    detection: &Node,
    section: &Node,
    rules: &Node,
) -> BTreeMap<String, SettingValue> {
    let only_rule = match manifest.rules.as_slice() {
        [rule] => rules.get(&rule.name),
        _ => None,
    };
    let everywhere = [rules.get(id), only_rule, section.get("settings"), Some(detection)];
    let own_section = [section.get("settings"), None, None, None];
    manifest
        .settings
        .iter()
        .map(|setting| {
            let places = if is_reserved(&setting.name) { own_section } else { everywhere };
            let written = places
                .into_iter()
                .flatten()
                .filter_map(|place| place.get(&setting.name))
                .find(|node| node.origin != Origin::Default)
                .and_then(|node| node.value.to_setting(&setting.kind));
            (setting.name.clone(), written.unwrap_or_else(|| setting.default.clone()))
        })
        .collect()
}

/// Returns what holds for one finding type: what is said of it, else what is said of the detector.
fn rule_config(rule: &Rule, rules: &Node, enabled: Option<bool>, severe: Option<Severity>) -> RuleConfig {
    let own = rules.get(&rule.name);
    RuleConfig {
        enabled: own.and_then(|own| own.boolean("enabled")).or(enabled).unwrap_or(true),
        severity: own.and_then(|own| own.text("severity")).and_then(severity).or(severe),
    }
}

fn severity(name: &str) -> Option<Severity> {
    match name {
        "info" => Some(Severity::Info),
        "warning" => Some(Severity::Warning),
        "critical" => Some(Severity::Critical),
        _ => None,
    }
}

fn pattern(node: &Node, name: &str) -> Option<NamePattern> {
    NamePattern::new(node.text(name)?).ok()
}

/// Returns the error for a struct that does not fit the table of keys.
fn misfit(what: &str) -> ConfigError {
    ConfigError {
        origin: Origin::Default,
        key: String::new(),
        reason: format!("the table of keys and its reader disagree: {what}"),
        help: Some("this is a defect of tracewatt, please report it".to_owned()),
    }
}

/// Collects where every value in effect was written, by key path.
fn collect_origins(node: &Node, path: &str, origins: &mut BTreeMap<String, Origin>) {
    match &node.value {
        Value::Table(entries) => {
            entries.iter().for_each(|(key, node)| collect_origins(node, &join(path, &key.name), origins));
        }
        Value::List(nodes) if nodes.iter().any(|node| matches!(node.value, Value::Table(_))) => {
            for (index, node) in nodes.iter().enumerate() {
                collect_origins(node, &format!("{path}[{index}]"), origins);
            }
        }
        _ => {
            origins.insert(path.to_owned(), node.origin.clone());
        }
    }
}
