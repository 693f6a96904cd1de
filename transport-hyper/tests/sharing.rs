//! Clients that share their tokens through a store, over a platform without sockets. The clock is the runtime's, and jumps.
#![cfg(feature = "aws-lc-rs")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::future::{pending, poll_fn, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioTimer;
use lti_ags_hyper::http::{Request, Response};
use lti_ags_hyper::{
    Bytes, Client, ClientBuilder, Endpoint, JournalError, Launch, MemoryStore, Passback, PostScore,
    Registration, Score, Settlement, SigningKey, StoreError, StoreFuture, StoreTerms, StoredToken, Summary,
    Timestamp, TokenStore, TransportError,
};
use lti_ags_testing::{Lms, Platform, ToolKey};
use tokio::time::{Instant, sleep, timeout};

const LEASE: Duration = Duration::from_secs(5);

/// A platform whose token endpoint takes a tenth of a second.
#[derive(Clone)]
struct Service(Arc<Mutex<Lms>>);

impl tower_service::Service<Request<Full<Bytes>>> for Service {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let lms = Arc::clone(&self.0);
        Box::pin(async move {
            if request.uri().path() == "/token" {
                sleep(Duration::from_millis(100)).await;
            }
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes().to_vec();
            let reply = lms.lock().unwrap().respond(Timestamp::now(), &Request::from_parts(parts, body));
            Ok(Response::builder().status(reply.status).body(reply.body.into()).unwrap())
        })
    }
}

impl Service {
    fn start() -> Self {
        Self(Arc::new(Mutex::new(Platform::builder().lms("https://lms.test"))))
    }

    fn registration(&self) -> Registration {
        let lms = self.0.lock().unwrap();
        let key = SigningKey::from_pem(ToolKey::shared().private_key_pem()).unwrap();
        let key = key.with_key_id(ToolKey::shared().id());
        Registration::new(lms.client_id(), &lms.token_endpoint(), key).unwrap()
    }

    fn endpoint(&self) -> Endpoint {
        let claims = self.0.lock().unwrap().claims(Timestamp::now(), "u-1001");
        Launch::from_claims(claims).unwrap().endpoint().unwrap()
    }

    fn sharing(&self, store: impl TokenStore + 'static) -> ClientBuilder<Self> {
        let classify = |never: Infallible| -> TransportError { match never {} };
        let builder = ClientBuilder::over(self.registration(), self.clone(), TokioTimer::new(), classify);
        builder.request_timeout(LEASE).share_tokens(store)
    }

    fn token_requests(&self) -> usize {
        self.0.lock().unwrap().ledger().token_requests().len()
    }
}

fn post(user: u32) -> PostScore {
    PostScore::new(Score::graded(format!("u-{}", 1001 + user), 85.0, 100.0).build().unwrap())
}

async fn call(client: &Client<Service>, service: &Service) {
    client.call(&service.endpoint(), post(0)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn clients_that_share_a_store_make_one_token_request() {
    let (service, store) = (Service::start(), Arc::new(MemoryStore::default()));
    let endpoint = service.endpoint();
    let clients: Vec<_> = (0..4).map(|_| service.sharing(Arc::clone(&store)).build()).collect();
    let calls = (0..40).map(|user| {
        let (client, endpoint) = (clients[user as usize % 4].clone(), endpoint.clone());
        tokio::spawn(async move { client.call(&endpoint, post(user)).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(service.token_requests(), 1);
    // A client that comes later has no need to ask either.
    call(&service.sharing(store).build(), &service).await;
    assert_eq!(service.token_requests(), 1);
    service.0.lock().unwrap().assert_no_violations();
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_replaced_once_for_all() {
    let (service, store) = (Service::start(), Arc::new(MemoryStore::default()));
    let clients: Vec<_> = (0..3).map(|_| service.sharing(Arc::clone(&store)).build()).collect();
    for client in &clients {
        call(client, &service).await;
    }
    service.0.lock().unwrap().revoke_tokens();
    let [one, two, three] = &clients[..] else { unreachable!() };
    tokio::join!(call(one, &service), call(two, &service));
    call(three, &service).await;
    assert_eq!(service.token_requests(), 2);
}

// By the system's clock, which is the one that a session goes by.
#[tokio::test]
async fn a_lease_whose_owner_died_is_waited_for_no_longer_than_it_lasts() {
    let (service, store) = (Service::start(), Arc::new(MemoryStore::default()));
    let key = key(&service).await;
    // As in a store that forgets to end it.
    assert!(store.try_lock(&key, "another", Duration::from_secs(3600)).await.unwrap());
    let timeout = Duration::from_millis(250);
    let lease = StoreTerms::new(timeout).lease();
    let client = service.sharing(Arc::clone(&store)).request_timeout(timeout).build();
    let begun = std::time::Instant::now();
    call(&client, &service).await;
    assert!(begun.elapsed() >= lease);
    assert_eq!(service.token_requests(), 2);
    // Nothing was saved: the lease is another's.
    assert!(store.load(&key).await.unwrap().is_none());
}

/// The key under which the clients of these tests share.
async fn key(service: &Service) -> String {
    let client = service.sharing(MemoryStore::default()).build();
    client.authorize(&service.endpoint()).await.unwrap();
    client.with_session(|session| session.tokens(Timestamp::now())[0].key())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_with_the_lease_holds_its_own_client_up_for_no_time() {
    let (service, store) = (Service::start(), Arc::new(MemoryStore::default()));
    let client = service.sharing(Arc::clone(&store)).build();
    let half = Duration::from_millis(50);
    assert!(timeout(half, client.call(&service.endpoint(), post(0))).await.is_err());
    let begun = Instant::now();
    call(&client, &service).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    // And it gave the lease back.
    assert!(store.try_lock(&key(&service).await, "another", LEASE).await.unwrap());
}

/// The scores of a course of twenty, of whom nobody is in another one.
fn course(number: u32) -> impl Iterator<Item = Score> {
    (981 + 20 * number..1001 + 20 * number)
        .map(|user| Score::graded(format!("u-{user}"), 85.0, 100.0).build().unwrap())
}

/// Passes a course back, and does something after each row.
async fn pass_back(
    client: &Client<Service>,
    service: &Service,
    number: u32,
    mut then: impl FnMut(usize),
) -> Summary {
    let mut settlements = client.pass_back(Passback::new(&service.endpoint()), course(number));
    let mut settled = 0;
    while let Some(settlement) = next(&mut settlements).await {
        settlement.unwrap();
        settled += 1;
        then(settled);
    }
    settlements.summary()
}

async fn next<S>(settlements: &mut S) -> Option<Result<Settlement, JournalError>>
where
    S: Stream<Item = Result<Settlement, JournalError>> + Unpin,
{
    poll_fn(|context| Pin::new(&mut *settlements).poll_next(context)).await
}

#[tokio::test(start_paused = true)]
async fn passbacks_of_clients_that_share_a_store_make_one_token_request() {
    let (service, store) = (Service::start(), Arc::new(MemoryStore::default()));
    let clients: Vec<_> = (0..2).map(|_| service.sharing(Arc::clone(&store)).build()).collect();
    let [one, two] = &clients[..] else { unreachable!() };
    let (one, two) = tokio::join!(pass_back(one, &service, 1, |_| ()), pass_back(two, &service, 2, |_| ()));
    assert_eq!((one.sent, two.sent), (20, 20));
    assert_eq!((service.token_requests(), one.token_requests + two.token_requests), (1, 1));
    service.0.lock().unwrap().assert_no_violations();
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_revoked_amid_two_passbacks_is_replaced_once() {
    let (service, store) = (Service::start(), Arc::new(MemoryStore::default()));
    let clients: Vec<_> = (0..2).map(|_| service.sharing(Arc::clone(&store)).build()).collect();
    let [one, two] = &clients[..] else { unreachable!() };
    let revoke = |settled| {
        if settled == 7 {
            service.0.lock().unwrap().revoke_tokens();
        }
    };
    let (one, two) = tokio::join!(pass_back(one, &service, 1, revoke), pass_back(two, &service, 2, |_| ()));
    assert_eq!((one.sent, two.sent), (20, 20));
    assert_eq!(service.token_requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_passback_that_is_dropped_with_the_lease_holds_its_own_client_up_for_no_time() {
    let (service, store) = (Service::start(), Arc::new(MemoryStore::default()));
    let client = service.sharing(Arc::clone(&store)).build();
    assert!(timeout(Duration::from_millis(50), pass_back(&client, &service, 1, |_| ())).await.is_err());
    let begun = Instant::now();
    call(&client, &service).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(store.try_lock(&key(&service).await, "another", LEASE).await.unwrap());
}

/// A store that takes three seconds to save.
struct Slow(Arc<MemoryStore>);

impl TokenStore for Slow {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<StoredToken>> {
        self.0.load(key)
    }

    fn try_lock<'a>(&'a self, key: &'a str, owner: &'a str, time: Duration) -> StoreFuture<'a, bool> {
        self.0.try_lock(key, owner, time)
    }

    fn save<'a>(&'a self, key: &'a str, owner: &'a str, token: &'a StoredToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            sleep(Duration::from_secs(3)).await;
            self.0.save(key, owner, token).await
        })
    }

    fn unlock<'a>(&'a self, key: &'a str, owner: &'a str) -> StoreFuture<'a, ()> {
        self.0.unlock(key, owner)
    }
}

#[tokio::test(start_paused = true)]
async fn a_passback_sends_while_its_token_is_saved_and_ends_when_it_is() {
    let (service, store) = (Service::start(), Arc::new(MemoryStore::default()));
    let client = service.sharing(Slow(Arc::clone(&store))).build();
    let key = key(&service).await;
    let begun = Instant::now();
    let mut settlements = client.pass_back(Passback::new(&service.endpoint()), course(1));
    next(&mut settlements).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(store.load(&key).await.unwrap(), None);
    while next(&mut settlements).await.is_some() {}
    assert!(store.load(&key).await.unwrap().is_some());
}

/// A store that does not do what it is asked: how often it was asked, and what it says.
struct Broken(Arc<AtomicUsize>, fn() -> StoreFuture<'static, ()>);

impl Broken {
    fn answer<T: 'static>(&self) -> StoreFuture<'_, T> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let answer = (self.1)();
        Box::pin(async { answer.await.and(Err("not so".into())) })
    }
}

impl TokenStore for Broken {
    fn load<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Option<StoredToken>> {
        self.answer()
    }

    fn try_lock<'a>(&'a self, _: &'a str, _: &'a str, _: Duration) -> StoreFuture<'a, bool> {
        self.answer()
    }

    fn save<'a>(&'a self, _: &'a str, _: &'a str, _: &'a StoredToken) -> StoreFuture<'a, ()> {
        self.answer()
    }

    fn unlock<'a>(&'a self, _: &'a str, _: &'a str) -> StoreFuture<'a, ()> {
        self.answer()
    }
}

async fn pass_back_beside(answer: fn() -> StoreFuture<'static, ()>) -> Summary {
    let service = Service::start();
    let client = service.sharing(Broken(Arc::default(), answer)).build();
    pass_back(&client, &service, 1, |_| ()).await
}

#[tokio::test(start_paused = true)]
async fn a_passback_beside_a_broken_store_sends_all() {
    for answer in [|| Box::pin(ready(Err(StoreError::from("no disk")))) as _, || Box::pin(pending()) as _] {
        let summary = pass_back_beside(answer).await;
        assert_eq!((summary.sent, summary.token_requests), (20, 1));
    }
}

async fn post_beside(answer: fn() -> StoreFuture<'static, ()>) -> (Vec<String>, usize, Duration) {
    let (service, asked, told) = (Service::start(), Arc::default(), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&told);
    let client = service
        .sharing(Broken(Arc::clone(&asked), answer))
        .observe_store_failures(move |error| heard.lock().unwrap().push(error.to_string()))
        .build();
    let begun = Instant::now();
    call(&client, &service).await;
    call(&client, &service).await;
    assert_eq!(service.token_requests(), 1);
    let told = told.lock().unwrap().clone();
    (told, asked.load(Ordering::Relaxed), begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_costs_the_sharing_alone() {
    let (told, asked, took) = post_beside(|| Box::pin(ready(Err("no disk".into())))).await;
    assert_eq!((&told[..], asked), (&["no disk".to_owned()][..], 1), "it is not asked on and on");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_says_nothing_costs_five_seconds() {
    let (told, asked, took) = post_beside(|| Box::pin(pending())).await;
    assert_eq!((&told[..], asked), (&["the token store does not answer".to_owned()][..], 1));
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stores_debug_shows_no_token() {
    let (service, store) = (Service::start(), Arc::new(MemoryStore::default()));
    let client = service.sharing(Arc::clone(&store)).build();
    call(&client, &service).await;
    let token = store.load(&key(&service).await).await.unwrap().unwrap().to_json();
    let token: serde_json::Value = serde_json::from_str(&token).unwrap();
    let seen = format!("{store:?} {client:?}");
    assert!(seen.contains("client_id=") && !seen.contains(token["access_token"].as_str().unwrap()), "{seen}");
}
