//! The platform behind a real HTTP/1.1 server on loopback.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::builder::{Builder, Observer};
use crate::gradebook::Gradebook;
use crate::key::ToolKey;
use crate::ledger::Ledger;
use crate::lms::Lms;
use crate::plan::Plan;
use crate::reply::Reply;
use crate::script::{Route, Script};
use crate::server::{Handler, Server, fetch_json};
use crate::violation::Violation;

/// An LTI platform in this process, on a free port of 127.0.0.1, until it is dropped.
///
/// ```
/// use lti_ags_testing::{Platform, Route, Script};
///
/// let platform = Platform::start();
/// platform.script(Route::Scores, Script::reply(503).header("Retry-After", "1"));
/// // … let the tool post a score to platform.line_item_url(), then:
/// # let tool_has_posted = false;
/// # if tool_has_posted {
/// assert_eq!(platform.gradebook().result("li-1", "u-1001").unwrap().score, Some(85.0));
/// # }
/// platform.assert_no_violations();
/// ```
#[derive(Debug)]
pub struct Platform {
    server: Server,
    state: Arc<State>,
}

struct State {
    lms: Mutex<Lms>,
    clock: Mutex<Clock>,
    observer: Option<Observer>,
}

/// The system's time moved by `ahead`, or a time that stands still.
#[derive(Debug, Clone, Copy)]
struct Clock {
    stands_at: Option<Timestamp>,
    ahead: SignedDuration,
}

impl Clock {
    fn now(self) -> Timestamp {
        let base = self.stands_at.unwrap_or_else(Timestamp::now);
        base.checked_add(self.ahead).unwrap_or(Timestamp::MAX)
    }
}

impl Platform {
    /// Starts one with all defaults: line item `li-1` out of 100, learners `u-1001` to `u-1100`, and
    /// [`ToolKey::shared`] as the tool's key.
    ///
    /// # Panics
    /// When it cannot listen on loopback.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Sets one up otherwise.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn launch(builder: Builder) -> io::Result<Self> {
        let (listener, address) = Server::bind(builder.port)?;
        let clock = Clock { stands_at: builder.now, ahead: builder.ahead };
        let observer = builder.observer.clone();
        let lms = Mutex::new(builder.lms(format!("http://{address}")));
        let state = Arc::new(State { lms, clock: Mutex::new(clock), observer });
        let handler: Arc<dyn Handler> = Arc::clone(&state) as _;
        Ok(Self { server: Server::start(listener, address, handler)?, state })
    }

    /// The platform itself, for whatever has no method here. Requests and all other methods wait while it is held,
    /// so hold it for a statement at most.
    pub fn lms(&self) -> impl std::ops::DerefMut<Target = Lms> + '_ {
        self.state.lms()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        self.lms().base_url().to_owned()
    }

    /// The token endpoint's URL.
    pub fn token_endpoint(&self) -> String {
        self.lms().token_endpoint()
    }

    /// The URL of the container of line items.
    pub fn line_items_url(&self) -> String {
        self.lms().line_items_url()
    }

    /// The URL of the first line item, the one that launches come from.
    pub fn line_item_url(&self) -> String {
        let lms = self.lms();
        let first = lms.gradebook().line_items().first();
        first.and_then(|item| lms.line_item_url(&item.id)).unwrap_or_default()
    }

    /// The URL of a line item, if there is one of this id.
    pub fn line_item_url_of(&self, id: &str) -> Option<String> {
        self.lms().line_item_url(id)
    }

    /// The tool's client id.
    pub fn client_id(&self) -> String {
        self.lms().client_id().to_owned()
    }

    /// The deployment.
    pub fn deployment_id(&self) -> String {
        self.lms().deployment_id().to_owned()
    }

    /// The issuer.
    pub fn issuer(&self) -> String {
        self.lms().issuer().to_owned()
    }

    /// The private key of [`ToolKey::shared`], which the platform trusts unless told otherwise: PKCS#8 PEM.
    pub fn private_key_pem(&self) -> &'static str {
        ToolKey::shared().private_key_pem()
    }

    /// The key id that goes with [`Platform::private_key_pem`].
    pub fn key_id(&self) -> &'static str {
        ToolKey::shared().id()
    }

    /// The user ids of the learners; see [`Lms::learners`].
    pub fn learners(&self) -> Vec<String> {
        self.lms().learners()
    }

    /// The audience assertions should have; see [`Lms::audience`].
    pub fn audience(&self) -> String {
        self.lms().audience()
    }

    /// The id of the link from which launches come.
    pub fn resource_link_id(&self) -> String {
        self.lms().resource_link_id().to_owned()
    }

    /// The verified claims of a launch to review a learner's work; see [`Lms::review_claims`].
    pub fn review_claims(&self, viewer: &str, learner: &str) -> Value {
        self.lms().review_claims(self.now(), viewer, learner)
    }

    /// The verified claims of a launch by this user; see [`Lms::claims`].
    pub fn claims(&self, user_id: &str) -> Value {
        self.lms().claims(self.now(), user_id)
    }

    /// The platform's time.
    pub fn now(&self) -> Timestamp {
        self.state.clock().now()
    }

    /// Stops the platform's clock at this time.
    pub fn set_now(&self, now: Timestamp) {
        *self.state.clock() = Clock { stands_at: Some(now), ahead: SignedDuration::ZERO };
    }

    /// Moves the platform's clock forward, whether it stands or runs.
    pub fn advance(&self, by: Duration) {
        let mut clock = self.state.clock();
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        clock.ahead = clock.ahead.saturating_add(by);
    }

    /// Does this to the next requests of a route. Scripts added earlier go first.
    pub fn script(&self, route: Route, script: Script) {
        self.lms().script(route, script);
    }

    /// Does what a plan says to coming requests, where no script is for them. It takes the place of the plan before.
    pub fn plan(&self, plan: Plan) {
        self.lms().plan(plan);
    }

    /// Closes every connection and refuses others, until [`Platform::listen_again`]. To do so for a time when a request
    /// comes, see [`Script::refuse_connections`].
    pub fn stop_listening(&self) {
        self.server.stop_listening();
    }

    /// Takes connections again, at the same address.
    pub fn listen_again(&self) {
        self.server.listen_again();
    }

    /// Makes every token issued so far worthless.
    pub fn revoke_tokens(&self) {
        self.lms().revoke_tokens();
    }

    /// The gradebook as it is now.
    pub fn gradebook(&self) -> Gradebook {
        self.lms().gradebook().clone()
    }

    /// Every exchange so far.
    pub fn ledger(&self) -> Ledger {
        self.lms().ledger().clone()
    }

    /// Every rule broken so far.
    pub fn violations(&self) -> Vec<Violation> {
        self.lms().violations().to_vec()
    }

    /// Fails the test if any rule was broken, of either [`Kind`](crate::Kind).
    ///
    /// # Panics
    /// With the list of violations.
    #[track_caller]
    pub fn assert_no_violations(&self) {
        self.lms().assert_no_violations();
    }
}

impl State {
    fn lms(&self) -> MutexGuard<'_, Lms> {
        self.lms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Handler for State {
    fn handle(&self, request: &http::Request<Vec<u8>>) -> Reply {
        let wanted = self.lms().keys_wanted(request);
        // The platform is not held while it waits for the tool's own server.
        if let Some(jwks) = wanted.and_then(|url| fetch_json(&url)) {
            self.lms().learn_keys(jwks);
        }
        let now = self.clock().now();
        let mut lms = self.lms();
        let before = lms.latest();
        let reply = lms.respond(now, request);
        let exchange =
            lms.latest().filter(|latest| before.is_none_or(|before| before.number != latest.number));
        drop(lms);
        if let (Some(observer), Some(exchange)) = (&self.observer, exchange) {
            observer(&exchange);
        }
        reply
    }
}
