//! Scripted behaviour: what the platform is to do to coming requests before acting on them, or instead.

use std::collections::VecDeque;
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
    fn takes(&self, service: Service, path: &str) -> bool {
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
    delay: Duration,
    answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Own,
    Canned(Reply),
    Break(Delivery),
    Throttled,
}

impl Script {
    fn of(act: bool, answer: Answer) -> Self {
        Self { earlier: Vec::new(), last: Step { times: 1, act, delay: Duration::ZERO, answer } }
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
        Self::of(false, Answer::Break(Delivery::Reset))
    }

    /// Acts on the request, then resets the connection: the answer is lost.
    #[must_use]
    pub fn reset_after_acting() -> Self {
        Self::of(true, Answer::Break(Delivery::Reset))
    }

    /// Closes the connection in good order, without acting on the request and without an answer.
    #[must_use]
    pub fn hang_up() -> Self {
        Self::of(false, Answer::Break(Delivery::HangUp))
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

    /// Closes the connection after a reply.
    #[must_use]
    pub fn close(self) -> Self {
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
    /// What goes out; `own` is the platform's own answer, where it acted, and `throttled` its
    /// answer to a client that asks too much.
    pub(crate) fn answer(self, own: Option<Reply>, throttled: impl FnOnce() -> Reply) -> Reply {
        let own = own.unwrap_or_else(|| Reply::new(200));
        let mut reply = match self.answer {
            Answer::Own => own,
            Answer::Canned(reply) => reply,
            Answer::Throttled => throttled(),
            Answer::Break(delivery) => Reply { delivery, ..own },
        };
        reply.delay = self.delay;
        reply
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
            scripts.next(service, path).map(|step| step.answer(None, || Reply::new(429)).status)
        };
        assert_eq!(status(Service::Token, "/token"), None);
        assert_eq!(status(Service::Scores, "/x"), Some(503));
        assert_eq!(status(Service::Other, "/a/b"), Some(404));
        assert_eq!(status(Service::Scores, "/x"), Some(503));
        assert_eq!(status(Service::Scores, "/x"), Some(429));
        assert_eq!(status(Service::Scores, "/x"), None);
    }
}
