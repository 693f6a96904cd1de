//! An embedded LTI 1.3 platform with Assignment and Grade Services (AGS 2.0), to test tools against.
//!
//! [`Platform::start`] puts a strict platform on a free port of 127.0.0.1: it verifies assertions for real, checks
//! every score against the specification, and keeps a gradebook, a ledger of all exchanges and a list of the rules
//! a client broke. Scripts make it slow, busy or broken on demand; a [`Plan`] does so by chance, the same for the same
//! seed; a [`Throttle`] makes it refuse who asks too much.
//!
//! ```
//! use lti_ags_testing::{LineItem, Platform, Route, Script};
//!
//! let platform = Platform::builder()
//!     .line_item(LineItem::new("li-1", 20.0).at("/mod/lti/services.php/88/lineitems/12/lineitem?type_id=1"))
//!     .start();
//! platform.script(Route::Token, Script::reply(503).header("Retry-After", "1").times(2));
//!
//! // The tool under test gets token_endpoint(), client_id(), private_key_pem() and key_id(), and a launch:
//! let claims = platform.claims("u-1001");
//! assert_eq!(claims["aud"], platform.client_id());
//!
//! // … it posts a score …
//! assert!(platform.gradebook().result("li-1", "u-1001").is_none());
//! assert!(platform.ledger().token_requests().is_empty());
//! platform.assert_no_violations();
//! ```
//!
//! It can also behave like a real platform, with that platform's URLs, errors and quirks; what a platform overlooks
//! is a violation of the tool's all the same:
//!
//! ```
//! use lti_ags_testing::{Personality, Platform};
//!
//! let platform = Platform::builder().like(Personality::Moodle).start();
//! assert!(platform.line_items_url().ends_with("/mod/lti/services.php/2/lineitems?type_id=1"));
//! let learner = &platform.learners()[0];
//! assert!(learner.parse::<u32>().is_ok());
//! ```
//!
//! The heart, [`Lms`], is a plain value without socket or clock: [`Lms::respond`] takes a request and the time, and
//! gives a [`Reply`]. Tests without I/O use it as it is: `Platform::builder().lms("https://lms.test")`.
//!
//! ```text
//!   request ─► script? ─► token endpoint      ─► assertion  ─► Reply ─► socket (delay, reset, stall, garbage…)
//!                 │   ├─► line items, results ─► gradebook       │
//!                 │   └─► score service       ─► gradebook       │
//!                 └── ledger, violations ◄───────────────────────┘
//! ```

mod asked;
mod assertion;
mod bearer;
mod body;
mod builder;
mod cause;
mod claims;
mod entry;
mod gradebook;
mod http1;
mod json;
mod key;
mod ledger;
mod line_item;
mod line_items;
mod lms;
mod media;
pub mod names;
mod page;
mod personality;
mod plan;
mod platform;
mod registration;
mod reply;
mod results;
mod score;
mod script;
mod server;
mod services;
mod throttle;
mod time;
mod token;
mod violation;

pub use builder::Builder;
pub use entry::Entry;
pub use gradebook::Gradebook;
pub use key::{KeyError, ToolKey, TrustedKeys};
pub use ledger::{Exchange, Ledger, RawHead, Service};
pub use line_item::LineItem;
pub use lms::Lms;
pub use personality::{Personality, UnknownPersonality};
pub use plan::Plan;
pub use platform::Platform;
pub use registration::ScopePolicy;
pub use reply::{Delivery, Reply};
pub use script::{Route, Script};
pub use throttle::Throttle;
pub use violation::{Kind, Violation};
