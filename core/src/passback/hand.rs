//! A row in hand: taken up, and not settled yet.

use jiff::Timestamp;

use super::known::Effect;
use super::row::{RowOutcome, Settlement};
use crate::{Error, Score};

/// A row that is not settled.
#[derive(Debug)]
pub(super) struct InHand {
    pub(super) item: usize,
    pub(super) lane: u64,
    pub(super) user_id: String,
    /// Until it is sent.
    pub(super) score: Option<Score>,
    pub(super) effect: Effect,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) attempts: u32,
    /// How many calls had been begun when its own was.
    pub(super) begun: u64,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// What the line item holds is not known.
    Parked,
    /// Its timestamp is not recorded.
    Unrecorded,
    Ready,
    OnItsWay,
    /// It was refused, and it is not clear yet what for.
    HeldBack,
}

impl InHand {
    /// In a box, since it moves through maps.
    pub(super) fn new(item: usize, lane: u64, score: Score) -> Box<Self> {
        Box::new(Self {
            item,
            lane,
            user_id: score.user_id().to_owned(),
            effect: Effect::of(&score),
            timestamp: score.timestamp(),
            score: Some(score),
            attempts: 0,
            begun: 0,
            stage: Stage::Parked,
        })
    }

    pub(super) fn settlement(
        self: Box<Self>,
        row: u64,
        outcome: RowOutcome,
        error: Option<Error>,
        replayed: bool,
    ) -> Settlement {
        let Self { user_id, attempts, timestamp, .. } = *self;
        Settlement { row, user_id, outcome, attempts, timestamp, replayed, error }
    }
}
