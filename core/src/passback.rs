//! Bulk passback: many scores in, one outcome for each out, whatever happens in between (AGS 3.4).
//!
//! ```text
//!  rows ──feed──► taken up ──recorded──► ready ──► on its way ──► settled ──recorded──► handed out
//!                 (timestamp)            (turn of its user)       (outcome)
//! ```
//!
//! A [`Passback`] drives ordinary calls of a [`Session`]: several at the same time, but of one user of a line item only ever
//! one, in the order of the input. It has no lock, clock or I/O either: a driver does what [`Passback::next`] says.

mod errand;
mod halt;
mod hand;
mod item;
mod known;
mod log;
mod row;
mod turn;
mod verdict;
mod way;
mod wishes;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;

use crate::interval::Interval;
use crate::journal::History;
use crate::numbered::Numbered;
use crate::{Endpoint, Error, Session, TransportError};

pub use errand::Flight;
use errand::{ReadResults, Rest};
pub use halt::{Halt, Stopper};
use hand::{InHand, Stage};
use item::{Gate, Items};
pub use log::Batch;
use log::Log;
pub use row::{Reason, Row, RowOutcome, Settlement, Summary};
pub use turn::Turn;
use wishes::Wishes;

/// The longest that a driver is told to wait, so that whoever stops the passback is heard.
const LOOK: Duration = Duration::from_secs(1);

/// Many scores on their way.
///
/// Transports drive it over threads or futures. A driver of one's own is this loop, which may have as many requests under
/// way as it is given:
///
/// ```
/// # fn http(_: lti_ags::http::Request<Bytes>) -> Result<lti_ags::http::Response<Vec<u8>>, lti_ags::TransportError> {
/// #     Ok(lti_ags::http::Response::new(br#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#.to_vec()))
/// # }
/// # fn now() -> lti_ags::Timestamp { "2026-03-02T09:00:00Z".parse().unwrap() }
/// # struct Nobody;
/// # impl lti_ags::Signer for Nobody {
/// #     fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> { Ok(vec![]) }
/// # }
/// # use std::thread::sleep;
/// use lti_ags::{Bytes, Endpoint, Passback, Score, Session, Turn};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let key = lti_ags::SigningKey::external(lti_ags::Algorithm::Rs256, "k-2026-01", Nobody);
/// # let registration = lti_ags::Registration::new("tool-7f3a", "https://lms.example/token", key)?;
/// # let mut session = Session::new(registration, lti_ags::Seed::new(7));
/// let endpoint = Endpoint::for_line_item("https://lms.example/lineitems/9")?;
/// let mut scores =
///     vec![Score::graded("u-1001", 85.0, 100.0).build()?, Score::cleared("u-1002").build()?].into_iter();
///
/// let mut passback = Passback::new(&endpoint);
/// let summary = loop {
///     match passback.next(&mut session, now()) {
///         Turn::Feed => match scores.next() {
///             Some(score) => passback.feed(score),
///             None => passback.finish(),
///         },
///         Turn::Send(request, flight) => {
///             let outcome = http(request);
///             passback.receive(&mut session, now(), flight, outcome);
///         }
///         Turn::Record(batch) => passback.recorded(batch),
///         Turn::Settled(settlement) => println!("{}: {}", settlement.row, settlement.outcome.name()),
///         Turn::Wait(delay) => sleep(delay.unwrap_or_default()),
///         Turn::Done(summary) => break summary,
///     }
/// };
/// assert_eq!(summary.sent, 2);
/// # Ok(()) }
/// ```
///
/// It may be dropped at any time. With a journal, another one goes on where it stood. `Debug` shows how far it has come.
pub struct Passback {
    endpoint: Endpoint,
    wishes: Wishes,
    log: Option<Log>,
    stopper: Stopper,

    input: Input,
    inbox: VecDeque<Row>,
    fed: u64,

    items: Items,
    /// Those in hand, by number.
    rows: Numbered<Box<InHand>>,
    /// The rows of each user of a line item; the first is the one whose turn it is.
    lanes: Numbered<VecDeque<u64>>,
    ready: VecDeque<u64>,
    /// What their line item holds has become known.
    unparked: VecDeque<u64>,
    /// Results to read, and line items to look for.
    reads: VecDeque<(usize, ReadResults)>,
    looks: VecDeque<usize>,
    /// The latest timestamp of this run's rows, of each user of a line item: some thirty bytes for each.
    latest: BTreeMap<u64, Timestamp>,

    calls: usize,
    /// So many so far.
    begun: u64,
    resting: Vec<(Interval, Rest)>,
    revision: u64,
    outbox: VecDeque<(Request<Bytes>, Flight)>,

    done: VecDeque<Settlement>,
    /// Why nothing more is sent.
    halted: Option<Error>,
    /// Rows in hand are to be skipped.
    is_sweeping: bool,
    summary: Summary,
}

/// Whether rows are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Input {
    /// Until the window is full.
    Filling,
    /// When half of it has gone.
    Paused,
    Finished,
}

impl Passback {
    /// A passback to the line items of an endpoint: to its own, where a row names no other. Four calls at the same time.
    pub fn new(endpoint: &Endpoint) -> Self {
        Self {
            endpoint: endpoint.clone(),
            wishes: Wishes::default(),
            log: None,
            stopper: Stopper::default(),
            input: Input::Filling,
            inbox: VecDeque::new(),
            fed: 0,
            items: Items::default(),
            rows: Numbered::default(),
            lanes: Numbered::default(),
            ready: VecDeque::new(),
            unparked: VecDeque::new(),
            reads: VecDeque::new(),
            looks: VecDeque::new(),
            latest: BTreeMap::new(),
            calls: 0,
            begun: 0,
            resting: Vec::new(),
            revision: 0,
            outbox: VecDeque::new(),
            done: VecDeque::new(),
            halted: None,
            is_sweeping: false,
            summary: Summary::default(),
        }
    }

    /// Sets how many calls are under way at the same time: at least one.
    #[must_use]
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.wishes.concurrency = calls.max(1);
        self
    }

    /// Sends only what changes the gradebook: results are read first, and a row is `Unchanged` if it equals what the platform
    /// will hold when its turn comes, the same share of the maximum within the platform's rounding and the same comment. In
    /// doubt, it is sent. Where results cannot be read, nothing is.
    #[must_use]
    pub fn only_changed(mut self) -> Self {
        self.wishes.only_changed = true;
        self
    }

    /// Skips users whom somebody else has graded, where the platform's results tell (`scoringUserId`, AGS 3.3.4.8): another
    /// than these, who grade for the tool.
    #[must_use]
    pub fn keep_grades_of_others(mut self, ours: impl IntoIterator<Item = String>) -> Self {
        self.wishes.ours = Some(ours.into_iter().collect());
        self
    }

    /// Sends no score and records nothing: rows that would be sent are skipped. Results are read where they matter.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.wishes.dry_run = true;
        self
    }

    /// Records what it does, and goes on where the run that recorded `history` stood: see [`Journal`](crate::Journal). The
    /// rows must be the same, in the same order. One for a line item that the journal is not of is skipped, and nothing is
    /// recorded of it.
    #[must_use]
    pub fn journaled(mut self, history: History) -> Self {
        self.log = Some(Log::new(history));
        self
    }

    /// What to do next.
    pub fn next(&mut self, session: &mut Session, now: Timestamp) -> Turn {
        if let Some(settlement) = self.done.pop_front() {
            return Turn::Settled(settlement);
        }
        // Before those that have been fed since, which may be of the same users.
        while let Some(number) = self.unparked.pop_front() {
            if let Some(row) = self.rows.remove(&number) {
                self.enlist(number, row, session, now);
            }
        }
        while let Some(row) = self.inbox.pop_front() {
            self.take_up(row, session, now);
        }
        self.resume(session, now);
        self.begin(session, now);
        self.sweep();
        if let Some((request, flight)) = self.outbox.pop_front() {
            return Turn::Send(request, flight);
        }
        if let Some(settlement) = self.done.pop_front() {
            return Turn::Settled(settlement);
        }
        if let Some(batch) = self.batch(Log::has_outcomes, false) {
            return Turn::Record(batch);
        }
        if self.wants_rows() {
            return Turn::Feed;
        }
        if !self.stopper.is_stopped()
            && let Some(batch) = self.batch(Log::has_begun, true)
        {
            return Turn::Record(batch);
        }
        let pause = self.pause(session, now);
        let is_under_way =
            if self.stopper.is_stopped() { self.calls > self.resting.len() } else { self.calls > 0 };
        if is_under_way || pause.is_some() || self.log.as_ref().is_some_and(|log| log.is_writing) {
            let left = |(rest, _): &(Interval, Rest)| rest.remaining(now).unwrap_or_default().min(LOOK);
            return Turn::Wait(self.resting.iter().map(left).chain(pause.map(|pause| pause.min(LOOK))).min());
        }
        if self.judge() {
            return self.next(session, now);
        }
        match self.batch(Log::wants_sync, false) {
            Some(batch) => Turn::Record(batch),
            None => Turn::Done(self.summary),
        }
    }

    /// Takes the next row.
    pub fn feed(&mut self, row: impl Into<Row>) {
        self.inbox.push_back(row.into());
    }

    /// There are no more rows.
    pub fn finish(&mut self) {
        self.input = Input::Finished;
    }

    /// A batch has been written.
    pub fn recorded(&mut self, batch: Batch) {
        let Some(log) = &mut self.log else { return };
        let (begun, settled) = log.recorded(batch);
        for (lane, settlement) in settled {
            self.leave(lane, settlement.row);
            self.done.push_back(settlement);
        }
        for number in begun {
            let Some(row) = self.rows.get_mut(&number) else { continue };
            row.stage = Stage::Ready;
            let lane = row.lane;
            self.promote(lane, Some(number));
        }
    }

    /// Takes the outcome of a request. A 3xx is an answer like any other.
    pub fn receive<B: AsRef<[u8]>>(
        &mut self,
        session: &mut Session,
        now: Timestamp,
        flight: Flight,
        outcome: Result<Response<B>, TransportError>,
    ) {
        let came = flight.receive(session, now, outcome);
        self.came(came, now);
    }

    /// Takes a request back that has not been sent and will not be: see [`InFlight::withdraw`](crate::InFlight::withdraw).
    pub fn withdraw(&mut self, session: &mut Session, now: Timestamp, flight: Flight) {
        if flight.lease().is_some() {
            self.discount();
        } else {
            self.summary.requests = self.summary.requests.saturating_sub(1);
        }
        if let Some(row) = flight.row().and_then(|number| self.rows.get_mut(&number)) {
            row.attempts = row.attempts.saturating_sub(1);
        }
        let came = flight.withdraw(session, now);
        self.came(came, now);
    }

    /// A token request was not sent. One that another passback counted is not counted here.
    fn discount(&mut self) {
        self.summary.token_requests = self.summary.token_requests.saturating_sub(1);
    }

    /// What stops it, from a signal's handler for example.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// How it went so far.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// How many calls are under way, and how many of these wait for a token or for the platform.
    pub fn calls(&self) -> (usize, usize) {
        (self.calls, self.resting.len())
    }

    /// Why nothing more is sent, where that is so: at all, or to a line item.
    pub fn halts(&self) -> impl Iterator<Item = Halt> {
        let all = self.halted.iter().map(|error| Halt { line_item: None, error: error.clone() });
        let some = self.items.iter().filter_map(|item| match &item.gate {
            Gate::Shut(error) => Some(Halt { line_item: Some(item.url.clone()), error: error.clone() }),
            Gate::Open | Gate::Looking => None,
        });
        all.chain(some)
    }

    fn batch(&mut self, wanted: impl FnOnce(&Log) -> bool, begin: bool) -> Option<Batch> {
        let log = self.log.as_mut().filter(|log| !self.wishes.dry_run && !log.is_writing)?;
        wanted(log).then(|| log.batch(begin))
    }
}

impl fmt::Debug for Passback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passback")
            .field("wishes", &self.wishes)
            .field("input", &self.input)
            .field("in_hand", &self.rows.len())
            .field("calls", &self.calls())
            .field("halts", &self.halts().collect::<Vec<_>>())
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}
