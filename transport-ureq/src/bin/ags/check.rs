//! `ags check`: what this platform allows, and where it has its own ways. It reads; with `--write` it also makes a line item
//! of its own, and deletes it again. No score is ever sent.

mod grant;
mod line_items;
mod lists;
mod own_item;
mod probe;
mod recognised;
mod report;
mod results;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use lti_ags_ureq::{
    Error, ErrorKind, Event, EventKind, LineItem, Operation, Policy, Registration, Scope, Scopes, ServiceUrl,
};

use crate::args::{self, Global};
use crate::failure::{Failure, chain};
use crate::interrupt::Interrupt;
use crate::output;
use crate::platform::Platform;

use own_item::OwnItem;
use probe::{Probe, Seen};
use recognised::Recognised;
use report::Report;

/// A clock that is off by more than this can make tokens fail: assertions are back-dated by five seconds only.
const CLOCK_TOLERANCE: i64 = 5;

/// What the library calls the request for a token.
const TOKEN_REQUEST: &str = "token request";

const STOPPING: &str = "stopping: the line item that was made is deleted first; once more ends it at once";

/// How many requests there were, how many were to be sent again, and how many of these since the platform throttles.
#[derive(Debug, Default)]
struct Asked {
    requests: AtomicU32,
    failed: AtomicU32,
    throttled: AtomicU32,
    /// The platform tells what is left of its limit.
    has_limit: AtomicBool,
}

impl Asked {
    fn note(&self, event: &Event) {
        let count = |number: &AtomicU32| number.fetch_add(1, Ordering::Relaxed);
        match &event.kind {
            EventKind::Exchange { remaining, .. } => {
                count(&self.requests);
                self.has_limit.fetch_or(remaining.is_some(), Ordering::Relaxed);
            }
            EventKind::Retry { error } => {
                count(&self.failed);
                if matches!(error.kind(), ErrorKind::RateLimited { .. }) {
                    count(&self.throttled);
                }
            }
            _ => {}
        }
    }
}

/// A check on its way.
struct Check<'a> {
    platform: &'a Platform,
    registration: Registration,
    policy: Policy,
    report: Report<'a>,
    recognised: Option<Recognised>,
    granted: Scopes,
    /// What the container lists, if that is known wholly.
    listed: Option<Vec<LineItem>>,
    asked: Arc<Asked>,
    clock_ahead: Option<i64>,
    interrupt: Interrupt,
}

pub(crate) fn run(global: &Global, args: &args::Check) -> Result<(), Failure> {
    let asked = Arc::new(Asked::default());
    let watch = Arc::clone(&asked);
    let (platform, nothing) = match Platform::watched(global, None, move |event| watch.note(event)) {
        // A finding like others: which platform it is, the registration tells.
        Err(failure) if failure.kind() == "service_not_available" => {
            (Platform::open(&Global { claims: None, ..global.clone() }, None)?, Some(failure))
        }
        platform => (platform?, None),
    };
    let (registration, policy) =
        platform.client().with_session(|session| (session.registration().clone(), session.policy().clone()));
    let mut check = Check {
        platform: &platform,
        recognised: Recognised::by_urls(&registration, platform.endpoint()),
        registration,
        policy,
        report: Report::new(platform.output()),
        granted: Scopes::from_iter([]),
        listed: None,
        asked,
        clock_ahead: None,
        // What only reads may end anywhere.
        interrupt: if args.write {
            Interrupt::listen(global.json, || output::note(STOPPING), own_item::cut_short)
        } else {
            Interrupt::default()
        },
    };
    let is_known = check.platform_name()?;
    if let Some(failure) = nothing {
        let detail = format!("The launch offers no Assignment and Grade Services. {}", check.who_allows_it());
        check.report.fails("endpoint", &detail, failure)?;
    } else if check.token()? {
        let mut own = None;
        let outcome = check.services(args.write, &mut own);
        // Whatever happened: what was made is deleted again.
        let cleaned = own.map_or(Ok(()), |own| check.remove(own));
        outcome.and(cleaned)?;
        if !is_known {
            check.platform_name()?;
        }
        check.clock()?;
        check.patience()?;
    }
    check.report.finish()
}

impl Check<'_> {
    fn services(&mut self, write: bool, own: &mut Option<OwnItem>) -> Result<(), Failure> {
        self.scopes()?;
        self.places()?;
        self.deletion()?;
        if write {
            self.make(own)?;
        }
        self.go_on()?;
        self.line_items(own.as_ref())?;
        self.go_on()?;
        self.launch_line_item()?;
        self.results()
    }

    /// Not if somebody wants it to end.
    fn go_on(&self) -> Result<(), Failure> {
        if self.interrupt.was_heard() {
            return Err(Failure::new(
                "outcome_unknown",
                "the check was stopped before it had come to its end",
            ));
        }
        Ok(())
    }

    /// Performs an operation, and notes what its answer was like.
    fn probe<O: Operation>(&mut self, operation: O) -> (Result<O::Output, Error>, Seen) {
        let seen = RefCell::new(Seen::default());
        let probe = Probe { operation, seen: &seen };
        let result = self.platform.client().call(self.platform.endpoint(), probe);
        let seen = seen.into_inner();
        self.clock_ahead = self.clock_ahead.or(seen.clock_ahead);
        (result, seen)
    }

    fn may(&self, any_of: &[Scope]) -> bool {
        any_of.iter().any(|scope| self.granted.contains(scope))
    }

    /// Whether the token may go there.
    fn is_trusted(&self, url: &ServiceUrl) -> bool {
        let endpoint = self.platform.endpoint();
        let mut known = endpoint.line_items().into_iter().chain(endpoint.line_item());
        known.any(|known| known.origin() == url.origin()) || self.policy.allow_origins.contains(url.origin())
    }

    fn may_read_line_items(&self) -> bool {
        self.may(&[Scope::LINE_ITEM_READONLY, Scope::LINE_ITEM])
    }

    /// What went wrong, as a sentence without the name of the operation in front, which the finding says. The platform's own
    /// words may name a user: of them, only those about a token are repeated.
    fn why(&self, error: &Error) -> String {
        let mut text = chain(error);
        if let Some(refusal) = error.refusal().filter(|_| error.operation() != Some(TOKEN_REQUEST)) {
            let status = format!("the platform answered {}", refusal.status().as_str());
            text = text.replace(&refusal.to_string(), &status);
        }
        let text = match error.operation().and_then(|name| text.strip_prefix(name)) {
            Some(rest) => rest.trim_start_matches(": "),
            None => &text,
        };
        self.report.shown(text)
    }

    /// Which platform it is, where that is known.
    fn platform_name(&mut self) -> Result<bool, Failure> {
        let Some(platform) = self.recognised else { return Ok(false) };
        self.report.fine("platform", &format!("This looks like {platform}."))?;
        Ok(true)
    }

    /// Whether both clocks agree: tokens and timestamps live by them.
    fn clock(&mut self) -> Result<(), Failure> {
        match self.clock_ahead {
            None => Ok(()),
            Some(ahead) if ahead.abs() <= CLOCK_TOLERANCE => {
                self.report.fine("clock", "The platform's clock and this machine's agree.")
            }
            Some(ahead) => {
                let direction = if ahead > 0 { "ahead of" } else { "behind" };
                let detail = format!(
                    "The platform's clock is {} seconds {direction} this machine's; where they differ, platforms refuse \
                     tokens and drop scores as old. Set both by NTP.",
                    ahead.abs()
                );
                self.report.differs("clock", &detail)
            }
        }
    }

    /// Whether requests had to be sent again.
    fn patience(&mut self) -> Result<(), Failure> {
        let number = |number: &AtomicU32| number.load(Ordering::Relaxed);
        let Asked { requests, failed, throttled, has_limit } = &*self.asked;
        if has_limit.load(Ordering::Relaxed) {
            let detail =
                "The platform has a rate limit, and tells what is left of it (X-Rate-Limit-Remaining).";
            self.report.fine("rate_limit", detail)?;
        }
        let (requests, failed) = (number(requests), number(failed));
        let detail = match (failed, number(throttled)) {
            (0, _) => return self.report.fine("retries", "No request had to be sent again."),
            (_, 0) => format!(
                "{failed} of {requests} requests failed at first, and were sent again; `--trace` shows which."
            ),
            (_, throttled) => format!(
                "The platform throttles: {throttled} of {requests} requests had to wait and be sent again. Bulk work \
                 may take long, and a lower --concurrency may be quicker."
            ),
        };
        self.report.differs("retries", &detail)
    }
}
