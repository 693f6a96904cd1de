//! Many scores as a stream of what became of each.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use hyper::body::Body;
use lti_ags::http::{Request, Response};
use lti_ags::{
    Batch, Bytes, Flight, Halt, Journal, JournalError, Passback, Row, Settlement, Stopper, StoreLease,
    Summary, Turn,
};

use crate::Client;
use crate::client::Carried;
use crate::exchange::{BoxError, HttpService, either};
use crate::shared::{self, OwnedGuard, Shared};
use crate::sharing::Sharing;
use crate::writer::{Writer, Written};

/// What came of a request, and what gives the right to fetch a token back if it gets lost before it is told.
struct Landed {
    flight: Flight,
    carried: Carried,
    guard: OwnedGuard,
}

/// Gives a lease back to the store.
type Settling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What became of each row, as it is settled: a stream. It ends when all are, when it was stopped, or when the journal cannot
/// be written to.
///
/// It sends as far as it is polled, and needs no task of its own. It may be dropped at any point: what was sent may have been
/// acted on, and with a journal another run goes on.
#[must_use = "streams do nothing unless polled"]
pub struct Settlements<T> {
    run: T,
    passback: Arc<Mutex<Passback>>,
}

impl<S, B> Client<S>
where
    S: HttpService<Response = Response<B>> + Clone,
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Passes many scores back, several at the same time, those of one user in their order. Rows are taken from the iterator
    /// as they are needed.
    ///
    /// ```no_run
    /// # use lti_ags_hyper::{Client, Endpoint, Https, JournalError, Passback, Score};
    /// # async fn example(client: &Client<Https>, endpoint: &Endpoint, scores: Vec<Score>) -> Result<(), JournalError> {
    /// use std::future::poll_fn;
    /// use std::pin::Pin;
    ///
    /// use futures_core::Stream;
    ///
    /// let mut settlements = client.pass_back(Passback::new(endpoint).concurrency(64), scores);
    /// // `StreamExt::next` of the futures crate does the same.
    /// while let Some(settlement) = poll_fn(|context| Pin::new(&mut settlements).poll_next(context)).await {
    ///     let settlement = settlement?;
    ///     println!("{}: {}", settlement.user_id, settlement.outcome.name());
    /// }
    /// println!("{} sent", settlements.summary().sent);
    /// # Ok(())
    /// # }
    /// ```
    pub fn pass_back<I>(
        &self,
        passback: Passback,
        rows: I,
    ) -> Settlements<impl Stream<Item = Result<Settlement, JournalError>> + Unpin + use<S, B, I>>
    where
        I: IntoIterator<Item: Into<Row>>,
    {
        self.settlements(passback, rows, None)
    }

    /// The same, recorded in a journal, and going on where the run that wrote it stood. It is written on a thread of its own,
    /// so that the disk holds nobody up.
    pub fn pass_back_with_journal<I, J>(
        &self,
        passback: Passback,
        rows: I,
        mut journal: J,
    ) -> Settlements<impl Stream<Item = Result<Settlement, JournalError>> + Unpin + use<S, B, I, J>>
    where
        I: IntoIterator<Item: Into<Row>>,
        J: Journal + Send + 'static,
    {
        let passback = passback.journaled(journal.history());
        self.settlements(passback, rows, Some(Writer::new(journal)))
    }

    fn settlements<I>(
        &self,
        passback: Passback,
        rows: I,
        writer: Option<Writer>,
    ) -> Settlements<impl Stream<Item = Result<Settlement, JournalError>> + Unpin + use<S, B, I>>
    where
        I: IntoIterator<Item: Into<Row>>,
    {
        let passback = Arc::new(Mutex::new(passback));
        let (carrier, sleeper) = (self.clone(), self.clone());
        let carry = move |request, flight| carrier.fly(request, flight);
        let rest = move |delay| sleeper.clone().rest(delay);
        let run = Run {
            shared: Arc::clone(&self.shared),
            sharing: self.sharing.clone(),
            passback: Arc::clone(&passback),
            rows: rows.into_iter(),
            writer,
            writing: None,
            carry,
            flights: FuturesUnordered::new(),
            settling: FuturesUnordered::new(),
            rest,
            resting: None,
            is_over: false,
        };
        Settlements { run, passback }
    }

    fn fly(&self, request: Request<Bytes>, flight: Flight) -> impl Future<Output = Landed> + use<S, B> {
        // Now, and not when it is first polled.
        let guard = OwnedGuard::new(flight.lease(), &self.shared);
        let carried = self.carry(request, flight.lease());
        async move { Landed { flight, carried: carried.await, guard } }
    }

    async fn rest(self, delay: Duration) {
        either(self.shared.changed(), self.exchanger.sleep(delay)).await;
    }
}

impl<T> Settlements<T> {
    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        lock(&self.passback).stopper()
    }

    /// How it went so far.
    pub fn summary(&self) -> Summary {
        lock(&self.passback).summary()
    }

    /// How many calls are under way, and how many of these wait for a token or for the platform.
    pub fn calls(&self) -> (usize, usize) {
        lock(&self.passback).calls()
    }

    /// Why nothing more is sent, where that is so: at all, or to a line item.
    pub fn halts(&self) -> Vec<Halt> {
        lock(&self.passback).halts().collect()
    }
}

impl<T: Stream + Unpin> Stream for Settlements<T> {
    type Item = T::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T::Item>> {
        Pin::new(&mut self.run).poll_next(context)
    }
}

impl<T> fmt::Debug for Settlements<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settlements").field("passback", &*lock(&self.passback)).finish_non_exhaustive()
    }
}

/// A passback, how to carry its requests and how to wait, and what of that is under way.
struct Run<I, C, F, R, W> {
    shared: Arc<Shared>,
    sharing: Option<Arc<Sharing>>,
    passback: Arc<Mutex<Passback>>,
    rows: I,
    writer: Option<Writer>,
    writing: Option<(Batch, Written)>,
    carry: C,
    flights: FuturesUnordered<F>,
    settling: FuturesUnordered<Settling>,
    rest: R,
    resting: Option<Pin<Box<W>>>,
    is_over: bool,
}

/// Nothing in it is pinned but futures, which have places of their own.
impl<I, C, F, R, W> Unpin for Run<I, C, F, R, W> {}

impl<I, C, F, R, W> Stream for Run<I, C, F, R, W>
where
    I: Iterator<Item: Into<Row>>,
    C: Fn(Request<Bytes>, Flight) -> F,
    F: Future<Output = Landed>,
    R: Fn(Duration) -> W,
    W: Future<Output = ()>,
{
    type Item = Result<Settlement, JournalError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while !self.is_over {
            if let Err(error) = self.poll_written(context) {
                self.is_over = true;
                return Poll::Ready(Some(Err(JournalError::Write(error))));
            }
            if let Some(settled) = self.step(context) {
                return settled.map(|settlement| Some(Ok(settlement)));
            }
        }
        Poll::Ready(None)
    }
}

impl<I, C, F, R, W> Run<I, C, F, R, W>
where
    I: Iterator<Item: Into<Row>>,
    C: Fn(Request<Bytes>, Flight) -> F,
    F: Future<Output = Landed>,
    R: Fn(Duration) -> W,
    W: Future<Output = ()>,
{
    /// Does what comes next, once: takes an outcome that has come, and a turn. `None` where more can be done at once.
    fn step(&mut self, context: &mut Context<'_>) -> Option<Poll<Settlement>> {
        let landed = match Pin::new(&mut self.flights).poll_next(context) {
            Poll::Ready(landed) => landed,
            Poll::Pending => None,
        };
        let has_landed = landed.is_some();
        let shared::Turn { result: (next, revision, landed), events, .. } =
            self.shared.turn(|session, now| {
                let mut passback = lock(&self.passback);
                let landed = landed.map(|Landed { flight, carried: Carried { outcome, held }, guard }| {
                    match outcome {
                        Some(outcome) => passback.receive(session, now, flight, outcome),
                        None => passback.withdraw(session, now, flight),
                    }
                    (held, guard)
                });
                (passback.next(session, now), session.revision(), landed)
            });
        let (held, guard) = landed.unzip();
        drop(guard);
        // First, since an observer may panic: the flight gives the right to fetch a token back.
        let next = match next {
            Turn::Send(request, flight) => {
                self.flights.push((self.carry)(request, flight));
                None
            }
            next => Some(next),
        };
        self.shared.tell(&events);
        self.poll_settled(held.flatten(), context);
        match next? {
            Turn::Settled(settlement) => return Some(Poll::Ready(settlement)),
            Turn::Feed => match self.rows.next() {
                Some(row) => lock(&self.passback).feed(row),
                None => lock(&self.passback).finish(),
            },
            Turn::Record(batch) => {
                let written = match &self.writer {
                    Some(writer) => writer.write(batch.line().to_vec(), batch.durable()),
                    None => Written::failed("the passback is journaled, but there is no journal"),
                };
                self.writing = Some((batch, written));
            }
            // Others may have come as well.
            Turn::Wait(_) if has_landed => {}
            Turn::Wait(delay) if !self.poll_rest(delay, revision, context) => return Some(Poll::Pending),
            // What was fetched is saved for the others, too.
            Turn::Done(_) if !self.settling.is_empty() => return Some(Poll::Pending),
            Turn::Done(_) => self.is_over = true,
            Turn::Wait(_) | Turn::Send(..) => {}
        }
        None
    }

    fn poll_settled(&mut self, held: Option<StoreLease>, context: &mut Context<'_>) {
        if let (Some(sharing), Some(held)) = (&self.sharing, held) {
            let (sharing, shared) = (Arc::clone(sharing), Arc::clone(&self.shared));
            self.settling.push(Box::pin(async move { sharing.settle(&held, &shared).await }));
        }
        while let Poll::Ready(Some(())) = Pin::new(&mut self.settling).poll_next(context) {}
    }

    fn poll_written(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some((batch, mut written)) = self.writing.take() else { return Ok(()) };
        match Pin::new(&mut written).poll(context) {
            Poll::Ready(result) => {
                result?;
                lock(&self.passback).recorded(batch);
            }
            Poll::Pending => self.writing = Some((batch, written)),
        }
        Ok(())
    }

    /// Whether it may go on at once: the time is up, or the session is another than it was.
    fn poll_rest(&mut self, delay: Option<Duration>, revision: u64, context: &mut Context<'_>) -> bool {
        let Some(delay) = delay else { return false };
        let resting = self.resting.insert(Box::pin((self.rest)(delay)));
        // A change before it listened goes unheard: it looks once more.
        resting.as_mut().poll(context).is_ready()
            || self.shared.turn(|session, _| session.revision() != revision).result
    }
}

/// The passback is whole between any two of its turns.
fn lock(passback: &Mutex<Passback>) -> MutexGuard<'_, Passback> {
    passback.lock().unwrap_or_else(PoisonError::into_inner)
}
