//! Running cases.

use crate::case::{Case, Expectation, Fact};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracewatt_core::detect::{self, Detector};
use tracewatt_core::energy::{GreenOptions, Scorer};
use tracewatt_core::finding::{self, IgnoreNothing, Judge, Source};
use tracewatt_core::loss::Losses;
use tracewatt_core::plugin::{self, Engine, Limits, Manifest, Plugin, SettingKind, SettingValue, ticking};
use tracewatt_core::report::Finding;
use tracewatt_core::semconv::{CoverageTable, MapOptions, Mapper};
use tracewatt_core::trace::{IdTable, Texts};
use tracewatt_core::window::{Window, WindowOptions};

/// Compiles the detector in `folder`, and runs every case under its `cases/`. Panics with every case that fails.
pub fn check_cases(folder: &str) {
    let kit = Kit::new(Path::new(folder));
    let files = cases(Path::new(folder)).expect("the detector has a folder cases/ that can be read");
    assert!(!files.is_empty(), "cases/ holds no *.case file");
    let mut failures = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a case can be read");
        if let Err(failure) = kit.check(&text) {
            failures.push(format!("{}: {failure}", file.display()));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases fail\n\n{}",
        failures.len(),
        files.len(),
        failures.join("\n\n")
    );
}

/// Returns the `*.case` files in the folder `cases` of a plug-in's folder, by name.
pub fn cases(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder.join("cases"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "case") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// How the detectors that a case names with `with` are found.
type Others = Box<dyn Fn(&str) -> Result<Plugin, String>>;

/// A detector and its neighbours.
pub struct Kit {
    engine: Engine,
    detector: Detector,
    others: Others,
}

impl Kit {
    /// Compiles the detector in `folder`, a member of a workspace; its neighbours are other members.
    pub fn new(folder: &Path) -> Kit {
        let engine = plugin::engine().expect("this machine can run plug-ins");
        let workspace = workspace(folder);
        let id = folder.file_name().expect("the folder has a name").to_string_lossy().into_owned();
        let plugin = compile(&engine, &workspace, &id);
        let others = {
            let engine = engine.clone();
            move |other: &str| Ok(compile(&engine, &workspace, other))
        };
        let detector = detector(&id, plugin, &[]).expect("the defaults are settings");
        Kit::of(engine, detector, others)
    }

    /// A detector that is loaded already. Settings of a case are laid over its own. `others` returns the detectors
    /// that cases name with `with`.
    pub fn of(
        engine: Engine,
        detector: Detector,
        others: impl Fn(&str) -> Result<Plugin, String> + 'static,
    ) -> Kit {
        Kit { engine, detector, others: Box::new(others) }
    }

    /// Runs one case. The error says what was expected and what was found.
    pub fn check(&self, text: &str) -> Result<(), String> {
        let case = Case::parse(text).map_err(|error| format!("line {}: {}", error.line, error.reason))?;
        let findings = self.run(&case)?;
        let list =
            || findings.iter().map(|finding| format!("    {}\n", describe(finding))).collect::<String>();
        let found = |want: &Expectation| findings.iter().filter(|finding| fits(finding, want)).count();
        for want in &case.expect {
            if !want.count.holds(&found(want).to_string()) {
                return Err(format!("line {}: not found: {want:?}\n  found:\n{}", want.line, list()));
            }
        }
        for want in &case.expect_not {
            if found(want) > 0 {
                return Err(format!(
                    "line {}: found, but must not be: {want:?}\n  found:\n{}",
                    want.line,
                    list()
                ));
            }
        }
        if case.expect_nothing && !findings.is_empty() {
            return Err(format!("nothing is expected\n  found:\n{}", list()));
        }
        Ok(())
    }

    fn run(&self, case: &Case) -> Result<Vec<Finding>, String> {
        let mut own = self.detector.clone();
        own.settings.extend(settings(&own.id, own.manifest(), &case.settings)?);
        own.settings = detect::complete(own.manifest(), &own.settings.iter().cloned().collect());
        let mut detectors = vec![own];
        for other in &case.with {
            detectors.push(detector(other, (self.others)(other)?, &[])?);
        }
        let mut texts = Texts::default();
        let mut mapper = Mapper::new(MapOptions::default(), texts.handle());
        let (mut losses, mut coverage) = (Losses::default(), CoverageTable::default());
        let mut window = Window::new(WindowOptions::default());
        for span in &case.spans {
            window.push(mapper.map(&span.raw, &span.resource, &span.scope, &mut coverage, &mut losses));
        }
        let traces = window.seal(&mut texts, &mut losses);
        let texts = Arc::new(texts);
        let detection =
            ticking(&self.engine, || detect::detect(&self.engine, &detectors, &traces, &texts, 1))
                .map_err(|error| error.to_string())?;
        if let Some((_, fault)) = detection.runs.iter().flat_map(|run| &run.set_aside).next() {
            return Err(format!("the detector failed: {fault}"));
        }
        let source = Source {
            texts: &texts,
            coverage: &coverage,
            ids: &IdTable::default(),
            detectors: detectors.iter().map(as_configured).collect(),
            ignore: &IgnoreNothing,
            findings_per_problem: usize::MAX,
        };
        let options = GreenOptions::default();
        let mut scorer = Scorer::new(&texts, &options, &[]);
        Ok(finding::fold(&source, &traces, detection.findings, &mut scorer).findings)
    }
}

/// Every rule is enabled.
fn as_configured(detector: &Detector) -> Judge<'_> {
    Judge { id: &detector.id, manifest: detector.manifest(), rules: BTreeMap::new() }
}

fn detector(id: &str, plugin: Plugin, written: &[(String, String)]) -> Result<Detector, String> {
    let configured = settings(id, &plugin.manifest, written)?.into_iter().collect();
    let settings = detect::complete(&plugin.manifest, &configured);
    Ok(Detector { id: id.to_owned(), plugin, settings, limits: Limits::default() })
}

/// Reads settings of a case.
fn settings(
    id: &str,
    manifest: &Manifest,
    written: &[(String, String)],
) -> Result<Vec<(String, SettingValue)>, String> {
    let one = |(name, value): &(String, String)| {
        let setting = manifest.settings.iter().find(|setting| setting.name == *name);
        let setting = setting.ok_or(format!("`{name}` is no setting of {id}"))?;
        let value = match setting.kind {
            SettingKind::Boolean => SettingValue::Boolean(value == "true"),
            SettingKind::Integer { .. } => {
                SettingValue::Integer(value.parse().map_err(|_| format!("{name}={value}"))?)
            }
            SettingKind::Float { .. } => {
                SettingValue::Float(value.parse().map_err(|_| format!("{name}={value}"))?)
            }
            SettingKind::Text | SettingKind::Choice(_) => SettingValue::Text(value.clone()),
            SettingKind::TextList => SettingValue::TextList(value.split(',').map(str::to_owned).collect()),
        };
        setting.check(&value).map_err(|reason| format!("`{name}` must be {reason}"))?;
        Ok((name.clone(), value))
    };
    written.iter().map(one).collect()
}

fn compile(engine: &Engine, workspace: &Path, name: &str) -> Plugin {
    let modules = tracewatt_build::compile(workspace, &[name.to_owned()], &target_dir())
        .expect("the detector compiles");
    let component = tracewatt_build::componentize_file(name, &modules[0]).expect("the detector is a plug-in");
    Plugin::load(engine, &component, None).expect("the detector loads")
}

/// `plugins` in the target folder this test runs from, which the host's build script uses too.
fn target_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("a test knows its own path");
    exe.ancestors().nth(3).expect("a test lies in target/<profile>/deps").join("plugins")
}

/// The nearest folder above whose Cargo.toml declares a workspace.
fn workspace(folder: &Path) -> PathBuf {
    let declares = |folder: &&Path| {
        std::fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|toml| toml.lines().any(|line| line == "[workspace]"))
    };
    folder.ancestors().find(declares).expect("the detector is part of a workspace").to_owned()
}

fn fits(finding: &Finding, want: &Expectation) -> bool {
    let severity = format!("{:?}", finding.severity).to_lowercase();
    finding.kind == want.kind
        && want.severity.as_ref().is_none_or(|wanted| *wanted == severity)
        && want.facts.iter().all(|fact| holds(finding, fact))
}

fn holds(finding: &Finding, fact: &Fact) -> bool {
    match fact.name.as_str() {
        "occurrences" => fact.holds(&finding.pattern.occurrences.to_string()),
        "avoidable" => fact.holds(&finding.green_impact.estimated_extra_io_ops.to_string()),
        "distinct" => {
            finding.pattern.distinct_params.is_some_and(|distinct| fact.holds(&distinct.to_string()))
        }
        "service" => fact.holds(&finding.service),
        "endpoint" => fact.holds(&finding.source_endpoint),
        "template" => fact.holds(&finding.pattern.template),
        "confidence" => fact.holds(&finding.confidence.to_string()),
        name => finding
            .evidence
            .get(name)
            .is_some_and(|evidence| fact.holds(evidence.to_string().trim_matches('"'))),
    }
}

fn describe(finding: &Finding) -> String {
    let mut text = format!(
        "{} {:?} occurrences={} avoidable={} confidence={} service={} endpoint={:?} template={:?}",
        finding.kind,
        finding.severity,
        finding.pattern.occurrences,
        finding.green_impact.estimated_extra_io_ops,
        finding.confidence,
        finding.service,
        finding.source_endpoint,
        finding.pattern.template,
    );
    for (name, value) in &finding.evidence {
        text.push_str(&format!(" {name}={value}"));
    }
    text
}
