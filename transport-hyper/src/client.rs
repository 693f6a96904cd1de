//! The loop, as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hyper::body::Body;
use lti_ags::http::{Request, Response};
use lti_ags::{
    Authorize, Bytes, Endpoint, Error, Grant, Lease, Operation, Session, Step, StoreLease, TransportError,
};

#[cfg(feature = "rustls")]
use crate::ClientBuilder;
use crate::exchange::{BoxError, Exchanger, HttpService, either};
use crate::shared::{Guard, Shared, Turn};
use crate::sharing::{Consulted, Sharing};

/// Performs operations as futures. Clones are cheap and share everything: tokens, connections, the platform's limits.
///
/// A future may be dropped at any point: the session stays usable, and a token that the call was fetching is fetched by
/// another one. What had been sent may have been acted on.
pub struct Client<S: HttpService> {
    pub(crate) exchanger: Arc<Exchanger<S>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) sharing: Option<Arc<Sharing>>,
}

/// What came of a request.
pub(crate) struct Carried {
    /// `None` where it was not sent, and is to be withdrawn.
    pub(crate) outcome: Option<Result<Response<Bytes>, TransportError>>,
    /// To be [settled](Sharing::settle) when the outcome has been received.
    pub(crate) held: Option<StoreLease>,
}

#[cfg(feature = "rustls")]
impl Client<crate::connect::Https> {
    /// A client with pooled connections, TLS, a policy and limits that suit most tools. It needs a tokio runtime with time
    /// and I/O.
    pub fn new(registration: lti_ags::Registration) -> Self {
        Self::builder(registration).build()
    }

    /// Chooses policy and limits.
    pub fn builder(registration: lti_ags::Registration) -> ClientBuilder<crate::connect::Https> {
        crate::connect::builder(registration)
    }
}

impl<S, B> Client<S>
where
    S: HttpService<Response = Response<B>> + Clone,
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(crate) fn assemble(exchanger: Exchanger<S>, shared: Shared, sharing: Option<Sharing>) -> Self {
        Self { exchanger: Arc::new(exchanger), shared: Arc::new(shared), sharing: sharing.map(Arc::new) }
    }

    /// Performs an operation on what the endpoint offers. It ends when the platform has answered for good, or when the
    /// policy's attempts or deadline are spent.
    ///
    /// # Errors
    ///
    /// Match on [`Error::kind`]: what the launch or the policy does not allow fails before anything is sent
    /// (`ServiceNotAvailable`, `MissingScope`, `InsecureUrl`, `ForeignOrigin`); what the platform refuses tells its status
    /// and words; what may succeed later says so ([`Error::is_transient`]).
    pub async fn call<O: Operation>(&self, endpoint: &Endpoint, operation: O) -> Result<O::Output, Error> {
        let begun = self.shared.turn(|session, now| session.begin(endpoint, operation, now));
        self.drive(begun).await
    }

    /// Looks at the session, or changes it: forgets tokens when the registration has been mended on the platform, or takes
    /// note of timestamps that another process has used. Nothing else goes on meanwhile: do not call the client in it.
    pub fn with_session<R>(&self, look: impl FnOnce(&mut Session) -> R) -> R {
        let turn = self.shared.turn(|session, _| look(session));
        self.shared.tell(&turn.events);
        turn.result
    }

    /// Gets a token for the endpoint, unless there is one, and tells what it allows.
    pub async fn authorize(&self, endpoint: &Endpoint) -> Result<Grant, Error> {
        let begun: Turn<'_, Step<Authorize>> =
            self.shared.turn(|session, now| session.authorize(endpoint, now));
        self.drive(begun).await
    }

    async fn drive<O: Operation>(&self, mut turn: Turn<'_, Step<O>>) -> Result<O::Output, Error> {
        let mut held = None;
        loop {
            // Before anything that may panic, or be dropped.
            let _guard = Guard::of(&turn.result, &self.shared);
            self.shared.tell(&turn.events);
            if let (Some(sharing), Some(held)) = (&self.sharing, held) {
                Box::pin(sharing.settle(&held, &self.shared)).await;
            }
            (turn, held) = match turn.result {
                Step::Done(result) => return result,
                Step::Send(request, in_flight) => {
                    let Carried { outcome, held } = self.carry(request, in_flight.lease()).await;
                    let turn = self.shared.turn(|session, now| match outcome {
                        Some(outcome) => in_flight.receive(session, now, outcome),
                        None => in_flight.withdraw(session, now),
                    });
                    (turn, held)
                }
                Step::Wait(delay, paused) => {
                    either(turn.changed, self.exchanger.sleep(delay)).await;
                    (self.shared.turn(|session, now| paused.resume(session, now)), None)
                }
            };
        }
    }

    /// Sends a request. Where it is one for a token, and there is a store, it looks there first.
    ///
    /// In a box, since a future of this size would make each one around it as large, and be moved with it.
    pub(crate) fn carry(
        &self,
        request: Request<Bytes>,
        lease: Option<&Lease>,
    ) -> Pin<Box<impl Future<Output = Carried> + use<S, B>>> {
        let Self { exchanger, shared, sharing } = self.clone();
        let lease = sharing.and_then(|sharing| Some((sharing, lease?.clone())));
        Box::pin(async move {
            let Consulted { is_withdrawn, held } = match lease {
                Some((sharing, lease)) => Box::pin(sharing.consult(&lease, &shared)).await,
                None => Consulted::default(),
            };
            let outcome = if is_withdrawn { None } else { Some(exchanger.exchange(request).await) };
            Carried { outcome, held }
        })
    }
}

impl<S: HttpService> Clone for Client<S> {
    fn clone(&self) -> Self {
        Self {
            exchanger: Arc::clone(&self.exchanger),
            shared: Arc::clone(&self.shared),
            sharing: self.sharing.clone(),
        }
    }
}

impl<S: HttpService> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("shared", &self.shared).finish_non_exhaustive()
    }
}
