//! Many scores, settled one by one in an ordinary `for` loop; some threads carry their requests.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lti_ags::{Halt, Journal, JournalError, Passback, Row, Settlement, Summary, Turn};

use crate::Client;
use crate::client::{Shared, now};
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
    stopper: Stopper,
    is_over: bool,
}

/// Ends a passback from elsewhere, a signal's handler for example: no further score begins, and what is on its way is
/// settled.
#[derive(Clone, Debug)]
pub struct Stopper {
    is_stopped: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

impl Stopper {
    /// Stops it.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.shared.wake();
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }
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
            crew: Crew::new(Arc::clone(&self.exchanger), Arc::clone(&self.shared)),
            stopper: Stopper { is_stopped: Arc::default(), shared: Arc::clone(&self.shared) },
            is_over: false,
        }
    }
}

impl<'a, I> Settlements<'a, I> {
    /// Records the run in a journal, and goes on where the run that wrote it stood.
    #[must_use]
    pub fn journal(mut self, mut journal: impl Journal + 'a) -> Self {
        self.passback = self.passback.journaled(journal.history());
        self.journal = Some(Box::new(journal));
        self
    }

    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
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

impl<R: Into<Row>, I: Iterator<Item = R>> Iterator for Settlements<'_, I> {
    type Item = Result<Settlement, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            let is_stopped = self.stopper.is_stopped();
            if is_stopped {
                self.passback.stop();
            }
            let landed = self.crew.landed();
            let Turn { result: turn, revision, events } = self.client.shared.turn(|session| {
                for (flight, outcome) in landed {
                    self.passback.receive(session, now(), flight, outcome);
                }
                self.passback.next(session, now())
            });
            match turn {
                Turn::Settled(settlement) => return Some(Ok(settlement)),
                Turn::Feed => match self.rows.next() {
                    Some(row) => self.passback.feed(row),
                    None => self.passback.finish(),
                },
                Turn::Send(request, flight) => self.crew.send(request, flight),
                Turn::Record(batch) => match self.record(batch.line(), batch.durable()) {
                    Ok(()) => self.passback.recorded(batch),
                    Err(error) => {
                        self.is_over = true;
                        return Some(Err(error));
                    }
                },
                Turn::Wait(delay) => self.client.shared.wait(delay, |session| {
                    session.revision() == revision
                        && !self.crew.has_landed()
                        && self.stopper.is_stopped() == is_stopped
                }),
                Turn::Done(_) => self.is_over = true,
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
