//! Setting a platform up, for a socket or without one.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::gradebook::{Gradebook, LineItem};
use crate::key::{ToolKey, TrustedKeys};
use crate::ledger::Exchange;
use crate::lms::Lms;
use crate::platform::Platform;
use crate::registration::{Registration, ScopePolicy};

/// What is called after each exchange.
pub(crate) type Observer = Arc<dyn Fn(&Exchange) + Send + Sync>;

/// A platform to be. Every setting has a default that works.
#[must_use]
pub struct Builder {
    registration: Registration,
    token_target: String,
    line_items_target: String,
    line_items: Vec<LineItem>,
    learners: Option<BTreeSet<String>>,
    pub(crate) port: u16,
    pub(crate) now: Option<Timestamp>,
    pub(crate) observer: Option<Observer>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            registration: Registration::new(TrustedKeys::jwks(ToolKey::shared().jwks())),
            token_target: "/token".to_owned(),
            line_items_target: "/lineitems".to_owned(),
            line_items: Vec::new(),
            learners: None,
            port: 0,
            now: None,
            observer: None,
        }
    }

    /// The tool's client id; `tool-7f3a` unless set.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.registration.client_id = id.into();
        self
    }

    /// The deployment; `dep-42` unless set.
    pub fn deployment_id(mut self, id: impl Into<String>) -> Self {
        self.registration.deployment_id = id.into();
        self
    }

    /// Refuses assertions without the deployment id claim, as some platforms do (AGS-TOKREQ-08).
    pub fn require_deployment_id(mut self) -> Self {
        self.registration.require_deployment_id = true;
        self
    }

    /// The issuer; the base URL unless set.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.registration.issuer = Some(issuer.into());
        self
    }

    /// Accepts this audience in assertions instead of the token endpoint's URL; once more, also this one.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.registration.audiences.push(audience.into());
        self
    }

    /// Trusts these keys of the tool instead of [`ToolKey::shared`].
    pub fn trust(mut self, keys: TrustedKeys) -> Self {
        self.registration.keys = keys;
        self
    }

    /// The scopes the tool may have; all four of AGS unless set.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.registration.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// What happens when the tool asks for a scope it may not have.
    pub fn scope_policy(mut self, policy: ScopePolicy) -> Self {
        self.registration.scope_policy = policy;
        self
    }

    /// How long tokens live, in whole seconds; an hour unless set.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.registration.token_lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        self
    }

    /// How far `iat` may lie in the future, in whole seconds; not at all unless set (as on Moodle).
    pub fn iat_leeway(mut self, leeway: Duration) -> Self {
        self.registration.iat_leeway = i64::try_from(leeway.as_secs()).unwrap_or(i64::MAX);
        self
    }

    /// Path and query of the token endpoint; `/token` unless set.
    pub fn token_endpoint_at(mut self, target: impl Into<String>) -> Self {
        self.token_target = target.into();
        self
    }

    /// Path and query of the container of line items; `/lineitems` unless set.
    pub fn line_items_at(mut self, target: impl Into<String>) -> Self {
        self.line_items_target = target.into();
        self
    }

    /// Adds a line item; without any, there is one, `li-1`, out of 100.
    pub fn line_item(mut self, item: LineItem) -> Self {
        self.line_items.push(item);
        self
    }

    /// Enrols these learners instead of `u-1001` to `u-1100`.
    pub fn learners(mut self, learners: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.learners = Some(learners.into_iter().map(Into::into).collect());
        self
    }

    /// Listens on this port of 127.0.0.1 instead of a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts with a clock that stands at this time, instead of the system's.
    pub fn now(mut self, now: Timestamp) -> Self {
        self.now = Some(now);
        self
    }

    /// Calls this after each exchange, on the connection's thread, before the answer goes out.
    pub fn on_exchange(mut self, observer: impl Fn(&Exchange) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The platform without a socket, for tests without I/O. `base` is scheme, host and port of its URLs.
    #[must_use]
    pub fn lms(self, base: impl Into<String>) -> Lms {
        let base = base.into().trim_end_matches('/').to_owned();
        let mut line_items = self.line_items;
        if line_items.is_empty() {
            line_items.push(LineItem::new("li-1", 100.0));
        }
        let learners =
            self.learners.unwrap_or_else(|| (1001..=1100).map(|number| format!("u-{number}")).collect());
        let gradebook = Gradebook::new(line_items, learners);
        Lms::new(base, self.token_target, self.line_items_target, self.registration, gradebook)
    }

    /// Starts it behind a server.
    ///
    /// # Panics
    /// When it cannot listen; see [`Builder::try_start`].
    #[must_use]
    pub fn start(self) -> Platform {
        match self.try_start() {
            Ok(platform) => platform,
            Err(error) => panic!("the platform cannot listen on 127.0.0.1: {error}"),
        }
    }

    /// Starts it behind a server, unless it cannot listen.
    pub fn try_start(self) -> io::Result<Platform> {
        Platform::launch(self)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("registration", &self.registration).finish_non_exhaustive()
    }
}
