//! The `tracewatt` program: parse arguments, call a command, map the result to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tracewatt::cli::main()
}
