//! Many scores, settled one by one in an ordinary `for` loop; some threads carry their requests.

use std::fmt;
use std::io;
use std::iter::FusedIterator;

use lti_ags::{Halt, Journal, JournalError, Passback, Row, Settlement, Stopper, Summary, Turn};

use crate::Client;
use crate::client::{self, Carried, now};
use crate::crew::Crew;

/// What became of each row, as it is settled. It ends when all are, when it was stopped, or when the journal cannot be
/// written to.
///
/// Dropping it drops what was not begun, and waits for the requests that are under way, but not for what became of them. With
/// a journal, another run goes on.
pub struct Settlements<'a, I> {
    client: &'a Client,
    passback: Passback,
    rows: I,
    journal: Option<Box<dyn Journal + 'a>>,
    crew: Crew,
    is_over: bool,
}

impl Client {
    /// Passes many scores back, several at the same time, those of one user in their order: the loop over what is given here
    /// makes it go. Rows are taken from the iterator as they are needed, on the calling thread.
    ///
    /// ```no_run
    /// # use lti_ags_ureq::{Client, Endpoint, Passback, Score};
    /// # fn example(client: &Client, endpoint: &Endpoint, scores: Vec<Score>) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut settlements = client.pass_back(Passback::new(endpoint).concurrency(16), scores);
    /// for settlement in &mut settlements {
    ///     let settlement = settlement?;
    ///     println!("{}: {}", settlement.user_id, settlement.outcome.name());
    /// }
    /// println!("{} sent", settlements.summary().sent);
    /// # Ok(())
    /// # }
    /// ```
    pub fn pass_back<I>(&self, passback: Passback, rows: I) -> Settlements<'_, I::IntoIter>
    where
        I: IntoIterator<Item: Into<Row>>,
    {
        Settlements {
            client: self,
            passback,
            rows: rows.into_iter(),
            journal: None,
            crew: Crew::new(self.clone()),
            is_over: false,
        }
    }
}

impl<'a, I> Settlements<'a, I> {
    /// Records the run in a journal, and goes on where the run that wrote it stood.
    ///
    /// ```no_run
    /// # use lti_ags_ureq::{Client, Endpoint, JournalFile, JournalHeader, Passback, Score};
    /// # fn example(client: &Client, endpoint: &Endpoint, scores: Vec<Score>) -> Result<(), Box<dyn std::error::Error>> {
    /// let header = JournalHeader::new("sha256:9f86d0…", [endpoint.line_item()?]);
    /// let journal = JournalFile::open("lab-3.journal", header)?;
    /// for settlement in client.pass_back(Passback::new(endpoint), scores).journal(journal) {
    ///     println!("{}", settlement?.outcome.name());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn journal(mut self, mut journal: impl Journal + 'a) -> Self {
        self.passback = self.passback.journaled(journal.history());
        self.journal = Some(Box::new(journal));
        self
    }

    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        self.passback.stopper()
    }

    /// How it went so far.
    pub fn summary(&self) -> Summary {
        self.passback.summary()
    }

    /// How many calls are under way, and how many of these wait for a token or for the platform.
    pub fn calls(&self) -> (usize, usize) {
        self.passback.calls()
    }

    /// Why nothing more is sent, where that is so: at all, or to a line item.
    pub fn halts(&self) -> impl Iterator<Item = Halt> {
        self.passback.halts()
    }

    fn record(&mut self, line: &[u8], durable: bool) -> Result<(), JournalError> {
        let none =
            || io::Error::new(io::ErrorKind::NotFound, "the passback is journaled, but there is no journal");
        let journal = self.journal.as_mut().ok_or_else(none);
        journal.and_then(|journal| journal.append(line, durable)).map_err(JournalError::Write)
    }
}

impl<R: Into<Row>, I: Iterator<Item = R>> Settlements<'_, I> {
    /// Does what comes next, once: takes the outcomes that have come, and a turn.
    fn step(&mut self) -> Option<Result<Settlement, JournalError>> {
        let (landed, mut leases) = (self.crew.landed(), Vec::new());
        let (shared, passback) = (&self.client.shared, &mut self.passback);
        let client::Turn { result: turn, revision, events } = shared.turn(|session| {
            for (flight, Carried { outcome, held }) in landed {
                match outcome {
                    Some(outcome) => passback.receive(session, now(), flight, outcome),
                    None => passback.withdraw(session, now(), flight),
                }
                leases.extend(held);
            }
            passback.next(session, now())
        });
        // First, since an observer may panic: the crew gives the right to fetch a token back.
        let turn = match turn {
            Turn::Send(request, flight) => {
                self.crew.send(request, flight);
                None
            }
            turn => Some(turn),
        };
        shared.tell(&events);
        for held in &leases {
            self.client.settle(Some(held));
        }
        match turn? {
            Turn::Settled(settlement) => return Some(Ok(settlement)),
            Turn::Feed => match self.rows.next() {
                Some(row) => self.passback.feed(row),
                None => self.passback.finish(),
            },
            Turn::Record(batch) => match self.record(batch.line(), batch.durable()) {
                Ok(()) => self.passback.recorded(batch),
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            },
            Turn::Wait(delay) => {
                shared.wait(delay, |session| session.revision() == revision && !self.crew.has_landed());
            }
            Turn::Done(_) => self.is_over = true,
            Turn::Send(..) => {}
        }
        None
    }
}

impl<R: Into<Row>, I: Iterator<Item = R>> Iterator for Settlements<'_, I> {
    type Item = Result<Settlement, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            if let Some(settled) = self.step() {
                return Some(settled);
            }
        }
        None
    }
}

impl<R: Into<Row>, I: Iterator<Item = R>> FusedIterator for Settlements<'_, I> {}

impl<I> fmt::Debug for Settlements<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settlements").field("passback", &self.passback).finish_non_exhaustive()
    }
}
