//! LTI Advantage Assignment and Grade Services (AGS 2.0) for tools, without I/O.
//!
//! A learning tool is launched from a platform (Canvas, Moodle, Brightspace, Blackboard, Sakai, Open edX…) and sends
//! grades back to its gradebook. This crate decides everything about that and does none of it: it makes
//! [`http::Request`]s and reads [`http::Response`]s. The crates `lti-ags-ureq` (on the calling thread) and
//! `lti-ags-hyper` (as futures) carry them; so does any HTTP client, by the loop below.
//!
//! ```text
//! a launch's claims ─► Endpoint ─┐
//! a registration, a key ─────────┼─► Session ── begin(operation) ─► Step ─┬─ Send(request, InFlight) ─► receive ─► Step …
//! a seed, the time (arguments) ──┘   (tokens,                             ├─ Wait(duration, Paused) ─► resume ───► Step …
//!                                     pacing)                             └─ Done(result)
//! ```
//!
//! An [`Operation`], such as [`PostScore`], is a value that knows one thing to do. A [`Session`] is what calls to one
//! registration share. A call is an operation on its way: each [`Step`] holds the only thing that can be done with it
//! next, so that a driver cannot hold it wrong. A [`Passback`] drives many of them. Time comes in as an argument, and
//! so does a [`Seed`]; there is no clock, socket, thread or source of randomness here, but for what the crypto library
//! draws to make a key or an ECDSA signature.
//!
//! ```
//! # fn http(_: http::Request<Bytes>) -> Result<http::Response<Vec<u8>>, lti_ags::TransportError> {
//! #     Ok(http::Response::new(br#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#.to_vec()))
//! # }
//! # fn now() -> lti_ags::Timestamp { "2026-03-02T09:00:00Z".parse().unwrap() }
//! # struct Nobody;
//! # impl lti_ags::Signer for Nobody {
//! #     fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> { Ok(vec![]) }
//! # }
//! # use std::thread::sleep;
//! use lti_ags::{Bytes, Endpoint, PostScore, Registration, Score, Seed, Session, Step, http};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let key = lti_ags::SigningKey::external(lti_ags::Algorithm::Rs256, "k-2026-01", Nobody);
//! let registration = Registration::new("tool-7f3a", "https://lms.example/token", key)?;
//! let mut session = Session::new(registration, Seed::new(7));
//!
//! let endpoint = Endpoint::for_line_item("https://lms.example/lineitems/9")?;
//! let score = Score::graded("u-1001", 85.0, 100.0).build()?;
//!
//! let mut step = session.begin(&endpoint, PostScore::new(score), now());
//! let receipt = loop {
//!     step = match step {
//!         Step::Send(request, in_flight) => in_flight.receive(&mut session, now(), http(request)),
//!         Step::Wait(delay, paused) => { sleep(delay); paused.resume(&mut session, now()) }
//!         Step::Done(result) => break result?,
//!     };
//! };
//! # let _ = receipt;
//! # Ok(()) }
//! ```
//!
//! `http` above stands for an HTTP client that does not follow redirects, that takes a refusal for an answer, and that
//! tells of a failure whether the request may have left ([`TransportError`]).

// What a platform sends must not end a program that uses this.
#![cfg_attr(
    not(any(test, fuzzing)),
    warn(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod assertion;
mod authorize;
mod call;
pub mod canvas;
mod challenge;
mod claims;
mod container;
mod create_line_item;
mod date;
mod declared_line_item;
mod delete_line_item;
mod endpoint;
mod ensure_line_item;
mod error;
mod event;
mod extensions;
mod filter;
mod finite;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod get_line_item;
mod get_result;
mod interval;
mod journal;
mod key;
mod line_item;
mod link;
mod list_line_items;
mod list_results;
mod listing;
mod media;
mod new_line_item;
mod number;
mod numbered;
mod operation;
mod pacing;
mod page;
mod passback;
#[doc = include_str!("platforms.md")]
pub mod platforms {}
mod policy;
mod post_score;
mod private;
mod refusal;
mod registration;
mod renewal;
mod request;
mod result;
mod retry;
mod retry_after;
mod review;
mod scan;
mod scope;
mod score;
mod secrecy;
mod session;
mod sharing;
mod stored_registration;
mod text;
mod timestamps;
mod token;
mod transport;
mod update_line_item;
mod url;
mod web_page;
mod words;

pub use authorize::Authorize;
pub use call::{InFlight, Paused, Step};
pub use claims::Launch;
pub use create_line_item::CreateLineItem;
pub use date::{format_timestamp, parse_timestamp};
pub use declared_line_item::DeclaredLineItem;
pub use delete_line_item::DeleteLineItem;
pub use endpoint::Endpoint;
pub use ensure_line_item::{EnsureLineItem, Ensured};
pub use error::{Error, ErrorKind};
pub use event::{Event, EventKind, WaitReason};
pub use extensions::{ExtensionError, Extensions};
pub use get_line_item::GetLineItem;
pub use get_result::GetResult;
pub use journal::{History, Journal, JournalError, JournalHeader, JournalReader, Recovered};
pub use key::{Algorithm, Jwk, JwkSet, KeyError, PrivateKeyPem, Signer, SigningKey};
pub use line_item::{LineItem, LineItemUpdate};
pub use list_line_items::ListLineItems;
pub use list_results::ListResults;
pub use listing::{Listing, PageRequest};
pub use new_line_item::NewLineItem;
pub use operation::{Answer, Context, Exchange, Operation, Replay};
pub use page::{Continuation, Member, Page};
pub use passback::{
    Batch, Flight, Halt, Passback, Reason, Row, RowOutcome, Settlement, Stopper, Summary, Turn,
};
pub use policy::{Policy, TokenScopes};
pub use post_score::{Outcome, PostScore, Receipt};
pub use refusal::{ReasonPhrase, Refusal};
pub use registration::{Audience, Registration};
pub use result::UserResult;
pub use review::SubmissionReview;
pub use scope::{Scope, Scopes};
pub use score::{ActivityProgress, GradingProgress, Score, ScoreBuilder};
pub use session::{Seed, Session};
pub use sharing::{Inquiry, Loading, Locking, Settle, StoreLease, StoreTerms};
pub use stored_registration::StoredRegistration;
pub use timestamps::Timestamps;
pub use token::{Grant, Lease, StoredToken, UnusableToken};
pub use transport::{Cause, Fate, TransportError};
pub use update_line_item::{UpdateLineItem, Updated};
pub use url::{Origin, ServiceUrl};
pub use words::printable;

pub use bytes::Bytes;
pub use http;
pub use jiff::Timestamp;
