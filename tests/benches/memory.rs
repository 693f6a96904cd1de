//! The memory that a call holds while it waits for a token that another call is fetching, its future, its operation and all;
//! and the most that a passback of 100,000 scores with a journal holds. Apart from the other benchmarks, since counting slows
//! every allocation.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use futures_util::StreamExt as _;
use lti_ags::{Endpoint, JournalHeader, Launch, Passback, PostScore, Registration, Score, SigningKey};
use lti_ags_hyper::{Client, JournalFile};
use lti_ags_testing::{Platform, Route, Script};

/// Calls that wait.
const WAITING: usize = 1_000;
/// Scores of the passback.
const MANY: usize = 100_000;

fn operation(endpoint: &Endpoint, number: usize) -> PostScore {
    let score = Score::graded(format!("s-{number:04}"), 85.0, 100.0).build().unwrap();
    PostScore::new(score).at(endpoint.line_item().unwrap().clone()).unwrap()
}

fn poll<F: Future>(call: &mut Pin<Box<F>>) {
    let pending = call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
    assert!(pending, "the token is on its way");
}

fn registration(platform: &Platform) -> Registration {
    let key = SigningKey::from_pem(platform.private_key_pem()).unwrap().with_key_id(platform.key_id());
    Registration::new(platform.client_id(), &platform.token_endpoint(), key).unwrap()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    waiting(&runtime);
    passback(&runtime);
}

fn waiting(runtime: &tokio::runtime::Runtime) {
    let _guard = runtime.enter();
    let platform = Platform::start();
    platform.script(Route::Token, Script::normal().delay(Duration::from_secs(30)));
    let endpoint = Launch::from_claims(platform.claims("u-1001")).unwrap().endpoint().unwrap();
    let key = SigningKey::from_pem(platform.private_key_pem()).unwrap().with_key_id(platform.key_id());
    let client =
        Client::new(Registration::new(platform.client_id(), &platform.token_endpoint(), key).unwrap());

    let mut fetching = Box::pin(client.call(&endpoint, operation(&endpoint, WAITING)));
    poll(&mut fetching);
    let mut waiting = Vec::with_capacity(WAITING);
    let held = allocation_counter::measure(|| {
        for number in 0..WAITING {
            let mut call = Box::pin(client.call(&endpoint, operation(&endpoint, number)));
            poll(&mut call);
            waiting.push(call);
        }
    });
    let (future, each) = (size_of_val(&*fetching), held.bytes_current / i64::try_from(WAITING).unwrap());
    println!("a call that waits holds {each} bytes, its future of {future} bytes included");
}

/// All of it happens on the one thread of the runtime, but for the writing of the journal.
fn passback(runtime: &tokio::runtime::Runtime) {
    let user = |number| format!("s-{number:06}");
    let platform = Platform::builder().learners((0..MANY).map(user)).ledger_limit(16).start();
    let endpoint = Launch::from_claims(platform.claims(&user(0))).unwrap().endpoint().unwrap();
    let client = Client::new(registration(&platform));
    let rows = (0..MANY).map(|number| Score::graded(user(number), 85.0, 100.0).build().unwrap());
    let path = std::env::temp_dir().join(format!("passback-memory-{}.journal", std::process::id()));
    let header = JournalHeader::new("bench", [endpoint.line_item().unwrap()]);
    let journal = JournalFile::open(&path, header).unwrap();
    let held = allocation_counter::measure(|| {
        let sent = runtime.block_on(async {
            let plan = Passback::new(&endpoint).concurrency(64);
            let mut settlements = client.pass_back_with_journal(plan, rows, journal);
            while settlements.next().await.is_some() {}
            settlements.summary().sent
        });
        assert_eq!(sent, MANY as u64);
    });
    std::fs::remove_file(path).unwrap();
    let kibibytes = held.bytes_max / 1024;
    println!("a passback of {MANY} scores with a journal holds {kibibytes} KiB at most");
}
