//! Look-ups in JSON.

use crate::{Document, Problem};
pub use serde_json::Value;

/// Reads the body as JSON.
pub fn parse(document: &Document) -> Result<Value, Problem> {
    serde_json::from_str(document.text()?)
        .map_err(|error| document.problem("invalid_json", format!("the body is no JSON: {error}")))
}

/// Returns the number at a JSON pointer: finite, not negative, at most `most`. Numbers in texts count.
pub fn number(document: &Document, value: &Value, pointer: &str, most: f64) -> Result<f64, Problem> {
    match value.pointer(pointer) {
        None => Err(document.problem("path_missing", format!("there is no {pointer}"))),
        Some(Value::Number(number)) => document.in_range(number.as_f64().unwrap_or(f64::NAN), most),
        Some(Value::String(text)) => document.number(text, most),
        Some(Value::Null) => Err(document.problem("invalid_value", format!("{pointer} is null"))),
        Some(_) => Err(document.problem("invalid_value", format!("{pointer} is no number"))),
    }
}

/// Returns a time of the form `2026-01-12T14:00:00.000Z` as milliseconds since the epoch; nothing for another form, or
/// another time zone.
pub fn utc_ms(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let digits = |text: &str, count: usize| {
        (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u64>().ok())?
    };
    let mut date = date.split('-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.split(':');
    let (hour, minute) = (digits(time.next()?, 2)?, digits(time.next()?, 2)?);
    let second = time.next().map_or(Some(0), |second| digits(second, 2))?;
    let millis = digits(&format!("{fraction:0<3}").chars().take(3).collect::<String>(), 3)?;
    let days_of = |year: u64, month: u64| match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    };
    let possible = year >= 1970 && (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    if !possible || day == 0 || day > days_of(year, month) || date.next().is_some() || time.next().is_some() {
        return None;
    }
    let years: u64 = (1970..year).map(|year| (1..=12).map(|month| days_of(year, month)).sum::<u64>()).sum();
    let days = years + (1..month).map(|month| days_of(year, month)).sum::<u64>() + day - 1;
    Some(((days * 24 + hour) * 3600 + minute * 60 + second) * 1000 + millis)
}

#[cfg(test)]
mod tests {
    use super::utc_ms;

    #[test]
    fn times_are_read_or_refused() {
        assert_eq!(utc_ms("2026-01-12T14:00:00.000Z"), Some(1_768_226_400_000));
        assert_eq!(utc_ms("2024-02-29T23:59:59.5Z"), Some(1_709_251_199_500));
        assert_eq!(utc_ms("2026-01-12T13:30Z"), Some(1_768_224_600_000));
        for wrong in [
            "",
            "Z",
            "2026-01-12",
            "2026-01-12T14:00:00+01:00",
            "2026-13-12T14:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-12T24:00:00Z",
            "9-1-1T1:1:1Z",
            "2026-01-12T14:00:00.xZ",
        ] {
            assert_eq!(utc_ms(wrong), None, "{wrong}");
        }
    }
}
