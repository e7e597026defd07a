//! What the spans of each service and instrumentation carried, counted while they are mapped. It is
//! what `tracewatt doctor` and the report's `coverage` say, and what the gate needs to tell "no
//! problem" from "nothing to see".

use crate::report::Coverage;
use crate::trace::{IoKind, TextId, Texts};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Outbound spans of a kind below which its share of usable ones says nothing.
const MIN_SPANS: u64 = 20;

/// Languages kept of one service and instrumentation: more than one is a mistake already.
const MAX_LANGUAGES: usize = 8;

/// What could be seen of an outbound call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// A text, and parameters.
    Parameters,
    /// A text, and the call has none, or none that any setting would show.
    NoParameters,
    /// A text, with parameters that were not recorded.
    ParametersHidden,
    /// Nothing to make a template of; with the name of what is missing.
    Nothing(&'static str),
}

/// What one span carried.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observation {
    /// Service.
    pub service: TextId,
    /// Instrumentation scope.
    pub scope: TextId,
    /// Language of the SDK.
    pub language: TextId,
    /// The kind and what could be seen, for an outbound call.
    pub call: Option<(IoKind, Sight)>,
    /// Whether the span was chatter.
    pub chatter: bool,
}

/// Counts by service and scope, and by kind of I/O.
#[derive(Clone, Debug, Default)]
pub struct CoverageTable {
    rows: FxHashMap<(TextId, TextId), Row>,
    usable: [Usable; IoKind::ALL.len() + 1],
}

#[derive(Clone, Debug, Default)]
struct Row {
    /// Every language that was stated: one, as a rule.
    languages: BTreeSet<TextId>,
    spans: u64,
    outbound: u64,
    with_text: u64,
    with_params: u64,
    params_hidden: u64,
    chatter: u64,
    gaps: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Usable {
    all: u64,
    usable: u64,
}

impl CoverageTable {
    /// Counts one span.
    pub fn note(&mut self, seen: Observation) {
        let row = self.rows.entry((seen.service, seen.scope)).or_default();
        row.spans += 1;
        row.chatter += u64::from(seen.chatter);
        if !seen.language.is_empty() && row.languages.len() < MAX_LANGUAGES {
            row.languages.insert(seen.language);
        }
        let Some((kind, sight)) = seen.call else { return };
        row.outbound += 1;
        match sight {
            Sight::Nothing(gap) => *row.gaps.entry(gap).or_default() += 1,
            _ => row.with_text += 1,
        }
        row.with_params += u64::from(sight == Sight::Parameters);
        row.params_hidden += u64::from(sight == Sight::ParametersHidden);
        let usable = &mut self.usable[kind as usize];
        usable.all += 1;
        usable.usable += u64::from(!matches!(sight, Sight::Nothing(_)));
    }

    /// Adds the counts of another table, whose texts come from the same store.
    pub fn merge(&mut self, other: &CoverageTable) {
        for (key, row) in &other.rows {
            self.rows.entry(*key).or_default().merge(row);
        }
        for (usable, other) in self.usable.iter_mut().zip(&other.usable) {
            usable.all += other.all;
            usable.usable += other.usable;
        }
    }

    /// Returns the language that the SDK of a service states for an instrumentation scope, the first by name if there
    /// are several; empty when it states none.
    pub fn language<'t>(&self, service: TextId, scope: TextId, texts: &'t Texts) -> &'t str {
        self.rows.get(&(service, scope)).map_or("", |row| row.language(texts))
    }

    /// Returns the counts by service and scope, in that order.
    pub fn rows(&self, texts: &Texts) -> Vec<Coverage> {
        let mut rows: Vec<_> = self.rows.iter().map(|(key, row)| row.report(*key, texts)).collect();
        rows.sort_by(|a, b| (&a.service, &a.scope).cmp(&(&b.service, &b.scope)));
        rows
    }

    /// Returns per kind of I/O, of which there are outbound spans, how many are usable and how many there are.
    pub fn kinds(&self) -> impl Iterator<Item = (IoKind, u64, u64)> {
        let seen = IoKind::ALL.into_iter().map(|kind| (kind, self.usable[kind as usize]));
        seen.filter(|(_, usable)| usable.all > 0).map(|(kind, usable)| (kind, usable.usable, usable.all))
    }

    /// Returns the smallest share of usable spans, 0 to 1, over the kinds of I/O with at least 20
    /// outbound spans; nothing when no kind has as many.
    pub fn usable_span_ratio(&self) -> Option<f64> {
        let judged = self.usable.iter().filter(|usable| usable.all >= MIN_SPANS);
        judged.map(|usable| usable.usable as f64 / usable.all as f64).min_by(f64::total_cmp)
    }

    /// Returns the number of outbound spans of which a template could be made.
    pub fn usable_spans(&self) -> u64 {
        self.usable.iter().map(|usable| usable.usable).sum()
    }
}

impl Row {
    fn language<'t>(&self, texts: &'t Texts) -> &'t str {
        self.languages.iter().map(|language| texts.get(*language)).min().unwrap_or_default()
    }

    fn merge(&mut self, other: &Row) {
        self.languages.extend(&other.languages);
        self.spans += other.spans;
        self.outbound += other.outbound;
        self.with_text += other.with_text;
        self.with_params += other.with_params;
        self.params_hidden += other.params_hidden;
        self.chatter += other.chatter;
        for (gap, count) in &other.gaps {
            *self.gaps.entry(gap).or_default() += count;
        }
    }

    fn report(&self, (service, scope): (TextId, TextId), texts: &Texts) -> Coverage {
        let language = self.language(texts);
        Coverage {
            service: texts.get(service).to_owned(),
            scope: texts.get(scope).to_owned(),
            language: (!language.is_empty()).then(|| language.to_owned()),
            spans: self.spans,
            outbound: self.outbound,
            with_text: self.with_text,
            with_params: self.with_params,
            params_hidden: self.params_hidden,
            gaps: self.gaps.iter().map(|(gap, count)| ((*gap).to_owned(), *count)).collect(),
            chatter: self.chatter,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(texts: &mut Texts, service: &str, scope: &str, call: Option<(IoKind, Sight)>) -> Observation {
        Observation {
            service: texts.intern(service),
            scope: texts.intern(scope),
            call,
            ..Observation::default()
        }
    }

    #[test]
    fn rows_are_sorted_and_add_up() {
        let (mut texts, mut table) = (Texts::default(), CoverageTable::default());
        let gap = Sight::Nothing("missing_db_statement");
        for (service, scope, call) in [
            ("z", "pg", Some((IoKind::Sql, Sight::ParametersHidden))),
            ("a", "pg", Some((IoKind::Sql, Sight::Parameters))),
            ("a", "http", Some((IoKind::Http, Sight::NoParameters))),
            ("a", "pg", Some((IoKind::Sql, gap))),
            ("a", "pg", None),
        ] {
            let seen = seen(&mut texts, service, scope, call);
            table.note(seen);
        }
        let rows = table.rows(&texts);
        let keys: Vec<_> = rows.iter().map(|row| (row.service.as_str(), row.scope.as_str())).collect();
        assert_eq!(keys, [("a", "http"), ("a", "pg"), ("z", "pg")]);
        let pg = &rows[1];
        assert_eq!((pg.spans, pg.outbound, pg.with_text, pg.with_params, pg.params_hidden), (3, 2, 1, 1, 0));
        assert_eq!(pg.gaps.get("missing_db_statement"), Some(&1));
        assert_eq!(rows[2].params_hidden, 1);
        assert_eq!(table.usable_spans(), 3);
        let kinds: Vec<_> = table.kinds().collect();
        assert_eq!(kinds, [(IoKind::Sql, 2, 3), (IoKind::Http, 1, 1)]);
    }

    #[test]
    fn the_language_is_that_of_service_and_scope() {
        let (mut texts, mut table) = (Texts::default(), CoverageTable::default());
        let java = texts.intern("java");
        let said = Observation { language: java, ..seen(&mut texts, "a", "jdbc", None) };
        table.note(said);
        let unsaid = seen(&mut texts, "b", "jdbc", None);
        table.note(unsaid);
        let go = Observation { language: texts.intern("go"), ..unsaid };
        let mut other = CoverageTable::default();
        other.note(go);
        assert_eq!(table.language(said.service, said.scope, &texts), "java");
        assert_eq!(table.language(unsaid.service, unsaid.scope, &texts), "");
        assert_eq!(table.language(said.service, java, &texts), "");
        table.merge(&other);
        assert_eq!(table.language(unsaid.service, unsaid.scope, &texts), "go");
        assert_eq!(table.rows(&texts)[1].spans, 2);
    }

    #[test]
    fn the_ratio_is_that_of_the_worst_kind_with_enough_spans() {
        let (mut texts, mut table) = (Texts::default(), CoverageTable::default());
        let mut add = |table: &mut CoverageTable, count: usize, kind, sight| {
            for _ in 0..count {
                table.note(seen(&mut texts, "s", "x", Some((kind, sight))));
            }
        };
        let gap = Sight::Nothing("missing_http_url");
        add(&mut table, 19, IoKind::Http, gap);
        assert_eq!(table.usable_span_ratio(), None);
        add(&mut table, 40, IoKind::Sql, Sight::NoParameters);
        assert_eq!(table.usable_span_ratio(), Some(1.0));
        add(&mut table, 1, IoKind::Http, Sight::NoParameters);
        assert_eq!(table.usable_span_ratio(), Some(0.05));
    }
}
