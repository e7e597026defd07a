//! The generated part of docs/reference: made from the tables that the program itself runs on, compared with what
//! is committed. `UPDATE_REFERENCE=1 cargo test -p tracewatt` writes it anew; the schema of reports
//! (`report.schema.json`) is compared beside its types, in `src/report/json.rs`, in the same way.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use tracewatt::cli::args::definition;
use tracewatt::cli::document::commands_page;
use tracewatt::config::{Described, json_schema, reference_page};
use tracewatt::daemon::{api_page, metrics_page};
use tracewatt::stock::STOCK;
use tracewatt_core::plugin::{Manifest, Rule, Setting, SettingKind, engine};
use tracewatt_core::report::Severity;

const MARK: &str = "<!-- Generated from the manifests of the stock detectors. Do not edit. -->";

/// Scenario: the whole of docs/reference. Guarantees: every page is what the program's own tables say, and no page
/// of a finding type that is gone stays behind.
#[test]
fn the_reference_is_current() {
    let wanted = pages();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        for (name, text) in &wanted {
            let path = folder().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let stale: Vec<&String> = wanted
        .iter()
        .filter(|(name, text)| fs::read_to_string(folder().join(name)).unwrap_or_default() != **text)
        .map(|(name, _)| name)
        .collect();
    assert!(stale.is_empty(), "stale: {stale:?}; run UPDATE_REFERENCE=1 cargo test -p tracewatt");
    let left: Vec<String> = fs::read_dir(folder().join("rules"))
        .unwrap()
        .map(|entry| format!("rules/{}", entry.unwrap().file_name().to_string_lossy()))
        .filter(|name| !wanted.contains_key(name))
        .collect();
    assert!(left.is_empty(), "pages of finding types that no detector has: {left:?}");
}

/// Scenario: the address that SARIF and the other reports give for a rule. Guarantees: each stock finding type
/// has the page it leads to.
#[test]
fn addresses_in_reports_lead_to_pages() {
    let pages = pages();
    for (_, manifest) in manifests() {
        for rule in &manifest.rules {
            let url = tracewatt::report::words::rule_url(&rule.name).unwrap();
            let (_, name) = url.split_once("/blob/main/docs/reference/").unwrap();
            assert!(pages.contains_key(name), "{url}");
        }
    }
}

/// Scenario: the page that each detector carries, written by hand. Guarantees: it names every finding type, and its
/// table of settings has each setting once, with the default and the range of the manifest.
#[test]
fn pages_of_detectors_agree_with_their_manifests() {
    let mut wrong = Vec::new();
    for (id, manifest) in manifests() {
        let page = fs::read_to_string(root().join("detectors").join(&id).join("README.md")).unwrap();
        for rule in manifest.rules.iter().filter(|rule| !page.contains(&format!("`{}`", rule.name))) {
            wrong.push(format!("{id}: does not name {}", rule.name));
        }
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        for setting in &manifest.settings {
            let start = format!("| `{}` | {} | {} |", setting.name, default_of(setting), range(setting));
            if rows.iter().filter(|row| row.starts_with(&start)).count() != 1 {
                wrong.push(format!("{id}: no single row that begins with {start}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every generated page by its name under docs/reference.
fn pages() -> BTreeMap<String, String> {
    let described = manifests();
    let schema = serde_json::to_string_pretty(&json_schema(&described)).unwrap() + "\n";
    let mut pages = BTreeMap::from([
        ("api.md".to_owned(), api_page()),
        ("metrics.md".to_owned(), metrics_page().unwrap()),
        ("commands.md".to_owned(), commands_page(&definition())),
        ("configuration.md".to_owned(), reference_page(&described)),
        ("config.schema.json".to_owned(), schema),
        ("rules/README.md".to_owned(), index(&described)),
    ]);
    let types =
        described.iter().flat_map(|(_, manifest)| &manifest.rules).map(|rule| rule.name.as_str()).collect();
    for (id, manifest) in &described {
        for rule in &manifest.rules {
            pages.insert(format!("rules/{}.md", rule.name), rule_page(id, manifest, rule, &types));
        }
    }
    pages
}

fn index(described: &[Described]) -> String {
    let mut page = format!(
        "{MARK}\n\n# Finding types\n\n| type | title | detector | usual severity |\n|---|---|---|---|\n"
    );
    let mut types = BTreeSet::new();
    for (id, manifest) in described {
        for rule in &manifest.rules {
            types.insert((&rule.name, &rule.title, id, rule.default_severity));
        }
    }
    for (name, title, id, severity) in types {
        let _ = writeln!(page, "| [`{name}`]({name}.md) | {title} | `{id}` | {} |", word(severity));
    }
    page
}

fn rule_page(id: &str, manifest: &Manifest, rule: &Rule, types: &BTreeSet<&str>) -> String {
    let mut page = format!(
        "{MARK}\n\n# {}\n\nFinding type `{}` of the detector `{id}`: {}. Usual severity: {}.\n\n\
         How it decides, with an example and what it leaves alone: [detectors/{id}](../../../detectors/{id}/README.md).\n\n\
         ## What to do\n\n{}.\n",
        rule.title,
        rule.name,
        manifest.summary,
        word(rule.default_severity),
        sentence(&rule.advice),
    );
    if !rule.fixes.is_empty() {
        page.push_str("\n| framework or language | change |\n|---|---|\n");
        for fix in &rule.fixes {
            let source =
                if fix.url.is_empty() { String::new() } else { format!(" ([documentation]({}))", fix.url) };
            let _ = writeln!(page, "| `{}` | {}{source} |", fix.framework, cell(&fix.text));
        }
    }
    page.push_str("\n## Settings\n\nSettings of the detector, for all its finding types.\n\n");
    page.push_str("| setting | default | range | meaning |\n|---|---|---|---|\n");
    for setting in &manifest.settings {
        let (name, doc) = (&setting.name, cell(&setting.doc));
        let _ = writeln!(page, "| `{name}` | {} | {} | {doc} |", default_of(setting), range(setting));
    }
    let covering: Vec<String> = rule
        .yields_to
        .iter()
        .filter(|name| types.contains(name.as_str()))
        .map(|name| format!("[`{name}`]({name}.md)"))
        .collect();
    if !covering.is_empty() {
        let _ = writeln!(
            page,
            "\n## Gives way to\n\nNot reported when a finding of one of these names its calls already, nine tenths of \
             them or more: {}.",
            covering.join(", ")
        );
    }
    page
}

/// Stock plug-ins and what they say about themselves, by id.
fn manifests() -> Vec<Described> {
    let engine = engine().unwrap();
    STOCK.iter().map(|stock| (stock.id.to_owned(), stock.load(&engine).unwrap().manifest)).collect()
}

fn default_of(setting: &Setting) -> String {
    let text = setting.default.display();
    match setting.kind {
        SettingKind::Choice(_) | SettingKind::Text => format!("`{}`", text.trim_matches('"')),
        _ => text,
    }
}

fn range(setting: &Setting) -> String {
    match &setting.kind {
        SettingKind::Boolean => "true or false".to_owned(),
        SettingKind::Integer { min, max } => format!("{min} to {max}"),
        SettingKind::Float { min, max } => format!("{min} to {max}"),
        SettingKind::Text => "any text".to_owned(),
        SettingKind::TextList => "a list of texts".to_owned(),
        SettingKind::Choice(choices) => {
            choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ")
        }
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// Returns the text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Returns the text with a capital first letter and without a final period.
fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folder() -> PathBuf {
    root().join("docs/reference")
}
