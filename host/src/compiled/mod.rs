//! Compiled forms of components. A compiler takes much more memory than everything else the host does, so it runs in a
//! process of its own, and what it makes is kept for the next run. In order:
//!
//! 1. the form embedded in this program, of a stock plug-in, when it fits this machine
//! 2. the cache (`cache`)
//! 3. a child process (`child`): this program again, with the hidden command `__compile`; then it is kept
//! 4. this process, where there can be no child
//!
//! A plug-in is the same whichever way it was compiled. Why so, and whom this trusts:
//! docs/decisions/0018-compile-apart.md.

mod cache;
mod child;

pub use child::{Refused, answer};

use cache::Cache;
use child::Answer;
use std::cell::OnceCell;
use std::path::PathBuf;
use std::process::Command;
use tracewatt_core::plugin::{self, Engine, Grants, Plugin, PluginError};

/// The hidden command that a child process is started with: component on standard input, answer on standard output.
pub const COMMAND: &str = "__compile";

/// How components without a compiled form are compiled.
pub struct Compiler<'a> {
    apart: Option<Apart<'a>>,
}

/// In a process of its own, with a cache.
struct Apart<'a> {
    /// What starts a child; nothing where that cannot be known.
    child: Box<dyn Fn() -> Option<Command> + 'a>,
    folder: Option<PathBuf>,
    /// Opened when it is first needed.
    cache: OnceCell<Option<Cache>>,
    note: Box<dyn Fn(&str) + 'a>,
}

impl<'a> Compiler<'a> {
    /// Compiles in this process, and keeps nothing: for programs other than tracewatt.
    pub fn here() -> Compiler<'a> {
        Compiler { apart: None }
    }

    /// Compiles in a child process, which is this program again, and keeps what it makes. Only for a program whose
    /// `main` is [`crate::cli::main`]. `note` is told what does not work; that is never more than lost time.
    pub fn apart(note: impl Fn(&str) + 'a) -> Compiler<'a> {
        let child = || {
            let mut command = Command::new(std::env::current_exe().ok()?);
            command.arg(COMMAND);
            Some(command)
        };
        Compiler::with(child, cache::folder(|name| std::env::var_os(name)), note)
    }

    fn with(
        child: impl Fn() -> Option<Command> + 'a,
        folder: Option<PathBuf>,
        note: impl Fn(&str) + 'a,
    ) -> Compiler<'a> {
        let apart = Apart { child: Box::new(child), folder, cache: OnceCell::new(), note: Box::new(note) };
        Compiler { apart: Some(apart) }
    }

    /// Loads a plug-in, `component`, of which `embedded` is a compiled form that may not fit this machine.
    ///
    /// # Errors
    /// As [`Plugin::load`].
    pub fn load(
        &self,
        engine: &Engine,
        component: &[u8],
        embedded: Option<&[u8]>,
    ) -> Result<Plugin, PluginError> {
        self.load_granted(engine, component, embedded, &Grants::default())
    }

    /// As [`Compiler::load`], of a component that was granted something.
    ///
    /// # Errors
    /// As [`Plugin::load_granted`].
    pub fn load_granted(
        &self,
        engine: &Engine,
        component: &[u8],
        embedded: Option<&[u8]>,
        grants: &Grants,
    ) -> Result<Plugin, PluginError> {
        // What is refused anyway is not worth a process.
        plugin::audit_granted(component, grants)?;
        if let Some(embedded) = embedded
            && let Some(plugin) = Plugin::of_compiled(engine, component, embedded, grants)?
        {
            return Ok(plugin);
        }
        let apart = self.apart.as_ref().map(|apart| apart.load(engine, component, grants));
        let elsewhere = apart.transpose()?.flatten();
        elsewhere.map_or_else(|| Plugin::load_granted(engine, component, None, grants), Ok)
    }
}

impl Apart<'_> {
    /// Returns nothing where this process must compile itself.
    fn load(
        &self,
        engine: &Engine,
        component: &[u8],
        grants: &Grants,
    ) -> Result<Option<Plugin>, PluginError> {
        let open = |sealed: &[u8]| match plugin::unseal(engine, component, sealed) {
            Some(compiled) => Plugin::of_compiled(engine, component, compiled, grants),
            None => Ok(None),
        };
        let cache = self.cache();
        let name = cache::name(&plugin::digest(component), plugin::compatibility(engine));
        if let Some(sealed) = cache.and_then(|cache| cache.read(&name))
            && let Some(plugin) = open(&sealed)?
        {
            return Ok(Some(plugin));
        }
        let failed = match child::compile((self.child)(), component) {
            Answer::Sealed(sealed) => match open(&sealed)? {
                Some(plugin) => {
                    self.keep(&name, &sealed);
                    return Ok(Some(plugin));
                }
                None => "its answer makes no sense".to_owned(),
            },
            Answer::Refused(reason) => return Err(PluginError::Compile(reason)),
            Answer::Failed(reason) => reason,
        };
        (self.note)(&format!(
            "a plug-in is compiled in this process, which takes more memory: compiling it in another one failed: {failed}"
        ));
        Ok(None)
    }

    fn cache(&self) -> Option<&Cache> {
        let open = || {
            Cache::open(self.folder.clone()?)
                .inspect_err(|error| {
                    (self.note)(&format!("compiled plug-ins are not kept for the next run: {error}"));
                })
                .ok()
        };
        self.cache.get_or_init(open).as_ref()
    }

    fn keep(&self, name: &str, sealed: &[u8]) {
        if let Some(cache) = self.cache()
            && let Err(error) = cache.write(name, sealed)
        {
            (self.note)(&format!("a compiled plug-in is not kept for the next run: {error}"));
        }
    }
}

#[cfg(test)]
mod tests;
