//! How operators say what belongs to a service: `order: container=order namespace=shop`.

/// A name of a service, and what a series must have to belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Name of the service, as in traces.
    pub service: String,
    /// Names and patterns, all of which must fit; at least one.
    pub wants: Vec<(String, String)>,
}

/// Reads the rules of a setting. `names` are the words that may stand before a `=`; the value of the one in `rest`, which
/// must come last, may hold blanks.
///
/// # Errors
/// Which rule is wrong, and what would be right.
pub fn rules(setting: &str, texts: &[String], names: &[&str], rest: &str) -> Result<Vec<Rule>, String> {
    let mut rules = Vec::new();
    for text in texts {
        let wrong = |reason: String| format!("`{setting}`: `{text}` {reason}");
        let Some((service, mut wanted)) = text.split_once(": ") else {
            return Err(wrong(format!("must have the form `name: {}=...`", names.first().unwrap_or(&""))));
        };
        let mut wants: Vec<(String, String)> = Vec::new();
        loop {
            wanted = wanted.trim_start();
            if wanted.is_empty() {
                break;
            }
            let Some((name, after)) = wanted.split_once('=') else {
                return Err(wrong(format!("has `{wanted}`, which has no `=`")));
            };
            if !names.contains(&name) {
                return Err(wrong(format!("has `{name}=`; it must be one of {}", names.join(", "))));
            }
            if wants.iter().any(|(other, _)| other == name) {
                return Err(wrong(format!("has `{name}=` twice")));
            }
            let end = if name == rest { after.len() } else { after.find(' ').unwrap_or(after.len()) };
            let (value, after) = after.split_at(end);
            if value.trim().is_empty() {
                return Err(wrong(format!("has `{name}=` without a value")));
            }
            wants.push((name.to_owned(), value.trim().to_owned()));
            wanted = after;
        }
        let service = service.trim();
        if service.is_empty() || wants.is_empty() {
            return Err(wrong("must name a service, and what belongs to it".to_owned()));
        }
        rules.push(Rule { service: service.to_owned(), wants });
    }
    Ok(rules)
}

impl Rule {
    /// Returns the value that the rule has for a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.wants.iter().find(|(wanted, _)| wanted == name).map(|(_, value)| value.as_str())
    }

    /// Returns whether everything fits. `texts` returns what a series has under a name; one of them must fit. A `*` at the
    /// start or the end of a pattern stands for anything.
    pub fn fits<'a>(&self, texts: impl Fn(&str) -> Vec<&'a str>) -> bool {
        self.wants.iter().all(|(name, pattern)| texts(name).iter().any(|text| fits(pattern, text)))
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => text.contains(rest.strip_suffix('*').unwrap_or(rest)),
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => text == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Rule>, String> {
        rules("services", &[text.to_owned()], &["pod", "query"], "query")
    }

    #[test]
    fn rules_are_read_or_refused_with_a_reason() {
        let rule = read("my order: pod=order-* query=sum(a{b=\"c d\"})").unwrap().remove(0);
        assert_eq!((rule.service.as_str(), rule.get("query")), ("my order", Some("sum(a{b=\"c d\"})")));
        let check = |text, expect: &str| {
            assert_eq!(read(text).unwrap_err(), format!("`services`: `{text}` {expect}"))
        };
        check("order", "must have the form `name: pod=...`");
        check("order: pod", "has `pod`, which has no `=`");
        check("order: pid=3", "has `pid=`; it must be one of pod, query");
        check("order: pod=a pod=b", "has `pod=` twice");
        check("order: pod= query=b", "has `pod=` without a value");
        check(": pod=a", "must name a service, and what belongs to it");
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expect) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("*b*", "abc", true),
            ("*", "", true),
            ("*d*", "abc", false),
        ] {
            assert_eq!(fits(pattern, text), expect, "{pattern} {text}");
        }
    }
}
