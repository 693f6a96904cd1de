//! What a run knows of each line item: whether it takes scores at all, and what it holds.

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use crate::{Endpoint, Error, ErrorKind, ServiceUrl};

/// So many users in a row, and none taken: what they fail with is not about them.
const ALL_ALIKE: usize = 50;

/// The same where it does not tell whether it is about them.
const ALL_UNCLEAR: usize = 5;

/// So many rows in a row whose retries were spent, and none taken in between: the platform is not there.
const OUT_OF_REACH: u32 = 20;

#[derive(Debug)]
pub(super) struct Item {
    pub(super) url: ServiceUrl,
    pub(super) gate: Gate,
    pub(super) holds: Holds,
    /// Rows that wait until the gate or what the item holds is known.
    pub(super) parked: Vec<u64>,
    /// Rows for which the platform found nothing, while it is asked whether the line item is there.
    pub(super) missing: Vec<(u64, Error)>,
    pub(super) presence: Presence,
    /// Rows whose refusal may be about the line item: fewer than are taken for all.
    held_back: Vec<HeldBack>,
    accepted: bool,
    streak: Streak,
    given_up: u32,
}

/// Whether scores are sent to it.
#[derive(Debug)]
pub(super) enum Gate {
    Open,
    /// The platform is being asked whether it is there.
    Looking,
    Shut(Error),
}

/// What the platform told of whether it is there, since a score was last taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Presence {
    Unasked,
    There,
    /// Not to be learned.
    Untold,
}

#[derive(Debug)]
pub(super) struct HeldBack {
    row: u64,
    error: Error,
    /// Those begun after this one tell what it is about.
    after: u64,
}

/// What it holds, as far as that matters.
#[derive(Debug)]
pub(super) enum Holds {
    Unread,
    Reading(Known),
    Read(Known),
}

#[derive(Debug, Default)]
struct Streak {
    kind: Option<&'static str>,
    lanes: BTreeSet<u64>,
}

impl Gate {
    /// Why it is shut, if it is.
    pub(super) fn shut(&self) -> Option<Error> {
        match self {
            Self::Shut(error) => Some(error.clone()),
            Self::Open | Self::Looking => None,
        }
    }
}

impl HeldBack {
    pub(super) fn found_nothing(&self) -> bool {
        self.error.kind() == ErrorKind::NotFound
    }
}

impl Item {
    fn new(url: ServiceUrl, gate: Gate) -> Self {
        Self {
            url,
            gate,
            holds: Holds::Unread,
            parked: Vec::new(),
            missing: Vec::new(),
            presence: Presence::Unasked,
            held_back: Vec::new(),
            accepted: false,
            streak: Streak::default(),
            given_up: 0,
        }
    }

    pub(super) fn is_shut(&self) -> bool {
        matches!(self.gate, Gate::Shut(_))
    }

    pub(super) fn known(&mut self) -> Option<&mut Known> {
        match &mut self.holds {
            Holds::Read(known) => Some(known),
            Holds::Unread | Holds::Reading(_) => None,
        }
    }

    /// A score has been taken, whose call was the `begun`th. Gives back the rows that had been refused by then: it was about
    /// them.
    pub(super) fn accept(&mut self, begun: u64) -> Vec<(u64, Error)> {
        self.accepted = true;
        self.streak = Streak::default();
        self.given_up = 0;
        self.presence = Presence::Unasked;
        self.let_go(|held| held.after < begun)
    }

    /// Holds a row back until it is clear what its refusal is about, and tells whether it now is: so many users in a row were
    /// refused that it is the line item.
    pub(super) fn hold_back(&mut self, row: u64, error: Error, after: u64) -> bool {
        self.held_back.push(HeldBack { row, error, after });
        self.held_back.len() >= ALL_UNCLEAR
    }

    /// Gives back rows that are held back.
    pub(super) fn let_go(&mut self, which: impl Fn(&HeldBack) -> bool) -> Vec<(u64, Error)> {
        self.held_back.extract_if(.., |held| which(held)).map(|held| (held.row, held.error)).collect()
    }

    /// Takes note of a row whose retries are spent, and tells whether so many were that there is no use in more.
    pub(super) fn give_up(&mut self) -> bool {
        self.given_up += 1;
        self.given_up >= OUT_OF_REACH
    }

    /// Takes note of a refusal, and tells whether so many users were refused alike that it is not about them.
    pub(super) fn refuse(&mut self, kind: ErrorKind, lane: u64) -> bool {
        if self.streak.kind != Some(kind.name()) {
            self.streak = Streak { kind: Some(kind.name()), lanes: BTreeSet::new() };
        }
        self.streak.lanes.insert(lane);
        self.streak.lanes.len() >= ALL_ALIKE && !self.accepted
    }
}

/// The line items of a run, in the order in which they turned up.
#[derive(Debug, Default)]
pub(super) struct Items {
    list: Vec<Item>,
    by_url: BTreeMap<String, usize>,
}

impl Items {
    /// The line item of a row; why there is none, where the endpoint has none of its own.
    pub(super) fn find(&mut self, named: Option<&ServiceUrl>, endpoint: &Endpoint) -> Result<usize, Error> {
        let url = match named {
            Some(url) => url,
            None => endpoint.line_item()?,
        };
        if let Some(index) = self.by_url.get(url.as_str()) {
            return Ok(*index);
        }
        let index = self.list.len();
        self.by_url.insert(url.as_str().to_owned(), index);
        self.list.push(Item::new(url.clone(), Gate::Open));
        Ok(index)
    }

    pub(super) fn get(&mut self, index: usize) -> Option<&mut Item> {
        self.list.get_mut(index)
    }

    /// All rows that are held back.
    pub(super) fn let_go(&mut self) -> Vec<(u64, Error)> {
        self.list.iter_mut().flat_map(|item| item.let_go(|_| true)).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.list.iter()
    }
}
