//! What a run knows of each line item: whether it takes scores at all, and what it holds.

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use crate::{Endpoint, Error, ErrorKind, ServiceUrl};

/// So many users in a row, and none taken: what they fail with is not about them.
const ALL_ALIKE: usize = 50;

/// The same where the platform finds nothing, and cannot be asked whether the line item is still there.
const ALL_GONE: usize = 5;

#[derive(Debug)]
pub(super) struct Item {
    pub(super) url: ServiceUrl,
    pub(super) gate: Gate,
    pub(super) holds: Holds,
    /// Rows that wait until the gate or what the item holds is known.
    pub(super) parked: Vec<u64>,
    /// Rows for which the platform found nothing, while it is asked whether the line item is there.
    pub(super) missing: Vec<(u64, Error)>,
    /// The line item was looked for: whether that told anything.
    pub(super) looked: bool,
    pub(super) is_there: bool,
    accepted: bool,
    streak: Streak,
}

/// Whether scores are sent to it.
#[derive(Debug)]
pub(super) enum Gate {
    Open,
    /// The platform is being asked whether it is there.
    Looking,
    Shut(Error),
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

impl Item {
    fn new(url: ServiceUrl, gate: Gate) -> Self {
        Self {
            url,
            gate,
            holds: Holds::Unread,
            parked: Vec::new(),
            missing: Vec::new(),
            looked: false,
            is_there: false,
            accepted: false,
            streak: Streak::default(),
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

    pub(super) fn accept(&mut self) {
        self.accepted = true;
        self.streak = Streak::default();
    }

    /// Takes note of a refusal, and tells whether so many users were refused alike that it is not about them.
    pub(super) fn refuse(&mut self, kind: ErrorKind, lane: u64) -> bool {
        if self.streak.kind != Some(kind.name()) {
            self.streak = Streak { kind: Some(kind.name()), lanes: BTreeSet::new() };
        }
        self.streak.lanes.insert(lane);
        let gone = kind == ErrorKind::NotFound && !self.is_there;
        let most = if gone { ALL_GONE } else { ALL_ALIKE };
        self.streak.lanes.len() >= most && (gone || !self.accepted)
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

    pub(super) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.list.iter()
    }
}
