//! One tool, two transports: the scenarios run over both.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::print_stdout, reason = "all output of the tests is looked through for secrets")]

use std::sync::Arc;
use std::time::Duration;

use lti_ags::{
    Endpoint, Error, Event, Grant, Launch, Member, Operation, Page, Policy, Registration, Session, SigningKey,
};
use lti_ags_testing::Platform;

/// A client over one of the transports.
pub trait Tool: Sized + Send + Sync + 'static {
    fn assemble(registration: Registration, policy: Policy, limits: Limits) -> Self;

    /// The same, with an observer of its events.
    fn observed(
        registration: Registration,
        policy: Policy,
        limits: Limits,
        observer: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Self;

    fn call<O>(&self, endpoint: &Endpoint, operation: O) -> Result<O::Output, Error>
    where
        O: Operation + Send + 'static,
        O::Output: Send + 'static;

    fn authorize(&self, endpoint: &Endpoint) -> Result<Grant, Error>;

    fn with_session<R>(&self, look: impl FnOnce(&mut Session) -> R) -> R;

    /// All members of a list, of which there may be no more than `cap`.
    fn collect<O, M>(&self, endpoint: &Endpoint, list: O, cap: usize) -> Result<Vec<M>, Error>
    where
        O: Operation<Output = Page<M>>,
        M: Member;

    /// Performs operations at the same time.
    fn call_all<O>(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        operations: Vec<O>,
    ) -> Vec<Result<O::Output, Error>>
    where
        O: Operation + Send + 'static,
        O::Output: Send + 'static;

    fn on(platform: &Platform) -> Self {
        Self::assemble(registration(platform), impatient(), Limits::default())
    }

    fn with(platform: &Platform, policy: Policy) -> Self {
        Self::assemble(registration(platform), policy, Limits::default())
    }
}

#[derive(Clone, Copy)]
pub struct Limits {
    pub request_timeout: Duration,
    pub max_body_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { request_timeout: Duration::from_secs(20), max_body_bytes: 1024 * 1024 }
    }
}

/// A policy that does not make tests wait.
pub fn impatient() -> Policy {
    let mut policy = Policy::default();
    policy.backoff = Duration::from_millis(2);
    policy.max_backoff = Duration::from_millis(10);
    policy
}

pub fn registration(platform: &Platform) -> Registration {
    let key = SigningKey::from_pem(platform.private_key_pem()).unwrap().with_key_id(platform.key_id());
    Registration::new(platform.client_id(), &platform.token_endpoint(), key)
        .unwrap()
        .with_deployment_id(platform.deployment_id())
}

pub fn launch(platform: &Platform) -> Launch {
    Launch::from_claims(platform.claims("u-1001")).unwrap()
}

pub fn endpoint(platform: &Platform) -> Endpoint {
    launch(platform).endpoint().unwrap()
}

/// For those who look through all output of the tests for secrets.
fn tell<T>(result: Result<T, Error>) -> Result<T, Error> {
    result.inspect_err(|error| println!("{error} {error:?} {:?}", error.refusal()))
}

/// On the calling thread.
pub struct OverUreq(pub lti_ags_ureq::Client);

impl OverUreq {
    fn builder(registration: Registration, policy: Policy, limits: Limits) -> lti_ags_ureq::ClientBuilder {
        lti_ags_ureq::Client::builder(registration)
            .policy(policy)
            .request_timeout(limits.request_timeout)
            .max_body_bytes(limits.max_body_bytes.into())
    }
}

impl Tool for OverUreq {
    // What it tells is looked through for secrets, where all output of the tests is.
    fn assemble(registration: Registration, policy: Policy, limits: Limits) -> Self {
        Self::observed(registration, policy, limits, |event| println!("{event:?}"))
    }

    fn observed(
        registration: Registration,
        policy: Policy,
        limits: Limits,
        observer: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Self {
        Self(Self::builder(registration, policy, limits).observe(observer).build())
    }

    fn call<O>(&self, endpoint: &Endpoint, operation: O) -> Result<O::Output, Error>
    where
        O: Operation + Send + 'static,
        O::Output: Send + 'static,
    {
        tell(self.0.call(endpoint, operation))
    }

    fn authorize(&self, endpoint: &Endpoint) -> Result<Grant, Error> {
        self.0.authorize(endpoint)
    }

    fn with_session<R>(&self, look: impl FnOnce(&mut Session) -> R) -> R {
        self.0.with_session(look)
    }

    fn collect<O, M>(&self, endpoint: &Endpoint, list: O, cap: usize) -> Result<Vec<M>, Error>
    where
        O: Operation<Output = Page<M>>,
        M: Member,
    {
        self.0.collect(endpoint, list, cap)
    }

    fn call_all<O>(self: &Arc<Self>, endpoint: &Endpoint, operations: Vec<O>) -> Vec<Result<O::Output, Error>>
    where
        O: Operation + Send + 'static,
        O::Output: Send + 'static,
    {
        let spawn = |operation| {
            let (tool, endpoint) = (Arc::clone(self), endpoint.clone());
            std::thread::spawn(move || tool.call(&endpoint, operation))
        };
        let threads: Vec<_> = operations.into_iter().map(spawn).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

/// As futures, on a runtime of its own.
pub struct OverHyper {
    pub client: lti_ags_hyper::Client<lti_ags_hyper::Https>,
    pub runtime: tokio::runtime::Runtime,
}

impl OverHyper {
    fn builder(
        registration: Registration,
        policy: Policy,
        limits: Limits,
    ) -> lti_ags_hyper::ClientBuilder<lti_ags_hyper::Https> {
        lti_ags_hyper::Client::builder(registration)
            .policy(policy)
            .request_timeout(limits.request_timeout)
            .max_body_bytes(limits.max_body_bytes.try_into().unwrap())
    }

    fn run(client: lti_ags_hyper::Client<lti_ags_hyper::Https>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Self { client, runtime: runtime.unwrap() }
    }
}

impl Tool for OverHyper {
    fn assemble(registration: Registration, policy: Policy, limits: Limits) -> Self {
        Self::run(Self::builder(registration, policy, limits).build())
    }

    fn observed(
        registration: Registration,
        policy: Policy,
        limits: Limits,
        observer: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Self {
        Self::run(Self::builder(registration, policy, limits).observe(observer).build())
    }

    fn call<O>(&self, endpoint: &Endpoint, operation: O) -> Result<O::Output, Error>
    where
        O: Operation + Send + 'static,
        O::Output: Send + 'static,
    {
        let (client, endpoint) = (self.client.clone(), endpoint.clone());
        // Spawned, which proves that the future may move between threads.
        let task = self.runtime.spawn(async move { client.call(&endpoint, operation).await });
        tell(self.runtime.block_on(task).unwrap())
    }

    fn authorize(&self, endpoint: &Endpoint) -> Result<Grant, Error> {
        self.runtime.block_on(self.client.authorize(endpoint))
    }

    fn with_session<R>(&self, look: impl FnOnce(&mut Session) -> R) -> R {
        self.client.with_session(look)
    }

    fn collect<O, M>(&self, endpoint: &Endpoint, list: O, cap: usize) -> Result<Vec<M>, Error>
    where
        O: Operation<Output = Page<M>>,
        M: Member,
    {
        self.runtime.block_on(self.client.collect(endpoint, list, cap))
    }

    fn call_all<O>(self: &Arc<Self>, endpoint: &Endpoint, operations: Vec<O>) -> Vec<Result<O::Output, Error>>
    where
        O: Operation + Send + 'static,
        O::Output: Send + 'static,
    {
        let spawn = |operation| {
            let (client, endpoint) = (self.client.clone(), endpoint.clone());
            self.runtime.spawn(async move { client.call(&endpoint, operation).await })
        };
        let tasks: Vec<_> = operations.into_iter().map(spawn).collect();
        self.runtime.block_on(async {
            let mut results = Vec::new();
            for task in tasks {
                results.push(task.await.unwrap());
            }
            results
        })
    }
}

/// Makes a test of each scenario for each transport.
#[macro_export]
macro_rules! scenarios {
    ($($(#[$attribute:meta])* $scenario:ident),+ $(,)?) => {
        mod over_ureq {
            $(#[test] $(#[$attribute])* fn $scenario() { super::$scenario::<super::common::OverUreq>(); })+
        }
        mod over_hyper {
            $(#[test] $(#[$attribute])* fn $scenario() { super::$scenario::<super::common::OverHyper>(); })+
        }
    };
}
