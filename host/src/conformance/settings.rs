//! Settings: what must be accepted, what the host must refuse by itself, and what is allowed at the very edge.

use super::made::{self, Maker};
use super::{Row, Subject, USUAL, ask, found};
use tracewatt_core::plugin::{FaultKind, PluginError, Setting, SettingKind, SettingValue};
use tracewatt_core::trace::Texts;

/// The settings to examine with are accepted, and the traces that nothing is odd about are judged.
pub(super) fn accepted(subject: &Subject<'_>) -> Result<Row, PluginError> {
    let settings = counted(subject.settings.len(), "setting");
    let usual = Maker::usual(Texts::default());
    let result = match ask(&mut subject.worker()?, &usual, made::EPOCH) {
        Ok(findings) => Ok(format!("{settings} accepted, {}", found(findings.len()))),
        Err(fault) => Err(fault.to_string()),
    };
    Ok(Row { name: USUAL, result })
}

/// Every value of another type, and the nearest ones out of bounds, are refused by what the manifest says.
pub(super) fn refused(subject: &Subject<'_>) -> Row {
    let mut values = 0;
    for setting in &subject.plugin.manifest.settings {
        for value in wrong_values(&setting.kind) {
            values += 1;
            if setting.check(&value).is_ok() {
                return Row {
                    name: REFUSED,
                    result: Err(format!("`{}` = {} is accepted", setting.name, value.display())),
                };
            }
        }
    }
    Row { name: REFUSED, result: Ok(format!("{} refused", counted(values, "value"))) }
}

const REFUSED: &str = "settings out of bounds";

/// Values at the edge of what the manifest allows are accepted, or refused with a reason; nothing else may happen, also
/// not when it comes to a batch.
pub(super) fn at_their_bounds(subject: &Subject<'_>) -> Result<Row, PluginError> {
    let usual = Maker::usual(Texts::default());
    let (mut accepted, mut refused) = (0, 0);
    for setting in &subject.plugin.manifest.settings {
        for value in extreme_values(&setting.kind) {
            let mut worker = subject.worker_with(changed(subject, setting, &value), subject.limits)?;
            match ask(&mut worker, &usual, made::EPOCH) {
                Ok(_) => accepted += 1,
                Err(fault) if fault.kind == FaultKind::Configure => refused += 1,
                Err(fault) => {
                    let result = Err(format!("`{}` = {}: {fault}", setting.name, value.display()));
                    return Ok(Row { name: BOUNDS, result });
                }
            }
        }
    }
    let mut said = format!("{} accepted", counted(accepted, "value"));
    if refused > 0 {
        said.push_str(&format!(", {refused} refused by the component"));
    }
    Ok(Row { name: BOUNDS, result: Ok(said) })
}

const BOUNDS: &str = "settings at their bounds";

fn changed(subject: &Subject<'_>, setting: &Setting, value: &SettingValue) -> Vec<(String, SettingValue)> {
    let settings = subject.settings.iter();
    settings
        .map(|(name, usual)| (name.clone(), if *name == setting.name { value } else { usual }.clone()))
        .collect()
}

fn wrong_values(kind: &SettingKind) -> Vec<SettingValue> {
    use SettingValue::{Boolean, Float, Integer, Text, TextList};
    match kind {
        SettingKind::Boolean => vec![Integer(1), Text("true".to_owned())],
        SettingKind::Integer { min, max } => {
            let beyond = [min.checked_sub(1), max.checked_add(1)].into_iter().flatten().map(Integer);
            beyond.chain([Float(0.5), Text(min.to_string()), Boolean(true)]).collect()
        }
        SettingKind::Float { min, max } => {
            let beyond = [min.next_down(), max.next_up(), f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
            beyond.map(Float).into_iter().chain([Text(min.to_string())]).collect()
        }
        SettingKind::Text => vec![Integer(0), TextList(Vec::new())],
        SettingKind::Choice(choices) => vec![Text(choices.concat() + "-"), Integer(0)],
        SettingKind::TextList => vec![Text(String::new()), Boolean(false)],
    }
}

fn extreme_values(kind: &SettingKind) -> Vec<SettingValue> {
    let texts = || [String::new(), made::ODD_TEXTS.concat(), "x".repeat(made::LONG_TEXT)];
    match kind {
        SettingKind::Boolean => [false, true].map(SettingValue::Boolean).to_vec(),
        SettingKind::Integer { min, max } => [*min, *max].map(SettingValue::Integer).to_vec(),
        SettingKind::Float { min, max } => [*min, *max].map(SettingValue::Float).to_vec(),
        SettingKind::Text => texts().map(SettingValue::Text).to_vec(),
        SettingKind::Choice(choices) => choices.iter().cloned().map(SettingValue::Text).collect(),
        SettingKind::TextList => {
            let many = (0..1_000).map(|n| n.to_string()).collect();
            [Vec::new(), texts().to_vec(), many].map(SettingValue::TextList).to_vec()
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_values_are_wrong_and_extreme_ones_are_not() {
        let choices = ["auto", "never"].map(str::to_owned).to_vec();
        for kind in [
            SettingKind::Boolean,
            SettingKind::Integer { min: 2, max: 9 },
            SettingKind::Integer { min: i64::MIN, max: i64::MAX },
            SettingKind::Float { min: -0.5, max: 0.5 },
            SettingKind::Float { min: f64::MIN, max: f64::MAX },
            SettingKind::Text,
            SettingKind::Choice(choices),
            SettingKind::TextList,
        ] {
            let setting = Setting {
                name: "limit".to_owned(),
                default: SettingValue::Boolean(true),
                doc: String::new(),
                kind,
            };
            let (wrong, extreme) = (wrong_values(&setting.kind), extreme_values(&setting.kind));
            assert!(wrong.len() >= 2 && extreme.len() >= 2, "{setting:?}");
            assert!(wrong.iter().all(|value| setting.check(value).is_err()), "{setting:?}");
            assert!(extreme.iter().all(|value| setting.check(value).is_ok()), "{setting:?}");
        }
    }
}
