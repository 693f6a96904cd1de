//! LTI Advantage Assignment and Grade Services (AGS 2.0) as futures, through hyper or any [tower] service.
//!
//! A [`Client`] is the core's loop, an HTTP service and a lock around the session: everything that decides is in
//! [`lti_ags`], which is exported again here.
//!
//! ```no_run
//! use lti_ags_hyper::{Client, Launch, PostScore, Registration, Score, SigningKey};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let key = SigningKey::from_pem(std::fs::read("tool.pem")?)?.with_key_id("k-2026-01");
//!     let registration = Registration::new("tool-7f3a", "https://lms.example/token", key)?;
//!     let launch = Launch::from_json(&std::fs::read_to_string("claims.json")?)?;
//!     let score = Score::graded(launch.user_id().ok_or("anonymous")?, 85.0, 100.0).build()?;
//!     let receipt = Client::new(registration).call(&launch.endpoint()?, PostScore::new(score)).await?;
//!     println!("posted at {}", receipt.timestamp);
//!     Ok(())
//! }
//! ```
//!
//! Workers of a queue, and several machines: see [`background`].
//!
//! [tower]: tower_service

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

#[doc = include_str!("background.md")]
pub mod background {}
mod builder;
#[cfg(feature = "rustls")]
mod classify;
mod client;
#[cfg(feature = "rustls")]
mod connect;
mod exchange;
mod journal_file;
mod pages;
mod passback;
#[cfg(feature = "redis")]
mod redis_store;
mod shared;
mod sharing;
mod token_store;
#[cfg(feature = "tracing")]
mod trace;
mod writer;

pub use builder::ClientBuilder;
#[cfg(feature = "rustls")]
pub use classify::classify;
pub use client::Client;
#[cfg(feature = "rustls")]
pub use connect::{Connector, Https, https, https_with};
pub use exchange::HttpService;
pub use journal_file::JournalFile;
pub use lti_ags::*;
pub use passback::Settlements;
#[cfg(feature = "redis")]
pub use redis;
#[cfg(feature = "redis")]
pub use redis_store::RedisStore;
#[cfg(feature = "rustls")]
pub use rustls;
pub use token_store::{MemoryStore, StoreError, StoreFuture, TokenStore};
#[cfg(feature = "tracing")]
pub use trace::trace;
