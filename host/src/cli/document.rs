//! The reference page of the commands, made of their definition: what `--help` says, for reading.

use crate::exit::exit_table;
use clap::{Arg, Command};
use std::fmt::Write;

/// Returns the reference page of all commands, Markdown.
pub fn commands_page(root: &Command) -> String {
    let mut root = root.clone();
    root.build();
    let mut page = String::from(
        "<!-- Generated from the definition of the command line. Do not edit. -->\n\n# Commands\n",
    );
    if let Some(about) = root.get_about() {
        let _ = writeln!(page, "\n{about}");
    }
    let _ = writeln!(page, "\nEvery command takes:");
    arguments(&mut page, &root, |_| true);
    let everywhere: Vec<&str> = root.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    for command in root.get_subcommands().filter(|command| shown(command)) {
        section(&mut page, command, ("tracewatt", 2), &everywhere);
    }
    let _ = write!(page, "\n## Exit codes\n\n{}", exit_table());
    page
}

/// Writes a command and its actions; arguments that go with every command are left out.
fn section(page: &mut String, command: &Command, (parent, level): (&str, usize), everywhere: &[&str]) {
    let name = format!("{parent} {}", command.get_name());
    let _ = writeln!(page, "\n{} `{name}`", "#".repeat(level));
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        let _ = writeln!(page, "\n{about}.");
    }
    let actions: Vec<&Command> = command.get_subcommands().filter(|command| shown(command)).collect();
    if actions.is_empty() {
        let _ = writeln!(page, "\n```text\n{}\n```", usage(command));
    }
    arguments(page, command, |argument| !everywhere.contains(&argument.get_id().as_str()));
    if let Some(after) = command.get_after_help() {
        let _ = writeln!(page, "\n```text\n{after}\n```");
    }
    for action in actions {
        section(page, action, (&name, level + 1), everywhere);
    }
}

/// Returns the usage line.
fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage:").trim().to_owned()
}

fn shown(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn arguments(page: &mut String, command: &Command, wanted: impl Fn(&Arg) -> bool) {
    let shown = |argument: &&Arg| {
        !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
    };
    let rows: Vec<&Arg> = command.get_arguments().filter(shown).filter(|argument| wanted(argument)).collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n| argument | meaning |\n|---|---|");
    for argument in rows {
        let name = if argument.is_positional() { value_name(argument) } else { option_name(argument) };
        let help =
            argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let help = help.replace("\n\n", ". ").replace('\n', " ").replace('|', "\\|");
        let _ = writeln!(page, "| `{name}` | {help}{} |", values(argument));
    }
}

/// Returns the values that can be given, and the default.
fn values(argument: &Arg) -> String {
    if !argument.get_action().takes_values() {
        return String::new();
    }
    let names: Vec<String> =
        argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    let mut text = String::new();
    if !names.is_empty() {
        let _ = write!(text, ": {}", names.join(", "));
    }
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() {
        let _ = write!(text, " (default `{}`)", defaults.join(", "));
    }
    text
}

/// Returns `-o, --output FORMAT[=PATH]`.
fn option_name(argument: &Arg) -> String {
    let mut name = String::new();
    if let Some(short) = argument.get_short() {
        let _ = write!(name, "-{short}, ");
    }
    if let Some(long) = argument.get_long() {
        let _ = write!(name, "--{long}");
    }
    if argument.get_action().takes_values() {
        let _ = write!(name, " {}", value_name(argument));
    }
    name
}

fn value_name(argument: &Arg) -> String {
    match argument.get_value_names() {
        Some(names) => names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" "),
        None => argument.get_id().as_str().to_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::commands_page;
    use crate::cli::args::definition;

    #[test]
    fn the_page_has_every_command_and_every_exit_code() {
        insta::assert_snapshot!(commands_page(&definition()));
    }
}
