//! `tracewatt plugin check`: whether this program would load a plug-in, step by step, with the reason where not.

use super::subject::{self, Found, With};
use crate::cli::commands::compiler;
use crate::cli::invocation::Subject;
use crate::cli::terminal::Terminal;
use crate::conformance::{self, Row};
use crate::exit::Exit;
use anyhow::{Result, anyhow};
use std::collections::BTreeMap;
use tracewatt_core::plugin::{self, Grants, Manifest, PluginError, Worker};

/// What came of the steps, in order; nothing follows one that fails.
struct Steps(Vec<(&'static str, Result<String, String>)>);

impl Steps {
    /// Adds a step; says whether it is fine.
    fn add(&mut self, name: &'static str, result: Result<String, String>) -> bool {
        self.0.push((name, result));
        self.0.last().is_some_and(|(_, result)| result.is_ok())
    }
}

/// Runs the command.
pub fn run(subject: &Subject, wanted: bool, terminal: &Terminal) -> Result<Exit> {
    let found = subject::find(&subject.plugin, terminal)?;
    let mut steps = Steps(Vec::new());
    check(&found, subject, terminal, &mut steps);
    terminal.print(|out| {
        writeln!(out, "{}", found.path.display())?;
        for (name, result) in &steps.0 {
            match result {
                Ok(said) => writeln!(out, "ok    {name:<10}{said}")?,
                Err(reason) => writeln!(out, "FAIL  {name:<10}{reason}")?,
            }
        }
        Ok(())
    })?;
    let mut fine = steps.0.iter().all(|(_, result)| result.is_ok());
    if fine && wanted {
        let rows = offered(&found, subject, terminal)?;
        terminal.print(|out| conformance::write_table(&rows, out))?;
        fine = conformance::conforms(&rows);
    }
    Ok(if fine { Exit::Ok } else { Exit::Negative })
}

fn check(found: &Found, subject: &Subject, terminal: &Terminal, steps: &mut Steps) {
    let interfaces = plugin::interfaces(&found.bytes).map_err(said);
    let size = format!("{} bytes", found.bytes.len());
    if !steps.add("component", interfaces.as_ref().map(|_| size).map_err(Clone::clone)) {
        return;
    }
    let (imports, exports) = interfaces.unwrap_or_default();
    let grants = match subject::grants(found, subject) {
        Ok(grants) => grants,
        Err(error) => {
            steps.add("grants", Err(format!("{error:#}")));
            return;
        }
    };
    let audited = plugin::audit_granted(&found.bytes, &grants).map_err(said);
    if !steps.add("imports", audited.map(|()| imports.join(" "))) {
        return;
    }
    let described = described(found, &grants, terminal).map_err(|error| format!("{error:#}"));
    let names = exports.join(" ");
    if !steps.add("exports", described.as_ref().map(|_| names).map_err(Clone::clone)) {
        return;
    }
    let stamp = plugin::stamped(&found.bytes).map_err(said);
    let manifest = match (stamp, described) {
        (Err(reason), _) | (_, Err(reason)) => Err(reason),
        (Ok(None), Ok(_)) => {
            Ok("not stamped: it is asked for at every start; `plugin build` stamps it".to_owned())
        }
        (Ok(Some(stamp)), Ok(described)) if stamp == described => {
            Ok(format!("{} {}, stamped", stamp.name, stamp.version))
        }
        (Ok(Some(_)), Ok(_)) => {
            Err("the stamp is not what the component says of itself; build it again with `plugin build`"
                .to_owned())
        }
    };
    if !steps.add("manifest", manifest) {
        return;
    }
    steps.add("settings", settings(found, subject, terminal).map_err(|error| format!("{error:#}")));
}

/// Loads it and asks what it is.
fn described(found: &Found, grants: &Grants, terminal: &Terminal) -> Result<Manifest> {
    let engine = plugin::engine().map_err(|error| anyhow!("this machine cannot run plug-ins: {error:#}"))?;
    Ok(compiler(terminal).load_granted(&engine, &found.bytes, None, grants)?.ask(&engine)?)
}

/// Loads it as an analysis would, and lets it accept its settings.
fn settings(found: &Found, subject: &Subject, terminal: &Terminal) -> Result<String> {
    let session = subject::session(found, subject, With::Nothing, terminal)?;
    let (config, plugin) = subject::of(&session, &found.id)?;
    let detector = session.detector(config, plugin, &BTreeMap::new());
    let mut worker = Worker::new(&session.engine, plugin, detector.settings, detector.limits)?;
    plugin::ticking(&session.engine, || worker.ready()).map_err(|fault| anyhow!("{fault}"))?;
    Ok(format!("{} settings accepted", plugin.manifest.settings.len()))
}

/// Offers it everything there is.
fn offered(found: &Found, subject: &Subject, terminal: &Terminal) -> Result<Vec<Row>> {
    let session = subject::session(found, subject, With::Nothing, terminal)?;
    let (config, plugin) = subject::of(&session, &found.id)?;
    let detector = session.detector(config, plugin, &BTreeMap::new());
    let again = compiler(terminal).load_granted(&session.engine, &found.bytes, None, &plugin.grants)?;
    Ok(conformance::examine(&conformance::Subject {
        engine: &session.engine,
        plugin,
        again: &again,
        settings: &detector.settings,
        limits: detector.limits,
    })?)
}

fn said(error: PluginError) -> String {
    error.to_string()
}
