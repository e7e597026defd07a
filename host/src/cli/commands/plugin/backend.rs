//! What `tracewatt plugin test` and `check` do with an energy backend: it takes documents where a detector takes traces.

use super::check::Steps;
use super::subject::Found;
use crate::cli::commands::compiler;
use crate::cli::invocation::Subject;
use crate::cli::terminal::Terminal;
use anyhow::{Result, anyhow};
use std::path::Path;
use tracewatt_core::detect;
use tracewatt_core::plugin::{
    self, Backend, Document, Engine, Limits, Plugin, SettingKind, SettingValue, World,
};
use tracewatt_testkit::check_documents;

/// Whether a component is an energy backend.
pub fn is_one(found: &Found) -> bool {
    matches!(World::of(&found.bytes), Ok(World::EnergyBackend))
}

/// Loads it.
///
/// # Errors
/// When it is no plug-in, or this machine cannot run any.
pub fn load(found: &Found, terminal: &Terminal) -> Result<(Engine, Plugin)> {
    let engine = plugin::engine().map_err(|error| anyhow!("this machine cannot run plug-ins: {error:#}"))?;
    let plugin = compiler(terminal).load(&engine, &found.bytes, None)?;
    Ok((engine, plugin))
}

/// Runs one case.
///
/// # Errors
/// What was expected and what came.
pub fn test(engine: &Engine, plugin: &Plugin, folder: &Path, case: &str) -> Result<(), String> {
    check_documents(engine, plugin, folder, case)
}

/// Adds the steps that only a backend takes: its settings, what it wants, and that it survives what is no document.
pub fn check(found: &Found, subject: &Subject, terminal: &Terminal, steps: &mut Steps) {
    let result = load(found, terminal).and_then(|(engine, plugin)| {
        let settings = settings(&plugin, &subject.settings)?;
        let backend = Backend::new(&engine, &plugin, &found.id, settings, Limits::DEFAULT)?;
        Ok((engine, plugin, backend))
    });
    let (engine, plugin, mut backend) = match result {
        Ok(loaded) => loaded,
        Err(error) => {
            steps.add("settings", Err(format!("{error:#}")));
            return;
        }
    };
    let ready = plugin::ticking(&engine, || backend.ready()).map_err(|fault| fault.to_string());
    let accepted = format!("{} settings accepted", plugin.manifest.settings.len());
    if !steps.add("settings", ready.map(|()| accepted)) {
        return;
    }
    let target = "target".to_owned();
    let requests = plugin::ticking(&engine, || backend.requests(std::slice::from_ref(&target)));
    let wanted = requests.as_ref().map(|requests| format!("{} of one target", requests.len()));
    if !steps.add("requests", wanted.map_err(|fault| fault.to_string())) {
        return;
    }
    let mut ids: Vec<String> = requests.into_iter().flatten().map(|request| request.id).collect();
    ids.push("none of its own".to_owned());
    let document = |id: &String, status: u16, body: &[u8]| Document {
        target: target.clone(),
        request: id.clone(),
        status,
        received_at_ms: 1,
        body: body.to_vec(),
        ..Document::default()
    };
    let bodies: [(u16, &[u8]); 5] =
        [(200, b""), (200, b"<html>"), (200, b"\xff\xfe"), (200, b"{\"a\":"), (500, b"{}")];
    let documents: Vec<Document> =
        ids.iter().flat_map(|id| bodies.map(|(status, body)| document(id, status, body))).collect();
    let count = documents.len();
    let hostile = plugin::ticking(&engine, || backend.decode(documents)).map_err(|fault| fault.to_string());
    let hostile = hostile.and_then(|decoded| match (decoded.faults.first(), decoded.readings.first()) {
        (Some(fault), _) => Err(format!("it fails on what is no document of its own: {fault}")),
        (None, Some(reading)) => Err(format!("it reads {} from nothing", reading.quantity)),
        (None, None) => Ok(format!("{count} documents that are none, {} problems", decoded.problems.len())),
    });
    steps.add("documents", hostile);
}

/// Reads `name=value` for each setting; of a list, one text.
fn settings(plugin: &Plugin, written: &[String]) -> Result<Vec<(String, SettingValue)>> {
    let mut given: std::collections::BTreeMap<String, SettingValue> = Default::default();
    for text in written {
        let (name, value) = text.split_once('=').ok_or_else(|| anyhow!("`{text}` must be name=value"))?;
        let known = plugin.manifest.settings.iter().find(|setting| setting.name == name);
        let known = known.ok_or_else(|| anyhow!("`{name}` is no setting of {}", plugin.manifest.name))?;
        let value = match known.kind {
            SettingKind::Boolean => SettingValue::Boolean(value.parse()?),
            SettingKind::Integer { .. } => SettingValue::Integer(value.parse()?),
            SettingKind::Float { .. } => SettingValue::Float(value.parse()?),
            SettingKind::Text | SettingKind::Choice(_) => SettingValue::Text(value.to_owned()),
            SettingKind::TextList => match given.remove(name) {
                Some(SettingValue::TextList(mut texts)) => {
                    texts.push(value.to_owned());
                    SettingValue::TextList(texts)
                }
                _ => SettingValue::TextList(vec![value.to_owned()]),
            },
        };
        known.check(&value).map_err(|reason| anyhow!("`{name}` must be {reason}"))?;
        given.insert(name.to_owned(), value);
    }
    Ok(detect::complete(&plugin.manifest, &given))
}
