//! Statements that come again with other literals: recognized by what is around the literals, not read again.
//!
//! Nothing here knows SQL. Before a statement is remembered it is normalized once more with other values in its
//! [slots](Slots): that shows which of them are parameters, and that nothing else depends on them.

use super::sql::{self, Read};
use crate::normalize::Template;
use crate::normalize::sql::{Dialect, Slot, Slots, Statement, same_around};
use crate::trace::{TextId, Texts};

/// Statements that are remembered; of two with one place, the later one.
const PLACES: usize = 1024;
/// Statements of which it is known that they were there once.
const SEEN: usize = 8 * PLACES;
/// Longest statement that is remembered, in bytes.
const MAX_TEXT: usize = 2048;
/// A template with literals that is shorter than this may be one that only asks if the server is there, which is seen
/// by the literal.
const MIN_TEMPLATE: usize = 24;

/// Normalizes statements, and remembers those that come a second time.
#[derive(Debug, Default)]
pub(super) struct Statements {
    places: Vec<Option<Known>>,
    /// Upper halves of the hashes of statements that came once.
    seen: Vec<u32>,
    slots: Slots,
    parsed: Statement,
    probe: Probe,
}

/// A statement with other values in its slots.
#[derive(Debug, Default)]
struct Probe {
    text: String,
    out: Template,
}

/// A statement that is remembered.
#[derive(Debug)]
struct Known {
    dialect: Dialect,
    /// One of its spellings, and the slots in it.
    text: String,
    slots: Vec<Slot>,
    /// Slots that are no parameters, such as those in comments.
    idle: Vec<u32>,
    params: Vec<Param>,
    template: String,
    id: TextId,
    read: Read,
}

/// Where the value of a parameter comes from.
#[derive(Debug)]
enum Param {
    /// It is no slot, so it is the same in every spelling.
    Fixed(String),
    /// The slot of this number.
    Slot(u32),
    /// The same, with a minus before it.
    Negative(u32),
}

impl Statements {
    /// Writes the template of a statement in the dialect of `system` into `out`, and returns what is known of it, with
    /// the number of the template in `texts` if that was looked up. Equal to [`sql::normalize`].
    pub(super) fn normalize(
        &mut self,
        system: &str,
        text: &str,
        texts: &mut Texts,
        out: &mut Template,
    ) -> (Read, Option<TextId>) {
        let dialect = Dialect::from_system(system);
        let hash = if text.len() <= MAX_TEXT { self.slots.find(text) } else { None };
        let Some(hash) = hash.map(|hash| hash ^ dialect as u64) else {
            return (sql::normalize(dialect, text, &mut self.parsed, out), None);
        };
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
            self.seen.resize(SEEN, 0);
        }
        let place = hash as usize % PLACES;
        if let Some(known) = &self.places[place]
            && known.dialect == dialect
            && known.is(text, self.slots.as_slice())
        {
            known.write(text, self.slots.as_slice(), out);
            return (known.read, Some(known.id));
        }
        let read = sql::normalize(dialect, text, &mut self.parsed, out);
        let seen = &mut self.seen[hash as usize % SEEN];
        let mark = (hash >> 32) as u32;
        if *seen != mark {
            *seen = mark;
            return (read, None);
        }
        let Some(known) = self.learn(dialect, text, read, texts, out) else { return (read, None) };
        let id = known.id;
        self.places[place] = Some(known);
        (read, Some(id))
    }

    /// Returns what is to be remembered of a statement that was just normalized into `out`; `None` where more than
    /// its parameters depends on its slots.
    fn learn(
        &mut self,
        dialect: Dialect,
        text: &str,
        read: Read,
        texts: &mut Texts,
        out: &Template,
    ) -> Option<Known> {
        let slots = self.slots.as_slice();
        if !slots.is_empty() && out.text.len() < MIN_TEMPLATE {
            return None;
        }
        let Probe { text: probe, out: probed } = &mut self.probe;
        probe.clear();
        let mut at = 0;
        for (number, slot) in slots.iter().enumerate() {
            probe.push_str(&text[at..slot.start as usize]);
            probe.push_str(&marker(number));
            at = slot.end as usize;
        }
        probe.push_str(&text[at..]);
        let same = sql::normalize(dialect, probe, &mut self.parsed, probed) == read
            && probed.text == out.text
            && probed.param_count() == out.param_count();
        if !same {
            return None;
        }
        let mut idle: Vec<u32> = (0..).take(slots.len()).collect();
        let mut params = Vec::with_capacity(out.param_count());
        for (value, probed) in out.params().zip(probed.params()) {
            let (sign, digits) = match probed.strip_prefix('-') {
                Some(digits) => ("-", digits),
                None => ("", probed),
            };
            let slot = idle.iter().position(|number| marker(*number as usize) == digits);
            params.push(match slot.map(|at| idle.remove(at)) {
                Some(number) => {
                    if value.strip_prefix(sign) != Some(slots[number as usize].of(text)) {
                        return None;
                    }
                    if sign.is_empty() { Param::Slot(number) } else { Param::Negative(number) }
                }
                None if value == probed => Param::Fixed(value.to_owned()),
                None => return None,
            });
        }
        if !idle.iter().all(|number| is_harmless(slots[*number as usize].of(text))) {
            return None;
        }
        let (text, slots, template) = (text.to_owned(), slots.to_vec(), out.text.clone());
        Some(Known { dialect, text, slots, idle, params, id: texts.intern(&template), template, read })
    }
}

impl Known {
    /// Returns whether `text` is this statement with other values.
    fn is(&self, text: &str, slots: &[Slot]) -> bool {
        same_around(&self.text, &self.slots, text, slots)
            && self.idle.iter().all(|number| is_harmless(slots[*number as usize].of(text)))
    }

    /// Writes template and parameters of `text`.
    fn write(&self, text: &str, slots: &[Slot], out: &mut Template) {
        out.clear();
        out.text.push_str(&self.template);
        for param in &self.params {
            match param {
                Param::Fixed(value) => out.push_param(value),
                Param::Slot(number) => out.push_param(slots[*number as usize].of(text)),
                Param::Negative(number) => {
                    out.push_param_of("-", slots[*number as usize].of(text));
                }
            }
        }
    }
}

/// Text for a slot that nothing else in a statement is.
fn marker(number: usize) -> String {
    format!("{}", 7_305_918_264_000 + number)
}

/// Returns whether a text can end nothing that it may be in: a comment, a quoted name.
fn is_harmless(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statements that look alike, so that what is remembered of one is tried on the other.
    const GROUPS: &[&[&str]] = &[
        &[
            "SELECT id, total FROM orders WHERE customer_id = 7 AND state = 'open'",
            "SELECT id, total FROM orders WHERE customer_id = 123456 AND state = 'it is closed'",
            "SELECT id, total FROM orders WHERE customer_id = 123456 AND state = ''",
            "SELECT id, total FROM orders WHERE customer_id = 0 AND state = '?'",
            "SELECT id, total FROM orders WHERE customer_id = 0 AND state = '%s -- /* $$ \" x'",
            "SELECT id, total FROM orders WHERE customer_id = 9 AND state = 'NULL'",
            "SELECT id, total FROM orders WHERE customer_id = 9 AND state = NULL",
        ],
        &["SELECT 1", "SELECT 2", "select 1", "SELECT 1 FROM dual", "SELECT 2 FROM dual"],
        &[
            "SELECT a FROM t WHERE b = - 5 AND c IN (1, 2, 3) LIMIT 10",
            "SELECT a FROM t WHERE b = - 6 AND c IN (1, 1, 1) LIMIT 20",
        ],
        &[
            "SELECT a FROM t WHERE b = 1 /* traceparent='00-0af7-b7ad-01' */",
            "SELECT a FROM t WHERE b = 2 /* traceparent='00-0bf8-c8be-00' */",
            "SELECT a FROM t WHERE b = 3 /* traceparent='*/ OR c = ' */",
        ],
        &[
            "SELECT $$ it 'x' $$ FROM t WHERE a_long_name = 1",
            "SELECT $$ it 'y' $$ FROM t WHERE a_long_name = 2",
            "SELECT $$ it '$$ z' $$ FROM t WHERE a_long_name = 3",
        ],
        &[
            "SELECT \"it 'x' is\" FROM t WHERE a_long_name = 1",
            "SELECT \"it '\" is 'z' is\" FROM t WHERE a_long_name = 1",
            "SELECT \"it 'y' is\" FROM t WHERE a_long_name = 1",
        ],
        &[
            "SELECT q'[x]' FROM t WHERE a_long_name = 1",
            "SELECT q'[y]' FROM t WHERE a_long_name = 1",
            "SELECT q'(y)' FROM t WHERE a_long_name = 1",
            "SELECT q'(y ' FROM t WHERE a_long_name = 1",
        ],
        &[
            "INSERT INTO lines (order_id, name) VALUES (1, 'a'), (2, 'b')",
            "INSERT INTO lines (order_id, name) VALUES (7, 'c d'), (8, '')",
        ],
        &[
            "SELECT sum(amount) AS \"of 5 days\", 'a' 'b' FROM payments WHERE day > 5",
            "SELECT sum(amount) AS \"of 7 days\", 'c' 'd' FROM payments WHERE day > 7",
        ],
        &["SET search_path TO acme, 'x'; SELECT 17 FROM t", "SET search_path TO acme, 'y'; SELECT 18 FROM t"],
        &["CREATE USER x IDENTIFIED BY 'secret'", "CREATE USER x IDENTIFIED BY 'other'"],
        &["COPY t FROM STDIN; 1 'a' 2", "COPY t FROM STDIN; 2 'b ' 3"],
        &["/*!50003 SELECT a FROM orders WHERE id = 5 */", "/*!50003 SELECT a FROM orders WHERE id = 6 */"],
        &[
            "SELECT a FROM orders WHERE j @> { 'a': 5 } AND id = 5",
            "SELECT a FROM orders WHERE j @> { 'b': 6 } AND id = 6",
            "SELECT a FROM orders WHERE j @> { '}': 6 } AND id = 6",
        ],
        &["EXEC find_orders 5, 'x y', @p = 7, plain", "EXEC find_orders 6, 'z', @p = 8, plain"],
    ];

    #[test]
    fn what_is_remembered_is_what_would_be_read() {
        let systems =
            ["postgresql", "mysql", "mssql", "oracle", "sqlite", "clickhouse", "bigquery", "db2", ""];
        for system in systems {
            let (mut statements, mut texts) = (Statements::default(), Texts::default());
            for group in GROUPS {
                // Each in every order of the others, several times.
                for (turn, _) in group.iter().enumerate().cycle().take(4 * group.len()) {
                    for at in 0..group.len() {
                        let text = group[(at + turn) % group.len()];
                        let (mut out, mut want) = (Template::default(), Template::default());
                        let (read, id) = statements.normalize(system, text, &mut texts, &mut out);
                        let dialect = Dialect::from_system(system);
                        let wanted = sql::normalize(dialect, text, &mut Statement::default(), &mut want);
                        assert_eq!((read, &out), (wanted, &want), "{system}: {text}");
                        assert!(id.is_none_or(|id| texts.get(id) == want.text), "{system}: {text}");
                    }
                }
            }
            let known: Vec<&str> =
                statements.places.iter().flatten().map(|known| known.text.as_str()).collect();
            for group in [0, 2, 7] {
                assert!(known.iter().any(|text| GROUPS[group].contains(text)), "{system}: {group} is known");
            }
            let sure = known.iter().all(|text| !text.contains("$$") && !text.starts_with("SELECT 1"));
            assert!(sure, "{system}: {known:?}");
        }
    }
}
