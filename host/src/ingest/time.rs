//! Time stamps written as text: ISO 8601 as far as traces use it, to the nanosecond.

/// Returns the nanoseconds since the epoch of `2025-07-10T14:32:01.123Z` and its relatives: `T`, `t`
/// or a space between date and time, 0 to 9 digits of fraction (further ones are ignored), `Z` or an
/// offset such as `+02:00`, `+0200` or `-07`. `None` for anything else and for times before 1970.
pub(super) fn parse_iso8601(text: &str) -> Option<u64> {
    let bytes = text.trim().as_bytes();
    let (date, rest) = bytes.split_at_checked(10)?;
    let (time, rest) = rest.split_at_checked(9)?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *date else { return None };
    let [b'T' | b't' | b' ', h0, h1, b':', i0, i1, b':', s0, s1] = *time else { return None };
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let (month, day) = (two(m0, m1)?, two(d0, d1)?);
    let (hour, minute, second) = (two(h0, h1)?, two(i0, i1)?, two(s0, s1)?);
    // second 60 is a leap second, which the epoch does not count
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, zone) = fraction(rest)?;
    let local = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    let seconds = u64::try_from(local - offset(zone)?).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

fn fraction(rest: &[u8]) -> Option<(u64, &[u8])> {
    let [b'.' | b',', digits @ ..] = rest else { return Some((0, rest)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let padded = digits[..count].iter().chain(std::iter::repeat(&b'0')).take(9);
    let nanos = padded.fold(0, |nanos, digit| nanos * 10 + u64::from(digit - b'0'));
    (count > 0).then_some((nanos, &digits[count..]))
}

/// Seconds east of Greenwich.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, hour, minute) = match *zone {
        [b'Z' | b'z'] => return Some(0),
        [sign, h0, h1] => (sign, two(h0, h1)?, 0),
        [sign, h0, h1, m0, m1] | [sign, h0, h1, b':', m0, m1] => (sign, two(h0, h1)?, two(m0, m1)?),
        _ => return None,
    };
    let seconds = hour * 3_600 + minute * 60;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, counting years from March so that the
/// leap day comes last (H. Hinnant, "chrono-compatible low-level date algorithms", 2013).
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings() {
        let second = 1_752_157_921_000_000_000;
        let cases = [
            ("2025-07-10T14:32:01Z", Some(second)),
            ("2025-07-10 14:32:01.123Z", Some(second + 123_000_000)),
            ("2025-07-10T14:32:01.123456789Z", Some(second + 123_456_789)),
            ("2025-07-10T14:32:01.1234567899Z", Some(second + 123_456_789)),
            ("2025-07-10T16:32:01+02:00", Some(second)),
            ("2025-07-10T07:32:01-0700", Some(second)),
            ("2025-07-10t07:32:01-07", Some(second)),
            (" 1970-01-01T00:00:00.000000001Z ", Some(1)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000_000_000)),
            ("2000-03-01T00:00:00Z", Some(951_868_800_000_000_000)),
            ("2023-02-29T00:00:00Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("2025-07-10T14:32:01", None),
            ("2025-07-10T14:32:01.Z", None),
            ("2025-07-10T24:00:00Z", None),
            ("2025-13-10T14:32:01Z", None),
            ("9999-12-31T23:59:59Z", None),
            ("2025-07-10", None),
            ("", None),
        ];
        for (text, expect) in cases {
            assert_eq!(parse_iso8601(text), expect, "{text}");
        }
    }

    proptest! {
        #[test]
        fn total(text in "\\PC{0,40}|[0-9TZ:. +-]{10,40}") {
            let _ = parse_iso8601(&text);
        }

        #[test]
        fn days_follow_each_other(days in 0i64..100_000) {
            // 1970-01-01 plus `days`, by walking months
            let (mut year, mut month, mut day) = (1970, 1, 1 + days);
            while day > days_in(year, month) {
                day -= days_in(year, month);
                month += 1;
                if month > 12 {
                    (year, month) = (year + 1, 1);
                }
            }
            prop_assert_eq!(days_since_epoch(year, month, day), days);
        }
    }
}
