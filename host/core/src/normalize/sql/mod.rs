//! SQL text in, template out: what two executions of one statement have in common, without anything personal in it.
//!
//! A template is the statement with every literal and every placeholder written `?`, lists collapsed, comments gone and
//! white space and the case of keywords made uniform. Two spans whose templates are equal did the same thing; the
//! literals, in order, say whether they did it with the same values.
//!
//! What holds for every input, and is tested:
//! - total: no text makes it fail, and time and memory are linear in the length of the text;
//! - idempotent: the template of a template is itself;
//! - no literal survives, whatever its form, its dialect or the place where the text was cut.
//!
//! What collapses: items of `IN (...)`, `ANY (...)`, `ARRAY[...]` and of a row of `VALUES` that follow each other and
//! have one form; rows of one form; statements of one form that follow each other. Arguments of functions do not.
//! `NULL` and booleans count as literals, except `NOT NULL` in a definition. Aliases given with `AS` are left out: they
//! say nothing about what is asked, and tools that generate SQL number them.
//! The unit of `EXTRACT(unit FROM x)` is hidden as well, since some drivers send it as a parameter.
//!
//! It is a lexer with a memory of a few tokens, not a parser: `lexer` cuts, `template` writes, `keywords` and `dialect`
//! are tables.

mod dialect;
mod hint;
mod keywords;
mod lexer;
mod slots;
mod template;

#[cfg(test)]
mod tests;

pub use dialect::Dialect;
pub use hint::Hint;
pub(crate) use slots::{Slot, Slots, same_around};

/// How much of a statement is read by [`normalize`], in bytes.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// What a statement does, by its leading verb. Where several statements are sent at once, the first that touches data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Verb {
    /// `SELECT`, `VALUES`, or a `FROM` that opens the statement.
    Select,
    /// `INSERT`, `REPLACE`, `UPSERT`, `LOAD DATA`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
    /// `MERGE`.
    Merge,
    /// `CALL`, `EXEC`, `EXECUTE`.
    Call,
    /// `BEGIN`, `START TRANSACTION`, `COMMIT`, `ROLLBACK`, `SAVEPOINT`, `RELEASE`, `END`.
    Transaction,
    /// What changes or shows the session: `SET`, `USE`, `SHOW`, `PRAGMA`, `RESET`, `select set_config(...)`.
    Session,
    /// What defines: `CREATE`, `ALTER`, `DROP`, `TRUNCATE`, `GRANT` and the like.
    Ddl,
    /// Anything else, such as `EXPLAIN`, `COPY`, `LOCK`, or no SQL at all.
    #[default]
    Other,
}

/// What a recorded name in the template is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Verb,
    /// The word for a kind of object, `TABLE` in `CREATE TABLE`.
    Kind,
    Object,
    Table,
    /// A name given by `WITH`.
    Cte,
}

/// A name in the template, by the place of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Name {
    start: u32,
    end: u32,
    part: Part,
}

/// A normalized statement. Reusable: [`Statement::normalize_into`] clears it and keeps its memory.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    /// The text that all executions share.
    pub template: String,
    /// What the statement does.
    pub verb: Verb,
    /// Whether it may change data or take locks that keep others from it: `INSERT`, `UPDATE`, `DELETE`, `MERGE` (also
    /// within `WITH`), definitions, `SELECT ... FOR UPDATE`, `SELECT ... INTO`, and `CALL`, of which nothing is known.
    pub writes: bool,
    /// Placeholders in the text, counted before lists collapse. Their values are not in the text.
    pub placeholders: u32,
    /// The text was cut: by the limit, by an agent that left a mark (`...`), or inside a literal, a name or a comment.
    pub truncated: bool,
    /// What a comment in the form of sqlcommenter or marginalia says about the code that sent the statement.
    pub hint: Option<Hint>,
    /// Rows in `VALUES`, or statements separated by `;`, whichever is more; at least 1.
    pub batch: u32,
    literals: String,
    literal_ends: Vec<u32>,
    names: Vec<Name>,
    frames: Vec<template::Frame>,
    signs: String,
}

/// Normalizes `text`, of which at most [`DEFAULT_LIMIT`] bytes are read.
///
/// ```
/// use tracewatt_core::normalize::sql::{Dialect, Verb, normalize};
///
/// let statement = normalize(Dialect::PostgreSql, "select * from orders where id in (7, 8) -- hot");
/// assert_eq!(statement.template, "SELECT * FROM orders WHERE id IN (?)");
/// assert_eq!(statement.params().collect::<Vec<_>>(), ["7", "8"]);
/// assert_eq!(statement.verb, Verb::Select);
/// ```
pub fn normalize(dialect: Dialect, text: &str) -> Statement {
    let mut statement = Statement::default();
    statement.normalize_into(dialect, text, DEFAULT_LIMIT);
    statement
}

impl Statement {
    /// Normalizes `text` into `self`, of which at most `limit_bytes` are read; nothing of what `self` held stays.
    ///
    /// Linear in the bytes read; allocates only while its buffers grow.
    pub fn normalize_into(&mut self, dialect: Dialect, text: &str, limit_bytes: usize) {
        self.template.clear();
        self.literals.clear();
        self.literal_ends.clear();
        self.names.clear();
        self.frames.clear();
        self.signs.clear();
        self.verb = Verb::Other;
        self.writes = false;
        self.placeholders = 0;
        self.hint = None;
        self.batch = 1;
        let (text, truncated) = cut(text, limit_bytes.min(u32::MAX as usize / 2));
        self.truncated = truncated;
        template::write(dialect.syntax(), text, self);
    }

    /// Returns the literals in the order of the text, unescaped, with their sign: `-5`, `it's`, `NULL`.
    pub fn params(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut start = 0;
        self.literal_ends.iter().map(move |&end| {
            let from = std::mem::replace(&mut start, end as usize);
            self.literals.get(from..end as usize).unwrap_or("")
        })
    }

    /// Returns the tables named in `FROM`, `JOIN`, `INTO`, `UPDATE` and the like, in the order of the template, without
    /// the names that `WITH` gives. A name that appears twice is returned twice.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.names
            .iter()
            .filter(|name| name.part == Part::Table)
            .map(|name| self.spelled(name))
            .filter(|table| !self.is_cte(table))
    }

    fn spelled(&self, name: &Name) -> &str {
        self.template.get(name.start as usize..name.end as usize).unwrap_or("")
    }

    /// Looks among the first names only, so that a hostile text costs no more than its length.
    fn is_cte(&self, table: &str) -> bool {
        self.names
            .iter()
            .filter(|name| name.part == Part::Cte)
            .take(32)
            .any(|name| self.spelled(name).eq_ignore_ascii_case(table))
    }
}

/// Returns what OpenTelemetry calls `db.query.summary`: verbs and the names they act on, in order, with no more than 255
/// bytes. Empty where nothing was recognized.
///
/// ```
/// use tracewatt_core::normalize::sql::{Dialect, normalize, summary};
///
/// let statement = normalize(Dialect::Generic, "insert into orders select * from carts where id = 3");
/// assert_eq!(summary(&statement), "INSERT orders SELECT carts");
/// ```
pub fn summary(statement: &Statement) -> String {
    const LONGEST: usize = 255;
    let mut out = String::new();
    for name in &statement.names {
        let word = statement.spelled(name);
        let hidden = match name.part {
            Part::Cte => true,
            Part::Table => statement.is_cte(word),
            _ => word == "?" || word == "[?]",
        };
        if hidden {
            continue;
        }
        if out.len() + word.len() + 1 > LONGEST {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Cuts `text` at `limit` bytes and takes the mark off that an agent left where it cut.
fn cut(text: &str, limit: usize) -> (&str, bool) {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = &text[..end];
    let bare = kept.trim_end_matches(|c: char| matches!(c, '.' | '\u{2026}') || c.is_whitespace());
    let mark = &kept[bare.len()..];
    let marked = mark.contains("..") || mark.contains('\u{2026}');
    (if marked { bare } else { kept }, marked || end < text.len())
}
