//! `tracewatt __compile`: what a run starts to compile a plug-in; for nobody to type.

use crate::compiled::{Refused, answer};
use crate::exit::Exit;
use anyhow::Result;
use std::io;

/// Compiles the component on standard input; see [`crate::compiled`].
pub fn run() -> Result<Exit> {
    let answered = answer(io::stdin().lock(), io::stdout().lock())?;
    Ok(match answered {
        Ok(()) => Exit::Ok,
        Err(Refused) => Exit::Negative,
    })
}
