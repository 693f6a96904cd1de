//! One score of many, and what became of it.

use jiff::Timestamp;

use crate::{Error, ErrorKind, Score, ServiceUrl};

/// A score and the line item that it goes to: the endpoint's own, unless another is named.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub(super) score: Score,
    pub(super) line_item: Option<ServiceUrl>,
}

impl Row {
    /// A score for the endpoint's own line item.
    pub fn new(score: Score) -> Self {
        Self { score, line_item: None }
    }

    /// The same score for this line item.
    #[must_use]
    pub fn at(mut self, line_item: ServiceUrl) -> Self {
        self.line_item = Some(line_item);
        self
    }

    /// The score.
    pub fn score(&self) -> &Score {
        &self.score
    }
}

impl From<Score> for Row {
    fn from(score: Score) -> Self {
        Self::new(score)
    }
}

/// What became of a row. `Debug` shows no comment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settlement {
    /// Its number in the input, from 1 on.
    pub row: u64,
    /// Whose score it is.
    pub user_id: String,
    /// What became of it.
    pub outcome: RowOutcome,
    /// How many requests it took, token requests apart; where it was settled by an earlier run, in that one.
    pub attempts: u32,
    /// The timestamp that it was sent with, or would have been.
    pub timestamp: Option<Timestamp>,
    /// An earlier run settled it, as the journal tells: nothing was sent now.
    pub replayed: bool,
    /// Why, in full, with the platform's own words. It is not recorded, and so `None` where an earlier run settled the row.
    pub error: Option<Error>,
}

/// What became of a row, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOutcome {
    /// The platform took the score.
    Sent,
    /// The platform holds an equal grade: nothing was sent.
    Unchanged,
    /// The platform says that it already holds this or a later score of the user.
    Superseded,
    /// Nothing was sent, or nothing that could be accepted, for a reason that is not the row's own. A run that goes on
    /// tries it again.
    Skipped(Reason),
    /// The platform refused it for good, or the score cannot be sent.
    Rejected(Reason),
    /// The retries are spent, or nobody knows what the answer meant. A run that goes on tries it again.
    GaveUp(Reason),
}

/// Why a row was not sent, or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It would have been sent, but this is a [dry run](super::Passback::dry_run).
    DryRun,
    /// Somebody else has graded: see [`keep_grades_of_others`](super::Passback::keep_grades_of_others).
    Overridden,
    /// It failed, or all would have.
    Failed(ErrorKind),
}

impl RowOutcome {
    /// In snake case, for logs and machine output; `gave_up`, for example.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::Skipped(_) => "skipped",
            Self::Rejected(_) => "rejected",
            Self::GaveUp(_) => "gave_up",
        }
    }

    /// Why the platform does not hold the score, where it does not.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Sent | Self::Unchanged | Self::Superseded => None,
            Self::Skipped(reason) | Self::Rejected(reason) | Self::GaveUp(reason) => Some(reason),
        }
    }

    /// Whether the platform holds this score, an equal or a later one.
    pub const fn is_held(self) -> bool {
        self.reason().is_none()
    }
}

impl Reason {
    /// In snake case: `dry_run`, `overridden`, or the name of the kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DryRun => "dry_run",
            Self::Overridden => "overridden",
            Self::Failed(kind) => kind.name(),
        }
    }
}

/// How a passback went, so far or in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Rows that are settled.
    pub rows: u64,
    /// Rows that the platform took.
    pub sent: u64,
    /// Rows that it held already.
    pub unchanged: u64,
    /// Rows of which it held a later score, or which had arrived before.
    pub superseded: u64,
    /// Rows that were not tried.
    pub skipped: u64,
    /// Rows that were refused.
    pub rejected: u64,
    /// Rows whose retries were spent.
    pub gave_up: u64,
    /// Requests to services, retries included.
    pub requests: u64,
    /// Requests for tokens.
    pub token_requests: u64,
}

impl Summary {
    pub(super) fn count(&mut self, outcome: RowOutcome) {
        self.rows += 1;
        *match outcome {
            RowOutcome::Sent => &mut self.sent,
            RowOutcome::Unchanged => &mut self.unchanged,
            RowOutcome::Superseded => &mut self.superseded,
            RowOutcome::Skipped(_) => &mut self.skipped,
            RowOutcome::Rejected(_) => &mut self.rejected,
            RowOutcome::GaveUp(_) => &mut self.gave_up,
        } += 1;
    }

    /// Whether the platform holds every row's score, an equal or a later one.
    pub const fn all_held(&self) -> bool {
        self.skipped == 0 && self.rejected == 0 && self.gave_up == 0
    }
}
