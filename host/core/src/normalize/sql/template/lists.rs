//! Commas and brackets: what is in them, and which items and rows repeat the one before.

use super::*;

impl Writer<'_, '_> {
    pub(super) fn comma(&mut self) {
        self.close_item();
        self.out.template.push(',');
        let len = self.out.template.len() as u32;
        let (mut from, mut cte) = (false, false);
        let base = self.out.frames.len() == 1;
        if let Some(frame) = self.frame_mut() {
            frame.item = len;
            frame.between_rows = frame.row.is_some();
            from = frame.from;
            cte = base && frame.holds == Holds::Statement;
        }
        self.after(Prev::Comma, false);
        self.expect = match (from, cte && self.cte && self.fresh) {
            (true, _) => Expect::Table,
            (_, true) => Expect::Cte,
            _ => Expect::Nothing,
        };
    }

    /// Drops the item just written where it repeats the one before.
    fn close_item(&mut self) {
        let end = self.out.template.len();
        let Some(frame) = self.frame_mut() else { return };
        if !frame.collapses() {
            return;
        }
        let (begin, kept) = (frame.item as usize, frame.kept);
        let bytes = self.out.template.as_bytes();
        let written = trimmed(&bytes[begin..end]);
        let repeats = |(from, to): (u32, u32)| trimmed(&bytes[from as usize..to as usize]) == written;
        match kept {
            None if written.is_empty() => {}
            Some((from, to)) if written.is_empty() || repeats((from, to)) => self.truncate(to as usize),
            _ => {
                if let Some(frame) = self.frame_mut() {
                    frame.kept = Some((begin as u32, end as u32));
                    frame.first = frame.first.or(Some(end as u32));
                }
            }
        }
    }

    pub(super) fn open(&mut self) {
        let parent = self.frame();
        let item = matches!(self.prev, Prev::Open | Prev::Comma);
        let holds = match self.prev {
            Prev::Keyword(Kw::VALUES) => Holds::Row,
            Prev::Keyword(Kw::EXTRACT) => Holds::Extract,
            Prev::Keyword(word) if word.is(kw::LIST) => Holds::List,
            Prev::Keyword(word) if word.is(kw::CASTS) => Holds::Cast,
            Prev::Comma if parent.between_rows => Holds::Row,
            _ if item && matches!(parent.holds, Holds::List | Holds::Row | Holds::Tuple) => Holds::Tuple,
            _ => Holds::Anything,
        };
        let tight = match self.prev {
            Prev::Word | Prev::SquareClose => true,
            Prev::Keyword(word) => word.is(kw::CALLED),
            _ => false,
        };
        if !tight {
            self.space(false);
        }
        if holds != Holds::Row {
            self.forget_rows();
        }
        let open = self.out.template.len();
        self.out.template.push('(');
        self.push_frame(holds, open);
        self.after(Prev::Open, false);
        let named = self.expect;
        self.expect = if named == Expect::Table { named } else { Expect::Nothing };
    }

    pub(super) fn square_open(&mut self) {
        let subscript = self.operand || self.prev == Prev::Dot;
        if !subscript && self.prev != Prev::Keyword(Kw::ARRAY) {
            self.space(false);
        }
        let open = self.out.template.len();
        self.out.template.push('[');
        self.push_frame(if subscript { Holds::Subscript } else { Holds::Array }, open);
        self.after(Prev::SquareOpen, false);
        self.expect = Expect::Nothing;
    }

    fn push_frame(&mut self, holds: Holds, open: usize) {
        if self.out.frames.len() >= DEEPEST || self.deeper > 0 {
            self.deeper += 1;
        } else {
            self.out.frames.push(Frame::new(holds, open, open + 1));
        }
    }

    pub(super) fn close(&mut self, byte: u8, prev: Prev) {
        self.close_item();
        if byte == b']' && self.syntax.bracket == Bracket::Name && self.out.template.ends_with(']') {
            // `]]` would be one bracket within a name.
            self.out.template.push(' ');
        }
        self.out.template.push(byte as char);
        self.after(prev, true);
        self.expect = Expect::Nothing;
        self.naming = false;
        self.mask = Mask::None;
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        if self.out.frames.len() == 1 {
            return;
        }
        let Some(frame) = self.out.frames.pop() else { return };
        self.out.batch = self.out.batch.max(frame.rows);
        if frame.holds == Holds::Row {
            self.close_row(frame.open);
        }
    }

    /// Drops the row just written where it repeats the one before.
    fn close_row(&mut self, open: u32) {
        let end = self.out.template.len();
        let row = (open, end as u32);
        let Some(parent) = self.out.frames.last_mut() else { return };
        parent.between_rows = false;
        parent.rows += 1;
        let bytes = self.out.template.as_bytes();
        match parent.row {
            Some((from, to)) if bytes[from as usize..to as usize] == bytes[open as usize..end] => {
                self.truncate(to as usize);
            }
            _ => parent.row = Some(row),
        }
    }

    /// Ends the list of rows, if one was open.
    pub(super) fn forget_rows(&mut self) {
        let Some(frame) = self.frame_mut() else { return };
        frame.row = None;
        frame.between_rows = false;
    }

    pub(super) fn count_rows(&mut self) {
        let rows = self.frame().rows;
        self.out.batch = self.out.batch.max(rows);
    }

    /// Keeps but the first item of a list that does not end, and drops a row that does not: where a text is cut depends
    /// on the length of the literals before, and must not show.
    pub(super) fn close_open_lists(&mut self) {
        self.deeper = 0;
        while let Some(frame) = self.out.frames.pop() {
            if let Some(end) = frame.first {
                self.truncate(end as usize);
            }
            let row = match frame.holds {
                Holds::Row => self.out.frames.last().and_then(|parent| parent.row),
                _ if frame.between_rows => frame.row,
                _ => None,
            };
            if let Some((_, end)) = row {
                self.truncate(end as usize);
            }
            if frame.rows > 0 {
                self.out.batch = self.out.batch.max(frame.rows);
            }
        }
        self.out.frames.push(Frame::new(Holds::Statement, 0, 0));
    }
}
