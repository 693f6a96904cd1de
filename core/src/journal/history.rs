//! What a journal tells of each row, in a few bytes.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::line::{Begun, Settled};
use crate::passback::{Reason, RowOutcome};
use crate::{ErrorKind, ServiceUrl};

/// How far beyond the last row that was told of another may be: more than a run ever has in hand.
const GAP: usize = 1 << 20;

/// What earlier runs have recorded, of each row of the input: 16 bytes a row. A [`JournalReader`](crate::JournalReader) makes
/// it, also of nothing; the default is of no line item, and no row is sent with it.
#[derive(Clone, Debug, Default)]
pub struct History {
    line_items: BTreeSet<String>,
    rows: Vec<Compact>,
}

/// What is known of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Past {
    /// It may have been sent with this one.
    pub(crate) timestamp: Option<Timestamp>,
    /// With how many requests it came to what.
    pub(crate) settled: Option<(RowOutcome, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Compact {
    seconds: i64,
    nanoseconds: i32,
    attempts: u16,
    outcome: Code,
    kind: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Code {
    Open,
    Sent,
    Unchanged,
    Superseded,
    Rejected,
}

/// Stands for no timestamp.
const NEVER: i32 = i32::MIN;

impl Compact {
    const NOTHING: Self = Self { seconds: 0, nanoseconds: NEVER, attempts: 0, outcome: Code::Open, kind: 0 };
}

impl History {
    /// How many rows are settled for good: sent, unchanged, superseded or rejected.
    pub fn settled(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome != Code::Open).count()
    }

    pub(super) fn new(line_items: BTreeSet<String>) -> Self {
        Self { line_items, rows: Vec::new() }
    }

    /// Whether it is of scores for this line item, among others perhaps.
    pub(crate) fn is_of(&self, line_item: &ServiceUrl) -> bool {
        self.line_items.contains(line_item.as_str())
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn of(&self, row: u64) -> Past {
        let index = usize::try_from(row).ok().and_then(|row| row.checked_sub(1));
        let Some(row) = index.and_then(|index| self.rows.get(index)) else { return Past::default() };
        let outcome = match row.outcome {
            Code::Open => None,
            Code::Sent => Some(RowOutcome::Sent),
            Code::Unchanged => Some(RowOutcome::Unchanged),
            Code::Superseded => Some(RowOutcome::Superseded),
            Code::Rejected => {
                let kind = ErrorKind::ALL.get(usize::from(row.kind)).copied().unwrap_or(ErrorKind::Refused);
                Some(RowOutcome::Rejected(Reason::Failed(kind)))
            }
        };
        Past {
            timestamp: (row.nanoseconds != NEVER)
                .then(|| Timestamp::new(row.seconds, row.nanoseconds).ok())
                .flatten(),
            settled: outcome.map(|outcome| (outcome, u32::from(row.attempts))),
        }
    }

    /// `None` where no run writes that.
    pub(super) fn begin(&mut self, begun: &Begun) -> Option<()> {
        let row = self.at(begun.row)?;
        let (seconds, nanoseconds) = (begun.timestamp.as_second(), begun.timestamp.subsec_nanosecond());
        let is_new = row.nanoseconds == NEVER;
        if !is_new && (row.seconds, row.nanoseconds) != (seconds, nanoseconds) {
            return None;
        }
        (row.seconds, row.nanoseconds) = (seconds, nanoseconds);
        Some(())
    }

    /// `None` where no run writes that.
    pub(super) fn settle(&mut self, settled: &Settled) -> Option<()> {
        let row = self.at(settled.row)?;
        row.attempts = settled.attempts.try_into().unwrap_or(u16::MAX);
        row.outcome = match &*settled.outcome {
            "sent" => Code::Sent,
            "unchanged" => Code::Unchanged,
            "superseded" => Code::Superseded,
            "rejected" => Code::Rejected,
            // They are tried again.
            "skipped" | "gave_up" => Code::Open,
            _ => return None,
        };
        let reason = settled.reason.as_deref();
        let kind = ErrorKind::ALL.iter().position(|kind| Some(kind.name()) == reason);
        row.kind = kind.and_then(|kind| kind.try_into().ok()).unwrap_or(u8::MAX);
        Some(())
    }

    fn at(&mut self, row: u64) -> Option<&mut Compact> {
        let index = usize::try_from(row).ok()?.checked_sub(1)?;
        if index >= self.rows.len() {
            if index - self.rows.len() > GAP {
                return None;
            }
            self.rows.resize(index + 1, Compact::NOTHING);
        }
        self.rows.get_mut(index)
    }
}
