//! How a client is put together.

use std::fmt;
use std::time::Duration;

use lti_ags::{Event, Policy, Registration, Seed, Session, StoreTerms};
use ureq::Agent;

use crate::Client;
use crate::client::Observer;
use crate::exchange::Exchanger;
use crate::sharing::{Sharing, StoreObserver};
use crate::token_store::{StoreError, TokenStore};

/// The longest answer that is read, in bytes, unless said otherwise.
const MAX_BODY_BYTES: u64 = 8 * 1024 * 1024;

/// How long one exchange may take, unless said otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may take to come about, unless the exchange has less time.
#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// ureq keeps three for each host: of more threads, all others would connect anew for each score.
#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
const IDLE_CONNECTIONS: usize = 64;

/// Puts a [`Client`] together.
///
/// ```
/// use std::time::Duration;
/// use lti_ags_ureq::{Client, Policy, Registration};
///
/// fn hurried(registration: Registration) -> Client {
///     let mut policy = Policy::default();
///     policy.deadline = Duration::from_secs(20);
///     Client::builder(registration).policy(policy).request_timeout(Duration::from_secs(5)).build()
/// }
/// ```
#[must_use = "a client is built with `build`"]
pub struct ClientBuilder {
    session: Session,
    agent: Agent,
    request_timeout: Duration,
    max_body_bytes: u64,
    observer: Option<Box<Observer>>,
    store: Option<Box<dyn TokenStore>>,
    store_observer: Option<Box<StoreObserver>>,
}

impl ClientBuilder {
    /// A client over this agent, with its proxy, certificates and connections. What would be unsafe for us is set on each
    /// request: redirects are not followed, refusals are answers, no header is added, and what is on this machine is
    /// reached without a proxy.
    pub fn over(registration: Registration, agent: Agent) -> Self {
        Self {
            session: Session::new(registration, seed()),
            agent,
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
    pub fn max_body_bytes(mut self, bytes: u64) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Has what happens to calls told, on the thread of the call that it happens to: each exchange when it is over, each
    /// wait when it begins, what is tried again and why. The observer may block, and may use the client.
    ///
    /// ```
    /// use lti_ags_ureq::{Client, EventKind, Registration};
    ///
    /// fn telling(registration: Registration) -> Client {
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

    /// Has each failure of the token store reported, on the thread that met it. The call goes on without the store.
    pub fn observe_store_failures(mut self, observer: impl Fn(&StoreError) + Send + Sync + 'static) -> Self {
        self.store_observer = Some(Box::new(observer));
        self
    }

    /// The client.
    pub fn build(self) -> Client {
        let Self { mut session, agent, request_timeout, max_body_bytes, observer, .. } = self;
        if observer.is_some() {
            session.record_events();
        }
        let request_timeout = request_timeout.min(session.policy().deadline);
        let sharing = self.store.map(|store| Sharing {
            store,
            owner: format!("{:016x}{:016x}", random(), random()),
            observer: self.store_observer,
            terms: StoreTerms::new(request_timeout),
        });
        Client::assemble(Exchanger { agent, request_timeout, max_body_bytes }, session, observer, sharing)
    }
}

/// An agent with rustls, AWS-LC and the certificate authorities that the features name: the operating system's, if these are
/// among them.
#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
pub(crate) fn agent() -> Agent {
    use ureq::tls::{RootCerts, TlsConfig};
    use ureq::unversioned::{resolver::DefaultResolver, transport::DefaultConnector};

    use crate::addresses::RecentAddresses;
    let roots =
        if cfg!(feature = "platform-roots") { RootCerts::PlatformVerifier } else { RootCerts::WebPki };
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider.into());
    let config = Agent::config_builder().tls_config(tls.build()).timeout_connect(Some(CONNECT_TIMEOUT));
    let config =
        config.max_idle_connections(IDLE_CONNECTIONS).max_idle_connections_per_host(IDLE_CONNECTIONS).build();
    Agent::with_parts(config, DefaultConnector::default(), RecentAddresses::<DefaultResolver>::default())
}

fn seed() -> Seed {
    Seed::new(u128::from(random()) << 64 | u128::from(random()))
}

/// A number from the operating system; from the keys of a fresh hasher, should it have none.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one("seed"))
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("session", &self.session).finish_non_exhaustive()
    }
}
