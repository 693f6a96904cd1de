//! The memory that a call holds while it waits for a token that another call is fetching, its future, its operation and all.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use lti_ags::{Endpoint, Launch, PostScore, Registration, Score, SigningKey};
use lti_ags_hyper::Client;
use lti_ags_testing::{Platform, Route, Script};

/// Calls that wait.
const WAITING: usize = 1_000;

fn operation(endpoint: &Endpoint, number: usize) -> PostScore {
    let score = Score::graded(format!("s-{number:04}"), 85.0, 100.0).build().unwrap();
    PostScore::new(score).at(endpoint.line_item().unwrap().clone()).unwrap()
}

fn poll<F: Future>(call: &mut Pin<Box<F>>) {
    let pending = call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
    assert!(pending, "the token is on its way");
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
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
