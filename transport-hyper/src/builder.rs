//! How a client is put together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Body;
use hyper::rt::Timer;
use lti_ags::http::Response;
use lti_ags::{Event, Policy, Registration, Seed, Session, StoreTerms, TransportError};

use crate::Client;
use crate::exchange::{BoxError, Classify, Exchanger, HttpService};
use crate::shared::{Observer, Shared};
use crate::sharing::{Sharing, StoreObserver};
use crate::token_store::{StoreError, TokenStore};

/// The longest answer that is read, in bytes, unless said otherwise.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// How long one exchange may take, unless said otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Puts a [`Client`] together, over any tower service and any timer.
///
/// ```
/// use std::time::Duration;
/// use lti_ags_hyper::{Client, Policy, Registration};
///
/// fn hurried(registration: Registration) -> Client<lti_ags_hyper::Https> {
///     let mut policy = Policy::default();
///     policy.deadline = Duration::from_secs(20);
///     Client::builder(registration).policy(policy).request_timeout(Duration::from_secs(5)).build()
/// }
/// ```
#[must_use = "a client is built with `build`"]
pub struct ClientBuilder<S: HttpService> {
    session: Session,
    service: S,
    timer: Arc<dyn Timer + Send + Sync>,
    classify: Arc<Classify<S::Error>>,
    request_timeout: Duration,
    max_body_bytes: usize,
    observer: Option<Box<Observer>>,
    store: Option<Box<dyn TokenStore>>,
    store_observer: Option<Box<StoreObserver>>,
}

impl<S, B> ClientBuilder<S>
where
    S: HttpService<Response = Response<B>> + Clone,
    B: Body,
    B::Error: Into<BoxError>,
{
    /// A client over a service that speaks HTTP, and a timer of its runtime.
    ///
    /// The service must not follow redirects, nor repeat what it cannot know to be unsent. `classify` tells what its
    /// errors mean for the request: above all, whether it certainly never left.
    pub fn over(
        registration: Registration,
        service: S,
        timer: impl Timer + Send + Sync + 'static,
        classify: impl Fn(S::Error) -> TransportError + Send + Sync + 'static,
    ) -> Self {
        Self {
            session: Session::new(registration, seed()),
            service,
            timer: Arc::new(timer),
            classify: Arc::new(classify),
            request_timeout: REQUEST_TIMEOUT,
            max_body_bytes: MAX_BODY_BYTES,
            observer: None,
            store: None,
            store_observer: None,
        }
    }

    /// Sets the policy: attempts, deadline, waits, where a token may go.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.session = self.session.with_policy(policy);
        self
    }

    /// Sets how long one exchange may take, from looking up the host to the last byte: no longer than the policy's
    /// deadline. Default 30 seconds.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets the longest answer that is read, in bytes. Default 8 MiB.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Has what happens to calls told, in the task of the call that it happens to: each exchange when it is over, each wait
    /// when it begins, what is tried again and why.
    ///
    /// ```
    /// use lti_ags_hyper::{Client, EventKind, Https, Registration};
    ///
    /// fn telling(registration: Registration) -> Client<Https> {
    ///     let builder = Client::builder(registration);
    ///     builder.observe(|event| if let EventKind::Wait { .. } = event.kind { eprintln!("{event}") }).build()
    /// }
    /// ```
    pub fn observe(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Shares tokens with other clients, in this process or others, through a store. A lease there lasts as long as one
    /// exchange may take ([`request_timeout`](Self::request_timeout)) and what the store is asked meanwhile: 45 seconds by
    /// default ([`StoreTerms::lease`](lti_ags::StoreTerms::lease)).
    pub fn share_tokens(mut self, store: impl TokenStore + 'static) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// Has each failure of the token store reported, in the task that met it. The call goes on without the store.
    pub fn observe_store_failures(mut self, observer: impl Fn(&StoreError) + Send + Sync + 'static) -> Self {
        self.store_observer = Some(Box::new(observer));
        self
    }

    /// The client.
    pub fn build(self) -> Client<S> {
        let Self { mut session, service, timer, classify, request_timeout, max_body_bytes, observer, .. } =
            self;
        if observer.is_some() {
            session.record_events();
        }
        let request_timeout = request_timeout.min(session.policy().deadline);
        let sharing = self.store.map(|store| Sharing {
            store,
            owner: format!("{:016x}{:016x}", random(), random()),
            observer: self.store_observer,
            timer: Arc::clone(&timer),
            terms: StoreTerms::new(request_timeout),
        });
        let exchanger = Exchanger { service, timer, classify, request_timeout, max_body_bytes };
        Client::assemble(exchanger, Shared::new(session, observer), sharing)
    }
}

fn seed() -> Seed {
    Seed::new(u128::from(random()) << 64 | u128::from(random()))
}

/// A number from the operating system; from the keys of a fresh hasher, should it have none.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one("seed"))
}

impl<S: HttpService> fmt::Debug for ClientBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("session", &self.session).finish_non_exhaustive()
    }
}
