//! LTI Advantage Assignment and Grade Services (AGS 2.0) on the calling thread, through [ureq].
//!
//! A [`Client`] is the core's loop, ureq's agent and a lock around the session: everything that decides is in
//! [`lti_ags`], which is exported again here.
//!
//! ```no_run
//! use lti_ags_ureq::{Client, Launch, PostScore, Registration, Score, SigningKey};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let key = SigningKey::from_pem(std::fs::read("tool.pem")?)?.with_key_id("k-2026-01");
//!     let registration = Registration::new("tool-7f3a", "https://lms.example/token", key)?;
//!     let launch = Launch::from_json(&std::fs::read_to_string("claims.json")?)?;
//!     let score = Score::graded(launch.user_id().ok_or("anonymous")?, 85.0, 100.0).build()?;
//!     let receipt = Client::new(registration).call(&launch.endpoint()?, PostScore::new(score))?;
//!     println!("posted at {}", receipt.timestamp);
//!     Ok(())
//! }
//! ```

// What a platform sends must not end a program that uses this.
#![cfg_attr(
    not(test),
    warn(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[cfg(all(feature = "aws-lc-rs", any(feature = "bundled-roots", feature = "platform-roots")))]
mod addresses;
mod builder;
mod client;
mod crew;
mod exchange;
mod journal_file;
mod pages;
mod passback;
#[cfg(feature = "redis")]
mod redis_store;
mod sharing;
mod token_store;
#[cfg(feature = "tracing")]
mod trace;

pub use builder::ClientBuilder;
pub use client::Client;
pub use journal_file::JournalFile;
pub use lti_ags::*;
pub use pages::{Items, Pages};
pub use passback::Settlements;
#[cfg(feature = "redis")]
pub use redis;
#[cfg(feature = "redis")]
pub use redis_store::RedisStore;
pub use token_store::{MemoryStore, StoreError, TokenStore};
#[cfg(feature = "tracing")]
pub use trace::trace;

#[expect(clippy::doc_markdown, reason = "platforms are no code")]
#[doc = include_str!("course.md")]
pub mod course {}

/// The programs of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
