//! The words that mean something to the normalizer, found by hash, without regard to case.
//!
//! The list is not SQL's: it holds the words after which a value or a name is expected, the words that open a
//! statement, and those that would otherwise be taken for an alias. Every other word is an identifier.

/// What a keyword does to the words after it; see the constants.
pub(super) type Flags = u16;

/// Stands for a value: what follows is an operator, not an operand.
pub(super) const VALUE: Flags = 1;
/// Never an alias when it follows `AS`.
pub(super) const STOP: Flags = 1 << 1;
/// Written like a function: no space before its parenthesis.
pub(super) const CALLED: Flags = 1 << 2;
/// Known, but so often a column's name that its case is left alone and it counts as an identifier.
pub(super) const SOFT: Flags = 1 << 3;
/// A table's name follows.
pub(super) const NAME: Flags = 1 << 4;
/// Ends the list of tables of `FROM`.
pub(super) const TAIL: Flags = 1 << 5;
/// A literal written as a word.
pub(super) const LITERAL: Flags = 1 << 6;
/// Opens a statement.
pub(super) const VERB: Flags = 1 << 7;
/// May stand between a keyword and the name it announces.
pub(super) const PASS: Flags = 1 << 8;
/// A value follows, so that `"x"` is a string where dialects differ.
pub(super) const BEFORE_VALUE: Flags = 1 << 9;
/// A parenthesis after it holds a list that collapses.
pub(super) const LIST: Flags = 1 << 10;
/// A kind of object, as in `CREATE <object> name`.
pub(super) const OBJECT: Flags = 1 << 11;
/// What stands in its parentheses has the form `x AS type`.
pub(super) const CASTS: Flags = 1 << 12;

macro_rules! keywords {
    ($($name:ident $flags:expr;)*) => {
        /// A known word.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(super) enum Kw { NONE, $($name),* }

        const NAMES: &[&str] = &["", $(stringify!($name)),*];
        const FLAGS: &[Flags] = &[0, $($flags),*];
        const ALL: &[Kw] = &[Kw::NONE, $(Kw::$name),*];
    };
}

keywords! {
    ADD 0; ALL LIST; ALTER STOP | VERB; ANALYZE STOP; AND 0; ANY LIST; APPLY NAME; ARRAY 0; AS 0;
    ASC VALUE; BACKUP SOFT | VERB; BEGIN STOP | VERB; BETWEEN BEFORE_VALUE; BY 0; CALL STOP | VERB;
    CASCADE VALUE; CASE 0; CAST CALLED | CASTS; CHECK 0; COALESCE CALLED; COLLATE 0; COLUMN 0; COMMENT SOFT | VERB;
    COMMIT STOP | VERB; CONFLICT 0; CONSTRAINT 0; COPY SOFT | VERB; CREATE STOP | VERB; CROSS 0; CURRENT 0;
    CURRENT_DATE VALUE; CURRENT_TIME VALUE; CURRENT_TIMESTAMP VALUE; CURSOR 0; DATABASE OBJECT;
    DEALLOCATE VERB; DECLARE STOP | VERB; DEFAULT VALUE; DELETE STOP | VERB; DESC VALUE; DESCRIBE VERB;
    DISCARD SOFT | VERB; DISTINCT 0; DIV 0; DO STOP | VERB; DROP STOP | VERB; DUPLICATE 0; ELSE BEFORE_VALUE;
    ENCRYPTED SOFT; ENCRYPTION SOFT; END VALUE; ESCAPE BEFORE_VALUE; EXCEPT TAIL; EXEC STOP | VERB;
    EXECUTE STOP | VERB; EXISTS PASS; EXPLAIN STOP | VERB; EXPORT SOFT | VERB; EXTRACT CALLED; FALSE LITERAL;
    FETCH TAIL; FILTER 0; FIRST 0; FOLLOWING VALUE; FOR TAIL; FOREIGN 0; FROM STOP | NAME; FULL 0;
    FUNCTION OBJECT; GO VALUE | STOP; GRANT STOP | VERB; GROUP TAIL; HAVING TAIL; IDENTIFIED SOFT; IF STOP | PASS; IGNORE PASS;
    ILIKE BEFORE_VALUE; IMPORT SOFT | VERB; IN LIST | BEFORE_VALUE; INCREMENT 0; INDEX OBJECT; INNER 0;
    INSERT STOP | VERB; INTERSECT TAIL; INTERVAL 0; INTO NAME; IS BEFORE_VALUE; JOIN NAME; KEY VALUE; KILL SOFT | VERB;
    LAST 0; LATERAL PASS; LEFT CALLED; LIKE BEFORE_VALUE; LIMIT TAIL; LOAD SOFT | VERB; LOCK VERB; LOCKED VALUE;
    LOGIN SOFT | OBJECT; LOOP 0; MATCHED VALUE; MATERIALIZED STOP; MAXVALUE 0; MERGE STOP | VERB; MINUS TAIL;
    MINVALUE 0; NATURAL 0; NEXT 0; NOT STOP | PASS; NOTHING VALUE; NOWAIT VALUE; NULL LITERAL; NULLIF CALLED;
    NULLS 0; OF STOP; OFFSET TAIL; ON 0; ONLY PASS; OR 0; ORDER TAIL; OUTER 0; OUTPUT TAIL; OVER 0;
    OVERWRITE PASS; PARTITION 0; PASSWORD SOFT; PERCENT VALUE; PIVOT 0; PRAGMA VERB; PRECEDING VALUE; PREPARE SOFT | VERB;
    PRIMARY 0; PRINT STOP; PROCEDURE OBJECT; RANGE 0; RECURSIVE 0; REFERENCES 0; REGEXP BEFORE_VALUE;
    REINDEX VERB; RELEASE SOFT | VERB; RENAME VERB; REPLACE CALLED | VERB; RESET SOFT | VERB; RESTART 0; RESTORE SOFT | VERB;
    RESTRICT VALUE; RETURN STOP; RETURNING TAIL; RETURNS 0; REVOKE STOP | VERB; RIGHT CALLED; RLIKE BEFORE_VALUE;
    ROLE SOFT | OBJECT; ROLLBACK STOP | VERB; ROW STOP; ROWNUM STOP | VALUE; ROWS VALUE; SAFE_CAST CALLED | CASTS;
    SAVEPOINT STOP | VERB; SCHEMA OBJECT; SELECT STOP | VERB; SEQUENCE OBJECT; SET STOP | VERB | TAIL;
    SET_CONFIG SOFT; SHARE 0; SHOW SOFT | VERB; SIMILAR 0; SKIP 0; SOME LIST; START SOFT | VERB; TABLE STOP | OBJECT;
    TABLES SOFT | OBJECT; TABLESAMPLE 0; TEMP 0; TEMPORARY 0; THEN BEFORE_VALUE; TO 0; TOP 0; TRANSACTION VALUE;
    TREAT CALLED | CASTS; TRIGGER OBJECT; TRUE LITERAL; TRUNCATE STOP | VERB; TRY_CAST CALLED | CASTS; UNBOUNDED VALUE;
    UNION TAIL; UNIQUE 0; UNPIVOT 0; UPDATE STOP | VERB; UPSERT STOP | VERB; USE VERB; USER SOFT | OBJECT; USING 0;
    VACUUM VERB; VALUES STOP | VERB | TAIL; VIEW OBJECT; WHEN BEFORE_VALUE; WHERE TAIL; WHILE STOP; WINDOW TAIL;
    WITH STOP | VERB; WITHIN 0; XMLSERIALIZE CALLED | CASTS; XOR 0;
}

impl Kw {
    /// The flags of this word; none for `Kw::NONE`.
    #[inline]
    pub(super) fn flags(self) -> Flags {
        FLAGS[self as usize]
    }

    /// Whether one of `flags` is set.
    #[inline]
    pub(super) fn is(self, flags: Flags) -> bool {
        self.flags() & flags != 0
    }

    /// The word in capitals; empty for `Kw::NONE`.
    #[inline]
    pub(super) fn text(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// Longest keyword, in bytes.
const LONGEST: usize = 17;
/// Slots of the hash table: a power of two, four times as many as words so that chains stay short.
const SLOTS: usize = 1024;

/// Hashes length, first eight bytes and last byte, with the case bit of every byte cleared.
#[inline]
const fn slot(head: u64, last: u8, len: usize) -> usize {
    let mixed = (head & 0xDFDF_DFDF_DFDF_DFDF) ^ ((len as u64) << 59) ^ (((last & 0xDF) as u64) << 13);
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize
}

const fn head_of(bytes: &[u8]) -> u64 {
    let mut head = 0u64;
    let mut i = 0;
    while i < bytes.len() && i < 8 {
        head |= (bytes[i] as u64) << (8 * i);
        i += 1;
    }
    head
}

static TABLE: [u8; SLOTS] = {
    let mut table = [0u8; SLOTS];
    let mut i = 1;
    while i < NAMES.len() {
        let name = NAMES[i].as_bytes();
        let mut at = slot(head_of(name), name[name.len() - 1], name.len());
        while table[at] != 0 {
            at = (at + 1) % SLOTS;
        }
        table[at] = i as u8;
        i += 1;
    }
    table
};

/// Returns the keyword that `word` spells in any case, or `Kw::NONE`.
#[inline]
pub(super) fn lookup(word: &[u8]) -> Kw {
    let len = word.len();
    if !(2..=LONGEST).contains(&len) {
        return Kw::NONE;
    }
    let head = match word.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => head_of(word),
    };
    let mut at = slot(head, word[len - 1], len);
    loop {
        let index = TABLE[at] as usize;
        if index == 0 {
            return Kw::NONE;
        }
        if NAMES[index].as_bytes().eq_ignore_ascii_case(word) {
            return ALL[index];
        }
        at = (at + 1) % SLOTS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_word_in_any_case() {
        assert!(NAMES.len() < 256, "the table holds indices in one byte");
        for (index, name) in NAMES.iter().enumerate().skip(1) {
            assert!(name.len() <= LONGEST, "{name} is longer than LONGEST");
            assert_eq!(lookup(name.as_bytes()), ALL[index]);
            assert_eq!(lookup(name.to_lowercase().as_bytes()), ALL[index]);
        }
        assert_eq!(lookup(b"customer"), Kw::NONE);
        assert_eq!(lookup(b"s"), Kw::NONE);
        assert_eq!(lookup(b"[ELECT"), Kw::NONE);
    }
}
