//! What is to be written to the journal next, and what must wait until it has been.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::row::{RowOutcome, Settlement};
use crate::journal::{Begun, Entries, History, Settled};

/// Lines for the journal: write them, and then say so with [`Passback::recorded`](super::Passback::recorded). The rows that
/// they are about go on only then.
#[must_use = "nothing of it goes on until it is recorded"]
#[derive(Debug)]
pub struct Batch {
    line: Vec<u8>,
    durable: bool,
    begun: Vec<u64>,
    settlements: Vec<(u64, Settlement)>,
}

impl Batch {
    /// The line to append; empty, where all is written and only to be made [durable](Self::durable).
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Whether it must survive a power cut before it counts as recorded. Where not, it has to survive the process.
    pub fn durable(&self) -> bool {
        self.durable
    }
}

#[derive(Debug)]
pub(super) struct Log {
    pub(super) history: History,
    next: Entries,
    /// To hand out when the outcomes in `next` are written, with the lanes of their users.
    settlements: Vec<(u64, Settlement)>,
    /// A batch is with the driver.
    pub(super) is_writing: bool,
    /// Something is written that may not survive a power cut.
    is_dirty: bool,
    /// Rows that are to be tried again by a later run, of each user of a line item: unless a later score of the user arrives.
    /// Numbers alone, some fifty bytes for each row that was given up.
    behind: BTreeMap<u64, Vec<(u64, u32)>>,
}

impl Log {
    pub(super) fn new(history: History) -> Self {
        Self {
            history,
            next: Entries::default(),
            settlements: Vec::new(),
            is_writing: false,
            is_dirty: false,
            behind: BTreeMap::new(),
        }
    }

    pub(super) fn begin(&mut self, row: u64, timestamp: Timestamp) {
        self.next.begun.push(Begun { row, timestamp });
    }

    pub(super) fn settle(&mut self, settlement: Settlement, lane: u64) {
        let Settlement { row, outcome, attempts, .. } = settlement;
        let settled = |row, outcome: RowOutcome, attempts| Settled {
            row,
            outcome: outcome.name().into(),
            attempts,
            reason: outcome.reason().map(|reason| reason.name().into()),
        };
        self.next.settled.push(settled(row, outcome, attempts));
        match outcome {
            RowOutcome::GaveUp(_) => {
                self.behind.entry(lane).or_default().push((row, attempts));
            }
            _ if outcome.is_held() && !self.behind.is_empty() => {
                // A platform that does not compare timestamps would let the earlier score win.
                let behind = self.behind.remove(&lane).unwrap_or_default();
                let superseded = |(row, attempts)| settled(row, RowOutcome::Superseded, attempts);
                self.next.settled.extend(behind.into_iter().map(superseded));
            }
            _ => {}
        }
        self.settlements.push((lane, settlement));
    }

    /// Outcomes that wait to be written and then handed out.
    pub(super) fn has_outcomes(&self) -> bool {
        !self.next.settled.is_empty()
    }

    pub(super) fn has_begun(&self) -> bool {
        !self.next.begun.is_empty()
    }

    /// How many rows wait to be handed out.
    pub(super) fn held(&self) -> usize {
        self.settlements.len()
    }

    /// What has happened since the last batch: the outcomes alone, unless rows are to `begin` too.
    pub(super) fn batch(&mut self, begin: bool) -> Batch {
        let kept = if begin { Vec::new() } else { std::mem::take(&mut self.next.begun) };
        let entries = std::mem::replace(&mut self.next, Entries { begun: kept, settled: Vec::new() });
        let durable = !entries.begun.is_empty() || entries.is_empty();
        self.is_writing = true;
        self.is_dirty = !durable;
        Batch {
            line: if entries.is_empty() { Vec::new() } else { entries.to_line() },
            durable,
            begun: entries.begun.iter().map(|begun| begun.row).collect(),
            settlements: std::mem::take(&mut self.settlements),
        }
    }

    /// Whether all is written, but not yet safe.
    pub(super) fn wants_sync(&self) -> bool {
        self.is_dirty && !self.is_writing
    }

    /// What a batch that has been written held back: the rows that may begin, and those that are settled, with their lanes.
    pub(super) fn recorded(&mut self, batch: Batch) -> (Vec<u64>, Vec<(u64, Settlement)>) {
        self.is_writing = false;
        (batch.begun, batch.settlements)
    }
}
