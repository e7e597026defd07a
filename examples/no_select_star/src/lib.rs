//! Finds statements that ask for every column of a table.

use tracewatt_sdk::prelude::*;
use tracewatt_sdk::query::Query;

settings! {
    /// What is left alone.
    pub struct Settings {
        /// Tables of which every column is wanted, in lower case.
        allowed_tables: Vec<String> = Vec::new(), ..;
    }
}

/// The detector.
pub struct NoSelectStar {
    settings: Settings,
    verdicts: TextTable<bool>,
}

impl Detector for NoSelectStar {
    type Settings = Settings;

    fn manifest() -> Manifest {
        Manifest::new("no_select_star", env!("CARGO_PKG_VERSION"), "statements that ask for every column")
            .license(env!("CARGO_PKG_LICENSE"))
            .interest(&[Kind::SQL], 1)
            .rule(
                Rule::new("no_select_star", "SELECT *")
                    .page(include_str!("../README.md"))
                    .advice("name the columns that are used")
                    .severity(Severity::Info),
            )
    }

    fn new(settings: Settings) -> Self {
        NoSelectStar { settings, verdicts: TextTable::default() }
    }

    fn detect(&mut self, batch: &Batch, findings: &mut Vec<Finding>) {
        self.verdicts.begin(batch);
        for trace in batch.traces() {
            let statements = trace.io().filter(|span| span.kind() == Kind::SQL);
            for same in grouped(1, statements, |span| Some(span.template_id())) {
                let is_bad = self.verdicts.get(batch, same[0].template_id(), |template| {
                    asks_for_every_column(template) && !self.settings.allow(template)
                });
                if is_bad {
                    findings.push(Finding::new("no_select_star", &same).message("asks for every column"));
                }
            }
        }
    }
}

impl Settings {
    fn allow(&self, template: &str) -> bool {
        let query = Query::of(template);
        !query.tables().is_empty() && query.tables().iter().all(|table| self.allowed_tables.contains(table))
    }
}

/// Whether a select list holds `*` or `t.*`: not `count(*)`, not a product, not `EXISTS (SELECT *`.
fn asks_for_every_column(template: &str) -> bool {
    let words = words(template);
    let is = |at: usize, wanted: &[&str]| {
        words.get(at).is_some_and(|word| wanted.iter().any(|wanted| word.eq_ignore_ascii_case(wanted)))
    };
    (1..words.len()).any(|at| {
        let whole = is(at - 1, &["SELECT", "DISTINCT", "ALL", ",", "."]);
        let ends = at + 1 == words.len() || is(at + 1, &["FROM", ",", ")", "INTO"]);
        let in_exists = at >= 3 && is(at - 1, &["SELECT"]) && is(at - 2, &["("]) && is(at - 3, &["EXISTS"]);
        words[at] == "*" && whole && ends && !in_exists
    })
}

/// Names, quoted or not, and single signs.
fn words(template: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), template.trim_start());
    while let Some(first) = rest.chars().next() {
        let named = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            '"' | '`' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            first if named(first) => rest.find(|c| !named(c)).unwrap_or(rest.len()),
            first => first.len_utf8(),
        };
        words.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    words
}

export_detector!(NoSelectStar);

#[cfg(test)]
mod tests {
    use super::asks_for_every_column;

    #[test]
    fn only_select_lists_ask_for_every_column() {
        let check = |template: &str, expect: bool| {
            assert_eq!(asks_for_every_column(template), expect, "{template}");
        };
        for bad in [
            "SELECT * FROM author",
            "select distinct * from author",
            "SELECT a.* FROM author a",
            "SELECT a.id, b.* FROM author a JOIN book b ON b.author_id = a.id",
            "SELECT \"a b\".*, ? FROM \"a b\"",
            "INSERT INTO old SELECT * FROM new",
            "SELECT id FROM (SELECT * FROM author) x",
            "SELECT *",
        ] {
            check(bad, true);
        }
        for fine in [
            "SELECT count(*) FROM author",
            "SELECT count( * ), id FROM author",
            "SELECT price * quantity FROM line",
            "SELECT price, price * ? FROM line",
            "SELECT id FROM author WHERE EXISTS (SELECT * FROM book)",
            "SELECT \"*\" FROM author",
            "SELECT `a`, `*`, b FROM author",
            "",
            "*",
            "SELECT \"open",
        ] {
            check(fine, false);
        }
    }
}
