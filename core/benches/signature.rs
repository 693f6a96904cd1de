//! One RSA-2048 signature by each backend, and the request for a token that holds one: what of it is not the signature's.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark reads the clock and prints"
)]
#![cfg_attr(
    not(any(feature = "aws-lc-rs", feature = "rust-crypto")),
    allow(unused, reason = "nothing signs")
)]

use std::hint::black_box;
use std::time::Instant;

use lti_ags::{Endpoint, GetResult, Registration, Seed, Session, SigningKey, Step};

const ROUNDS: usize = 101;

fn main() {
    #[cfg(feature = "aws-lc-rs")]
    compare("aws-lc-rs", aws_lc_rs_alone());
    #[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
    compare("rust-crypto", rust_crypto_alone());
}

#[cfg(feature = "aws-lc-rs")]
fn aws_lc_rs_alone() -> impl FnMut(&[u8]) {
    use aws_lc_rs::{rand, rsa, signature};
    let key = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    move |message| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&signature::RSA_PKCS1_SHA256, &rand::SystemRandom::new(), message, &mut signature).unwrap();
        black_box(signature);
    }
}

#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
fn rust_crypto_alone() -> impl FnMut(&[u8]) {
    use rsa::{Pkcs1v15Sign, rand_core::OsRng};
    let key = rsa::RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
    // As long as a SHA-256 and its prefix: what is signed is taken for a hash already.
    move |message| {
        let signed = key.sign_with_rng(&mut OsRng, Pkcs1v15Sign::new_unprefixed(), &message[..51]);
        drop(black_box(signed.unwrap()));
    }
}

#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
fn compare(backend: &str, mut alone: impl FnMut(&[u8])) {
    let key = SigningKey::generate_rsa(2048).unwrap().with_key_id("k");
    let registration = Registration::new("tool", "https://lms.example/token", key).unwrap();
    let mut session = Session::new(registration, Seed::new(1));
    let endpoint = Endpoint::for_line_item("https://lms.example/line_items/9").unwrap();
    let now = "2026-03-02T09:00:00Z".parse().unwrap();
    // About as long as what is signed of an assertion.
    let message = [b'a'; 400];
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(microseconds(|| match session.begin(&endpoint, GetResult::new("u-1001"), now) {
            Step::Send(_, in_flight) => session.release(in_flight.lease().unwrap()),
            other => unreachable!("{other:?}"),
        }));
        floor.push(microseconds(|| alone(&message)));
    }
    let (ours, floor) = (median(&mut ours), median(&mut floor));
    println!(
        "{backend}: {floor:.0} µs a signature, {ours:.0} µs a request for a token; ratio {:.2}",
        ours / floor
    );
}

fn microseconds(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64() * 1e6
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
