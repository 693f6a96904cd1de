//! Setting a platform up, for a socket or without one.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::key::{ToolKey, TrustedKeys};
use crate::ledger::Exchange;
use crate::line_item::LineItem;
use crate::lms::Lms;
use crate::page::PageSize;
use crate::personality::Personality;
use crate::plan::Plan;
use crate::platform::Platform;
use crate::registration::{Registration, ScopePolicy};
use crate::throttle::Throttle;

/// What is called after each exchange.
pub(crate) type Observer = Arc<dyn Fn(&Exchange) + Send + Sync>;

/// All there is to know about a platform but its place.
pub(crate) struct Settings {
    pub(crate) personality: Personality,
    pub(crate) registration: Registration,
    pub(crate) token_target: String,
    pub(crate) line_items_target: String,
    pub(crate) has_container: bool,
    pub(crate) keeps_coupled: bool,
    pub(crate) page_size: PageSize,
    pub(crate) line_items: Vec<LineItem>,
    pub(crate) seeded: Vec<(String, u64)>,
    pub(crate) learners: BTreeSet<String>,
    pub(crate) ledger_limit: usize,
    pub(crate) plan: Option<Plan>,
    pub(crate) throttle: Option<Throttle>,
}

/// A platform to be. Every setting has a default that works.
#[must_use]
pub struct Builder {
    settings: Settings,
    learners_chosen: bool,
    audience_chosen: bool,
    pub(crate) port: u16,
    pub(crate) now: Option<Timestamp>,
    pub(crate) ahead: SignedDuration,
    pub(crate) observer: Option<Observer>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let settings = Settings {
            personality: Personality::Spec,
            registration: Registration::new(TrustedKeys::jwks(ToolKey::shared().jwks())),
            token_target: String::new(),
            line_items_target: String::new(),
            has_container: true,
            keeps_coupled: false,
            page_size: PageSize::default(),
            line_items: Vec::new(),
            seeded: Vec::new(),
            learners: BTreeSet::new(),
            ledger_limit: usize::MAX,
            plan: None,
            throttle: None,
        };
        let unset = Self {
            settings,
            learners_chosen: false,
            audience_chosen: false,
            port: 0,
            now: None,
            ahead: SignedDuration::ZERO,
            observer: None,
        };
        unset.like(Personality::Spec)
    }

    /// Behaves like a real platform: its URLs, user ids, token endpoint, replies and tolerances. It sets what other
    /// settings may change afterwards, so it comes first.
    pub fn like(mut self, personality: Personality) -> Self {
        let manner = personality.manner();
        let addresses = manner.addresses();
        self.settings.personality = personality;
        addresses.token.clone_into(&mut self.settings.token_target);
        addresses.line_items.clone_into(&mut self.settings.line_items_target);
        self.settings.registration = Registration::new(self.settings.registration.keys);
        manner.register(&mut self.settings.registration);
        self
    }

    /// The tool's client id; `tool-7f3a` unless set.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.settings.registration.client_id = id.into();
        self
    }

    /// The deployment; `dep-42` unless set.
    pub fn deployment_id(mut self, id: impl Into<String>) -> Self {
        self.settings.registration.deployment_id = id.into();
        self
    }

    /// Refuses assertions without the deployment id claim, as some platforms do (AGS-TOKREQ-08).
    pub fn require_deployment_id(mut self) -> Self {
        self.settings.registration.require_deployment_id = true;
        self
    }

    /// The issuer; the base URL unless set.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.settings.registration.issuer = Some(issuer.into());
        self
    }

    /// Accepts this audience in assertions instead of the token endpoint's URL; once more, also this one.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        let registration = &mut self.settings.registration;
        if !self.audience_chosen {
            registration.audiences.clear();
            registration.endpoint_is_audience = false;
        }
        registration.audiences.push(audience.into());
        self.audience_chosen = true;
        self
    }

    /// Trusts these keys of the tool instead of [`ToolKey::shared`].
    pub fn trust(mut self, keys: TrustedKeys) -> Self {
        self.settings.registration.keys = keys;
        self
    }

    /// The scopes the tool may have; all four of AGS unless set.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.registration.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// What happens when the tool asks for a scope it may not have.
    pub fn scope_policy(mut self, policy: ScopePolicy) -> Self {
        self.settings.registration.scope_policy = policy;
        self
    }

    /// How long tokens live, in whole seconds; an hour unless set.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.registration.token_lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        self
    }

    /// Lets tokens expire after this time, in whole seconds, whatever lifetime the tool is told.
    pub fn tokens_expire_after(mut self, time: Duration) -> Self {
        self.settings.registration.token_true_lifetime =
            Some(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
        self
    }

    /// Makes each token worthless after so many requests that it was good for.
    pub fn token_uses(mut self, uses: u64) -> Self {
        self.settings.registration.token_uses = Some(uses);
        self
    }

    /// How far `iat` may lie in the future, in whole seconds; not at all unless set (as on Moodle).
    pub fn iat_leeway(mut self, leeway: Duration) -> Self {
        self.settings.registration.iat_leeway = i64::try_from(leeway.as_secs()).unwrap_or(i64::MAX);
        self
    }

    /// Path and query of the token endpoint; `/token` unless set.
    pub fn token_endpoint_at(mut self, target: impl Into<String>) -> Self {
        self.settings.token_target = target.into();
        self
    }

    /// Path and query of the container of line items; `/lineitems` unless set.
    pub fn line_items_at(mut self, target: impl Into<String>) -> Self {
        self.settings.line_items_target = target.into();
        self
    }

    /// How many line items or results a page holds if the client names no limit, and at most; 100 and 1000 unless
    /// set. Platforms that page in their own way have their own.
    pub fn page_size(mut self, usual: u64, most: u64) -> Self {
        self.settings.page_size = PageSize { usual, most };
        self
    }

    /// Offers no container: the claim has no `lineitems` (AGS-CLAIM-04).
    pub fn without_line_items(mut self) -> Self {
        self.settings.has_container = false;
        self
    }

    /// Refuses to delete line items that belong to a link (AGS-DELETE-04).
    pub fn keep_coupled_line_items(mut self) -> Self {
        self.settings.keeps_coupled = true;
        self
    }

    /// Gives a line item so many results of learners made for it, whose ids are the numbers from 1000001 on. They
    /// take no memory: the results service makes them up, while [`Gradebook`](crate::Gradebook) shows them only
    /// after the tool has posted a score.
    pub fn results_for(mut self, line_item: impl Into<String>, results: u64) -> Self {
        self.settings.seeded.push((line_item.into(), results));
        self
    }

    /// Keeps only the latest exchanges, so that long runs do not grow without bound.
    pub fn ledger_limit(mut self, exchanges: usize) -> Self {
        self.settings.ledger_limit = exchanges;
        self
    }

    /// Adds a line item; without any, there is one, `li-1`, out of 100.
    pub fn line_item(mut self, item: LineItem) -> Self {
        self.settings.line_items.push(item);
        self
    }

    /// Enrols these learners instead of the hundred of the platform: `u-1001` to `u-1100` unless it is
    /// [like](Self::like) another.
    pub fn learners(mut self, learners: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.learners = learners.into_iter().map(Into::into).collect();
        self.learners_chosen = true;
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

    /// Starts with a clock that is ahead of the system's, or of the one that [stands](Self::now): behind it, where this is
    /// negative.
    pub fn clock_ahead(mut self, by: SignedDuration) -> Self {
        self.ahead = by;
        self
    }

    /// Throttles a tool that asks too much.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.settings.throttle = Some(throttle);
        self
    }

    /// Meets requests with faults as the plan says.
    pub fn plan(mut self, plan: Plan) -> Self {
        self.settings.plan = Some(plan);
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
        let mut settings = self.settings;
        if settings.line_items.is_empty() {
            settings.line_items.push(LineItem::new("li-1", 100.0));
        }
        if !self.learners_chosen {
            let manner = settings.personality.manner();
            settings.learners = (1..=100).map(|number| manner.learner(number)).collect();
        }
        Lms::new(base, settings)
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
        f.debug_struct("Builder").field("registration", &self.settings.registration).finish_non_exhaustive()
    }
}
