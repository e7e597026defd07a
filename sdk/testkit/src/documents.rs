//! Cases of energy backends: documents in, readings and problems expected.
//!
//! ```text
//! # what comes first is about the whole case
//! set services=order: container=order
//! # one call with one document: request, file in `samples/` or `-` for none, and then in any order
//! fetch metrics v0.11-container.prom at=1764772800000 status=200
//! fetch metrics v0.11-container.prom at=+10s replace=4182.531=>4200.531
//! # what the last call gave
//! expect service order energy=18 interval_ms=10000
//! problem counter_backwards
//! nothing
//! ```
//!
//! `expect` is met by one reading of this kind and name; figures fit to a thousandth. `nothing` means no reading. A problem
//! that no line names fails the case.

use std::path::Path;
use tracewatt_core::energy::{Quantity, Reading};
use tracewatt_core::plugin::{
    Backend, Decoded, Document, Engine, Limits, Plugin, SettingKind, SettingValue, ticking,
};
use tracewatt_core::{detect, plugin::Problem};

/// Target that documents of cases come from.
const TARGET: &str = "target";

/// Runs a case of an energy backend. `folder` is that of the plug-in; the error says which line is not met.
///
/// # Errors
/// What was expected and what came.
pub fn check_documents(engine: &Engine, plugin: &Plugin, folder: &Path, text: &str) -> Result<(), String> {
    let mut settings = Vec::new();
    let mut backend = None;
    let (mut last, mut now_ms, mut fetched) = (Decoded::default(), 0, false);
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let done = match word {
            "" => Ok(()),
            _ if word.starts_with('#') => Ok(()),
            "set" if backend.is_none() => setting(plugin, rest, &mut settings),
            "set" => Err("settings come before the first `fetch`".to_owned()),
            "fetch" => (|| {
                all_named(&last.problems)?;
                let document = document(folder, rest, &mut now_ms)?;
                let backend = match &mut backend {
                    Some(backend) => backend,
                    None => backend.insert(start(engine, plugin, &settings)?),
                };
                last =
                    ticking(engine, || backend.decode(vec![document])).map_err(|fault| fault.to_string())?;
                fetched = true;
                match last.faults.first() {
                    Some(fault) => Err(format!("the backend failed: {fault}")),
                    None => Ok(()),
                }
            })(),
            "expect" => expect(&last.readings, rest),
            "problem" => {
                let before = last.problems.len();
                last.problems.retain(|problem| problem.reason != rest);
                match last.problems.len() < before {
                    true => Ok(()),
                    false => {
                        Err(format!("there is no problem `{rest}`; there are: {}", words(&last.problems)))
                    }
                }
            }
            "nothing" if last.readings.is_empty() => Ok(()),
            "nothing" => Err(format!("nothing is expected, but there are:\n{}", lines(&last.readings))),
            other => Err(format!("`{other}` is none of set, fetch, expect, problem, nothing")),
        };
        done.map_err(|reason| format!("line {}: {reason}", at + 1))?;
    }
    all_named(&last.problems).map_err(|reason| format!("at the end: {reason}"))?;
    match fetched {
        true => Ok(()),
        false => Err("the case fetches nothing".to_owned()),
    }
}

fn all_named(problems: &[Problem]) -> Result<(), String> {
    match problems {
        [] => Ok(()),
        some => Err(format!("the call before gave problems that no line names: {}", words(some))),
    }
}

fn words(problems: &[Problem]) -> String {
    let one = |problem: &Problem| format!("{} ({})", problem.reason, problem.message);
    problems.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn lines(readings: &[Reading]) -> String {
    let one = |reading: &Reading| format!("    {}\n", reading.to_line().unwrap_or_default());
    readings.iter().map(one).collect()
}

fn setting(plugin: &Plugin, text: &str, settings: &mut Vec<(String, SettingValue)>) -> Result<(), String> {
    let (name, value) = text.split_once('=').ok_or("a setting has the form `name=value`")?;
    let known = plugin.manifest.settings.iter().find(|setting| setting.name == name);
    let known = known.ok_or_else(|| format!("`{name}` is no setting of {}", plugin.manifest.name))?;
    let wrong = |_| format!("`{name}` must be a number");
    let value = match known.kind {
        SettingKind::Boolean => SettingValue::Boolean(value == "true"),
        SettingKind::Integer { .. } => SettingValue::Integer(
            value.parse().map_err(|error: std::num::ParseIntError| wrong(error.to_string()))?,
        ),
        SettingKind::Float { .. } => SettingValue::Float(
            value.parse().map_err(|error: std::num::ParseFloatError| wrong(error.to_string()))?,
        ),
        SettingKind::Text | SettingKind::Choice(_) => SettingValue::Text(value.to_owned()),
        SettingKind::TextList => {
            // A line for each text of a list.
            let list = settings.iter_mut().find(|(other, _)| other == name);
            if let Some((_, SettingValue::TextList(texts))) = list {
                texts.push(value.to_owned());
                return Ok(());
            }
            SettingValue::TextList(vec![value.to_owned()])
        }
    };
    known.check(&value).map_err(|reason| format!("`{name}` must be {reason}"))?;
    settings.push((name.to_owned(), value));
    Ok(())
}

fn start(engine: &Engine, plugin: &Plugin, settings: &[(String, SettingValue)]) -> Result<Backend, String> {
    let settings = detect::complete(&plugin.manifest, &settings.iter().cloned().collect());
    Backend::new(engine, plugin, &plugin.manifest.name, settings, Limits::DEFAULT)
        .map_err(|error| error.to_string())
}

/// Reads what stands after `fetch`. Ids of requests may hold blanks: everything before the file is the id.
fn document(folder: &Path, text: &str, now_ms: &mut u64) -> Result<Document, String> {
    let mut words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let options = words.iter().position(|word| word.contains('=')).unwrap_or(words.len());
    let options = words.split_off(options);
    let file = words.pop().ok_or("what is fetched, and which file comes?")?;
    let mut body = match file {
        "-" => Vec::new(),
        file => {
            let path = folder.join("samples").join(file);
            std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?
        }
    };
    let mut document =
        Document { target: TARGET.to_owned(), request: words.join(" "), status: 200, ..Document::default() };
    for option in options {
        let (name, value) = option.split_once('=').ok_or_else(|| format!("`{option}` has no `=`"))?;
        let number = || value.parse::<u32>().map_err(|_| format!("`{option}` must be a number"));
        match name {
            "at" => {
                let wrong = || format!("`{option}` must be milliseconds since the epoch, or +10s");
                *now_ms = match value.strip_prefix('+').and_then(|value| value.strip_suffix('s')) {
                    Some(seconds) => *now_ms + seconds.parse::<u64>().map_err(|_| wrong())? * 1000,
                    None => value.parse().map_err(|_| wrong())?,
                };
            }
            "status" => {
                document.status = u16::try_from(number()?).map_err(|_| format!("`{option}` is no status"))?
            }
            "retry_after_s" => document.retry_after_s = number()?,
            "cut" => body.truncate(number()? as usize),
            "replace" => {
                let (from, to) = value.split_once("=>").ok_or("replace=what=>with")?;
                let text = String::from_utf8_lossy(&body).into_owned();
                if !text.contains(from) {
                    return Err(format!("{file} does not hold `{from}`"));
                }
                body = text.replace(from, to).into_bytes();
            }
            _ => return Err(format!("`{name}` is none of at, status, retry_after_s, cut, replace")),
        }
    }
    document.received_at_ms = *now_ms;
    document.body = body;
    Ok(document)
}

/// Looks for a reading: `service order power=20 interval_ms=5000 part=active`.
fn expect(readings: &[Reading], text: &str) -> Result<(), String> {
    let (kind, rest) = text.split_once(' ').ok_or("expect a kind and a name")?;
    let facts = rest.find('=').and_then(|at| rest.get(..at)?.rfind(' ')).unwrap_or(rest.len());
    let (name, facts) = (rest.get(..facts).unwrap_or(rest), rest.get(facts..).unwrap_or(""));
    let fits = |reading: &&Reading| {
        word(&reading.subject.kind) == kind
            && reading.subject.name == name
            && facts
                .split_ascii_whitespace()
                .all(|fact| fact.split_once('=').is_some_and(|(name, value)| holds(reading, name, value)))
    };
    match readings.iter().filter(fits).count() {
        1 => Ok(()),
        count => Err(format!("{count} readings are `{text}`; there are:\n{}", lines(readings))),
    }
}

/// The name that a value has in recorded readings.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn holds(reading: &Reading, name: &str, value: &str) -> bool {
    let near = |figure: f64| {
        value.parse::<f64>().is_ok_and(|value| (figure - value).abs() <= 1e-3 * value.abs().max(1e-3))
    };
    match name {
        "energy" => reading.quantity == Quantity::Energy && near(reading.value),
        "power" => reading.quantity == Quantity::Power && near(reading.value),
        "intensity" => reading.quantity == Quantity::Intensity && near(reading.value),
        "low" => near(reading.low),
        "high" => near(reading.high),
        "interval_ms" => value == reading.interval_ms.to_string(),
        "measured_at_ms" => value == reading.measured_at_ms.to_string(),
        "within" => value == reading.subject.within,
        "domain" => value == word(&reading.domain),
        "part" => value == word(&reading.part),
        "estimated" => value == reading.estimated.to_string(),
        "forecast" => value == reading.forecast.to_string(),
        _ => false,
    }
}
