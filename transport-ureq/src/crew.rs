//! The threads that carry the requests of a passback: as many as are under way at the same time, begun as they are needed.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use lti_ags::http::Request;
use lti_ags::{Bytes, Cause, Flight, Lease, TransportError};

use crate::Client;
use crate::client::Carried;

pub(crate) struct Crew {
    work: Arc<Work>,
    /// `None` when no more requests come.
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    /// Under way.
    carried: usize,
    sent: u64,
    /// Of the token requests under way.
    leases: BTreeMap<u64, Lease>,
}

struct Job {
    number: u64,
    request: Request<Bytes>,
    flight: Flight,
}

/// What the threads share.
struct Work {
    client: Client,
    jobs: Mutex<Receiver<Job>>,
    landed: Mutex<Vec<(u64, Flight, Carried)>>,
    /// What no thread has taken yet is not carried any more.
    is_over: AtomicBool,
}

impl Crew {
    pub(crate) fn new(client: Client) -> Self {
        let (sender, receiver) = mpsc::channel();
        let work = Work {
            client,
            jobs: Mutex::new(receiver),
            landed: Mutex::default(),
            is_over: AtomicBool::new(false),
        };
        Self {
            work: Arc::new(work),
            jobs: Some(sender),
            threads: Vec::new(),
            carried: 0,
            sent: 0,
            leases: BTreeMap::new(),
        }
    }

    /// Has a request carried.
    pub(crate) fn send(&mut self, request: Request<Bytes>, flight: Flight) {
        self.sent += 1;
        self.carried += 1;
        let number = self.sent;
        if let Some(lease) = flight.lease() {
            self.leases.insert(number, lease.clone());
        }
        let job = Job { number, request, flight };
        if self.carried > self.threads.len() {
            let work = Arc::clone(&self.work);
            // Where the system gives no further thread, those that there are carry more.
            self.threads.extend(Builder::new().name("passback".to_owned()).spawn(move || work.run()));
        }
        match &self.jobs {
            Some(jobs) if !self.threads.is_empty() => drop(jobs.send(job)),
            _ => self.work.carry(job),
        }
    }

    /// The outcomes that have come.
    pub(crate) fn landed(&mut self) -> Vec<(Flight, Carried)> {
        let landed = std::mem::take(&mut *lock(&self.work.landed));
        self.carried -= landed.len();
        let mut outcomes = Vec::with_capacity(landed.len());
        for (number, flight, carried) in landed {
            self.leases.remove(&number);
            outcomes.push((flight, carried));
        }
        outcomes
    }

    pub(crate) fn has_landed(&self) -> bool {
        !lock(&self.work.landed).is_empty()
    }
}

/// Gives the right to fetch tokens back, and leaves no thread behind.
impl Drop for Crew {
    fn drop(&mut self) {
        self.work.client.shared.release(self.leases.values());
        self.work.is_over.store(true, Ordering::Release);
        drop(self.jobs.take());
        for thread in self.threads.drain(..) {
            // One that panicked is over as well.
            let _ = thread.join();
        }
        for (_, Carried { held, .. }) in self.landed() {
            self.work.client.settle(held.as_ref());
        }
    }
}

impl Work {
    fn run(&self) {
        loop {
            // The lock is held while waiting, and by one that waits no other would get more.
            let job = lock(&self.jobs).recv();
            match job {
                Ok(job) if !self.is_over.load(Ordering::Acquire) => self.carry(job),
                _ => return,
            }
        }
    }

    fn carry(&self, job: Job) {
        let Job { number, request, flight } = job;
        let carried = catch_unwind(AssertUnwindSafe(|| self.client.carry(request, flight.lease())));
        let carried = carried.unwrap_or_else(|_| {
            let error = TransportError::in_doubt(Cause::Connection, "the exchange was broken off by a panic");
            Carried { outcome: Some(Err(error)), held: None }
        });
        lock(&self.landed).push((number, flight, carried));
        self.client.shared.wake();
    }
}

/// What is behind these locks is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
