//! Counts in sentences.

/// Returns a count with its thousands grouped: `48,213`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a count and its noun: `1 span`, `48,213 spans`, `2 entries`.
pub fn counted(n: u64, noun: &str) -> String {
    match (n, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{} {stem}ies", count(n)),
        _ => format!("{} {noun}s", count(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        for (n, noun, expect) in [
            (0, "problem", "0 problems"),
            (1, "problem", "1 problem"),
            (48_213, "span", "48,213 spans"),
            (1, "expired entry", "1 expired entry"),
            (2, "expired entry", "2 expired entries"),
        ] {
            assert_eq!(counted(n, noun), expect);
        }
    }
}
