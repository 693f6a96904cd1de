//! Scripted behaviour: what the platform is to do to coming requests before acting on them, or instead.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::ledger::Service;
use crate::reply::{Delivery, Reply};

/// Which requests a script is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// The token endpoint.
    Token,
    /// The container of line items.
    LineItems,
    /// Any one line item.
    LineItem,
    /// The score service of any line item.
    Scores,
    /// The results of any line item.
    Results,
    /// Every request.
    Any,
    /// Requests whose path begins so.
    Prefix(String),
}

impl Route {
    pub(crate) fn takes(&self, service: Service, path: &str) -> bool {
        match self {
            Self::Token => service == Service::Token,
            Self::LineItems => service == Service::LineItems,
            Self::LineItem => service == Service::LineItem,
            Self::Scores => service == Service::Scores,
            Self::Results => service == Service::Results,
            Self::Any => true,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "token requests",
            Self::LineItems => "requests for line items",
            Self::LineItem => "requests for one line item",
            Self::Scores => "score requests",
            Self::Results => "requests for results",
            Self::Any => "all requests",
            Self::Prefix(prefix) => return write!(f, "requests below {prefix}"),
        })
    }
}

/// What to do to the next requests of a route, one step after the other; then the platform is itself again.
///
/// ```
/// # use lti_ags_testing::Script;
/// # use std::time::Duration;
/// let busy = Script::reply(503).header("Retry-After", "1").times(2).then(Script::reset_after_acting());
/// let slow = Script::normal().delay(Duration::from_millis(50)).times(10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    earlier: Vec<Step>,
    last: Step,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    times: usize,
    /// Whether the platform acts on the request.
    pub(crate) act: bool,
    /// Whether all tokens are worthless from now on.
    pub(crate) revoke: bool,
    delay: Duration,
    answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Own,
    Canned(Reply),
    /// The platform's own, delivered otherwise.
    Broken(Delivery),
    /// The platform's own, with spaces up to this size behind its body.
    Padded(usize),
    Throttled,
}

impl Script {
    fn of(act: bool, answer: Answer) -> Self {
        Self {
            earlier: Vec::new(),
            last: Step { times: 1, act, revoke: false, delay: Duration::ZERO, answer },
        }
    }

    /// Behaves normally: to let requests pass before the next step, or with a delay.
    #[must_use]
    pub fn normal() -> Self {
        Self::of(true, Answer::Own)
    }

    /// Answers this status, without acting on the request.
    #[must_use]
    pub fn reply(status: u16) -> Self {
        Self::of(false, Answer::Canned(Reply::new(status)))
    }

    /// Answers that the client asks too much, in the way of the platform, without acting on the request.
    #[must_use]
    pub fn throttled() -> Self {
        Self::of(false, Answer::Throttled)
    }

    /// Resets the connection without acting on the request.
    #[must_use]
    pub fn reset_before_acting() -> Self {
        Self::of(false, Answer::Broken(Delivery::Reset))
    }

    /// Acts on the request, then resets the connection: the answer is lost.
    #[must_use]
    pub fn reset_after_acting() -> Self {
        Self::of(true, Answer::Broken(Delivery::Reset))
    }

    /// Closes the connection in good order, without acting on the request and without an answer.
    #[must_use]
    pub fn hang_up() -> Self {
        Self::of(false, Answer::Broken(Delivery::HangUp))
    }

    /// Never answers, without acting on the request; the connection stays until the client gives up.
    #[must_use]
    pub fn stall() -> Self {
        Self::of(false, Answer::Broken(Delivery::Stall))
    }

    /// Acts on the request, and answers byte by byte, with this pause before each.
    #[must_use]
    pub fn drip(pause: Duration) -> Self {
        Self::of(true, Answer::Broken(Delivery::Drip(pause)))
    }

    /// Acts on the request, and answers all but the last byte: of the body, or of the head if there is none. Then the
    /// connection is closed.
    #[must_use]
    pub fn truncated() -> Self {
        Self::of(true, Answer::Broken(Delivery::Truncate))
    }

    /// Acts on the request, and answers with spaces behind the body: so many bytes in all.
    #[must_use]
    pub fn oversized(bytes: usize) -> Self {
        Self::of(true, Answer::Padded(bytes))
    }

    /// Acts on the request, and answers with a `Content-Length` of half the body; without a body, a byte follows the head.
    #[must_use]
    pub fn wrong_length() -> Self {
        Self::of(true, Answer::Broken(Delivery::WrongLength))
    }

    /// Answers what is no HTTP, without acting on the request, and closes the connection.
    #[must_use]
    pub fn garbage() -> Self {
        Self::of(false, Answer::Broken(Delivery::Garbage))
    }

    /// Closes every connection and refuses others for this long, without acting on the request: the platform is started
    /// anew. Without a socket, this request is the only one that is refused; see [`Delivery::Refuse`].
    #[must_use]
    pub fn refuse_connections(time: Duration) -> Self {
        Self::of(false, Answer::Broken(Delivery::Refuse(time)))
    }

    /// Redirects to this location, taken as it is, without acting on the request.
    #[must_use]
    pub fn redirect(status: u16, location: impl AsRef<[u8]>) -> Self {
        Self::reply(status).header("Location", location)
    }

    /// Makes every token issued so far worthless, and then behaves normally.
    #[must_use]
    pub fn revoke_tokens() -> Self {
        let mut script = Self::normal();
        script.last.revoke = true;
        script
    }

    /// Acts on the request, whatever this step answers.
    #[must_use]
    pub fn after_acting(mut self) -> Self {
        self.last.act = true;
        self
    }

    /// Adds a header field to a reply; values are bytes.
    #[must_use]
    pub fn header(self, name: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        self.change(|reply| reply.headers.push((name.into(), value.as_ref().to_vec())))
    }

    /// Sets a reply's body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.change(|reply| reply.body = body.into())
    }

    /// Sets a reply's reason phrase, as bytes.
    #[must_use]
    pub fn reason(self, reason: impl Into<Vec<u8>>) -> Self {
        self.change(|reply| reply.reason = reason.into())
    }

    /// Closes the connection after a reply, or after the platform's own answer, and says so in it.
    #[must_use]
    pub fn close(mut self) -> Self {
        if self.last.answer == Answer::Own {
            self.last.answer = Answer::Broken(Delivery::SendAndClose);
        }
        self.change(|reply| reply.delivery = Delivery::SendAndClose)
    }

    fn change(mut self, change: impl FnOnce(&mut Reply)) -> Self {
        if let Answer::Canned(reply) = &mut self.last.answer {
            change(reply);
        }
        self
    }

    /// Waits before answering or breaking the connection.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.last.delay = delay;
        self
    }

    /// Does this step for so many requests instead of one.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.last.times = times;
        self
    }

    /// Goes on with another script when this one is used up.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.earlier.push(self.last);
        self.earlier.extend(next.earlier);
        Self { earlier: self.earlier, last: next.last }
    }
}

impl Step {
    /// What goes out; `own` is the platform's own answer, an empty one where it did not act, and `throttled` its
    /// answer to a client that asks too much.
    pub(crate) fn answer(self, own: Reply, throttled: impl FnOnce() -> Reply) -> Reply {
        let mut reply = match self.answer {
            Answer::Own => own,
            Answer::Canned(reply) => reply,
            Answer::Throttled => throttled(),
            Answer::Broken(delivery) => Reply { delivery, ..own },
            Answer::Padded(bytes) => {
                let mut reply = own;
                reply.body.resize(bytes.max(reply.body.len()), b' ');
                // A body is not to be had with 204.
                reply.status = if reply.status == 204 { 200 } else { reply.status };
                reply
            }
        };
        reply.delay = self.delay;
        reply
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.earlier {
            write!(f, "{step}, then ")?;
        }
        self.last.fmt(f)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acts_anyway = matches!(self.answer, Answer::Own | Answer::Padded(_));
        if self.revoke {
            f.write_str("revoke all tokens, ")?;
        }
        if self.act && !acts_anyway {
            f.write_str("act, then ")?;
        }
        match &self.answer {
            Answer::Own => f.write_str("answer"),
            Answer::Canned(reply) => write!(f, "answer {}", reply.status),
            Answer::Padded(bytes) => write!(f, "answer with {bytes} bytes"),
            Answer::Throttled => f.write_str("throttle"),
            Answer::Broken(delivery) => match delivery {
                Delivery::Send => f.write_str("answer"),
                Delivery::SendAndClose => f.write_str("answer and close the connection"),
                Delivery::Reset => f.write_str("reset the connection"),
                Delivery::HangUp => f.write_str("close the connection"),
                Delivery::Stall => f.write_str("stall"),
                Delivery::Drip(pause) => write!(f, "answer a byte every {pause:?}"),
                Delivery::Truncate => f.write_str("cut the answer"),
                Delivery::Garbage => f.write_str("answer no HTTP"),
                Delivery::WrongLength => f.write_str("answer with a wrong length"),
                Delivery::Refuse(time) => write!(f, "refuse connections for {time:?}"),
            },
        }?;
        if !self.delay.is_zero() {
            write!(f, " after {:?}", self.delay)?;
        }
        match self.times {
            1 => Ok(()),
            times => write!(f, ", {times} times"),
        }
    }
}

/// The steps that wait for their requests.
#[derive(Debug, Default)]
pub(crate) struct Scripts(VecDeque<(Route, Step)>);

impl Scripts {
    pub(crate) fn add(&mut self, route: &Route, script: Script) {
        let steps = script.earlier.into_iter().chain([script.last]);
        self.0.extend(steps.filter(|step| step.times > 0).map(|step| (route.clone(), step)));
    }

    /// The step for this request, used up by one.
    pub(crate) fn next(&mut self, service: Service, path: &str) -> Option<Step> {
        let at = self.0.iter().position(|(route, _)| route.takes(service, path))?;
        let step = &mut self.0.get_mut(at)?.1;
        step.times -= 1;
        if step.times == 0 { self.0.remove(at).map(|(_, step)| step) } else { Some(step.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_in_order_and_only_for_their_route() {
        let mut scripts = Scripts::default();
        scripts.add(&Route::Scores, Script::reply(503).times(2).then(Script::reply(429)));
        scripts.add(&Route::Prefix("/a".into()), Script::reply(404));
        let mut status = |service, path| {
            scripts.next(service, path).map(|step| step.answer(Reply::new(200), || Reply::new(429)).status)
        };
        assert_eq!(status(Service::Token, "/token"), None);
        assert_eq!(status(Service::Scores, "/x"), Some(503));
        assert_eq!(status(Service::Other, "/a/b"), Some(404));
        assert_eq!(status(Service::Scores, "/x"), Some(503));
        assert_eq!(status(Service::Scores, "/x"), Some(429));
        assert_eq!(status(Service::Scores, "/x"), None);
    }
}
