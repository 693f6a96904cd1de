//! One tool in one course of one platform: what every scenario starts from.

use std::sync::Arc;

use lti_ags::http::{Request, Response, header};
use lti_ags::{
    Answer, Bytes, Context, Endpoint, Error, Exchange, GetResult, Launch, Operation, Policy, PostScore,
    Receipt, Replay, Scope, Score, ScoreBuilder, UserResult,
};
use lti_ags_testing::{Builder, Entry, Personality, Platform};

use crate::cannot::Cannot;
use crate::common::{Limits, Tool, impatient, registration};

/// A launch has happened: the tool knows the platform, its registration and the launch's endpoint.
pub(crate) struct Course<T> {
    like: Personality,
    pub(crate) platform: Platform,
    pub(crate) tool: Arc<T>,
    pub(crate) endpoint: Endpoint,
}

impl<T: Tool> Course<T> {
    /// With one line item out of 100, that of the launch.
    pub(crate) fn on(like: Personality) -> Self {
        Self::with(like, |platform| platform)
    }

    pub(crate) fn with(like: Personality, set_up: impl FnOnce(Builder) -> Builder) -> Self {
        Self::under(like, impatient(), set_up)
    }

    pub(crate) fn under(like: Personality, policy: Policy, set_up: impl FnOnce(Builder) -> Builder) -> Self {
        let platform = set_up(Platform::builder().like(like)).start();
        let registration = registration(&platform).with_audience(platform.audience());
        let tool = Arc::new(T::assemble(registration, policy, Limits::default()));
        let learner = platform.learners().swap_remove(0);
        let launch = Launch::from_claims(platform.claims(&learner)).unwrap();
        assert_eq!(launch.user_id(), Some(&*learner));
        let endpoint = launch.endpoint().unwrap();
        Self { like, platform, tool, endpoint }
    }

    pub(crate) fn is(&self, like: Personality) -> bool {
        self.like == like
    }

    pub(crate) fn cannot(&self, what: Cannot) -> Option<&'static str> {
        what.on(self.like)
    }

    pub(crate) fn can(&self, what: Cannot) -> bool {
        self.cannot(what).is_none()
    }

    /// The user id of a learner, as the platform writes it.
    pub(crate) fn learner(&self, at: usize) -> String {
        self.platform.learners().swap_remove(at)
    }

    pub(crate) fn call<O>(&self, operation: O) -> Result<O::Output, Error>
    where
        O: Operation + Send + 'static,
        O::Output: Send + 'static,
    {
        self.tool.call(&self.endpoint, operation)
    }

    /// Posts a score to the launch's line item.
    pub(crate) fn post(&self, score: ScoreBuilder) -> Result<Receipt, Error> {
        self.call(PostScore::new(score.build().unwrap()))
    }

    /// Posts points out of 100.
    pub(crate) fn grade(&self, user_id: &str, points: f64) -> Result<Receipt, Error> {
        self.post(Score::graded(user_id, points, 100.0))
    }

    /// What the gradebook holds in the launch's line item.
    pub(crate) fn entry(&self, user_id: &str) -> Option<Entry> {
        self.platform.gradebook().result("li-1", user_id).cloned()
    }

    /// The points that the gradebook holds.
    pub(crate) fn points(&self, user_id: &str) -> Option<f64> {
        self.entry(user_id).and_then(|entry| entry.score)
    }

    /// What the tool reads back of it.
    pub(crate) fn result(&self, user_id: &str) -> Option<UserResult> {
        self.call(GetResult::new(user_id)).unwrap()
    }

    /// How many columns there are.
    pub(crate) fn columns(&self) -> usize {
        self.platform.gradebook().line_items().len()
    }

    /// The tool has kept every rule.
    pub(crate) fn end(self) {
        self.platform.assert_no_violations();
    }

    /// The tool has kept every rule but these, which the scenario had it break.
    pub(crate) fn end_but_for(self, rules: &[&str]) {
        let broken: Vec<_> = self.platform.violations().iter().map(|violation| violation.rule).collect();
        assert_eq!(broken, rules);
    }
}

/// How many members the array has that is at a URL: what the platform itself sends, before the tool looks at it.
pub(crate) struct Raw {
    pub(crate) url: String,
    pub(crate) accept: &'static str,
    pub(crate) scopes: &'static [Scope],
}

impl Operation for Raw {
    type Output = usize;
    const NAME: &'static str = "count";

    fn scopes(&self) -> &'static [Scope] {
        self.scopes
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&mut self, _: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        Ok(Request::get(&self.url).header(header::ACCEPT, self.accept).body(Bytes::new()).unwrap())
    }

    fn response(self, response: Response<&[u8]>, _: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        let members: Vec<serde_json::Value> = serde_json::from_slice(response.body()).unwrap();
        Ok(Answer::Done(members.len()))
    }
}
