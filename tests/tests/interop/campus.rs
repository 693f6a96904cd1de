//! What a real platform is wrapped in for these tests: a server that opens a course for a tool when it is asked to, and
//! tells afterwards what its gradebook shows and what was asked of its services.

use std::collections::BTreeMap;
use std::sync::Arc;

use lti_ags::http::{Method, Request};
use lti_ags::{
    Endpoint, Error, Launch, Operation, Policy, PostScore, Receipt, Registration, ScoreBuilder, SigningKey,
};
use lti_ags_testing::ToolKey;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::common::{Limits, Tool};

/// A platform that is running.
#[derive(Clone, Copy)]
pub(crate) struct Campus {
    /// The environment variable that holds its URL.
    pub(crate) variable: &'static str,
}

/// What it tells about a course when it opens it.
#[derive(Deserialize)]
pub(crate) struct Opened {
    number: u64,
    pub(crate) client_id: String,
    pub(crate) token_endpoint: String,
    pub(crate) learners: Vec<String>,
    pub(crate) claims: Value,
}

/// What it tells about a course later.
#[derive(Deserialize)]
struct State {
    grades: BTreeMap<String, Grade>,
    exchanges: Vec<Exchange>,
}

/// What the gradebook shows.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Grade {
    pub(crate) share: f64,
    pub(crate) comment: Option<String>,
    pub(crate) posts: u32,
}

#[derive(Deserialize)]
struct Exchange {
    method: String,
    path: String,
    status: u16,
}

impl Campus {
    pub(crate) fn url(self) -> String {
        let missing = |_| panic!("{} is not set: these tests are run by tests/interop/run.sh", self.variable);
        std::env::var(self.variable).unwrap_or_else(missing)
    }

    /// Opens a course for a tool with this key, with further wishes.
    pub(crate) fn open(self, key: &ToolKey, mut wish: Value) -> Opened {
        wish["jwk"] = key.public_jwk().clone();
        let request = Request::post(format!("{}/campus/courses", self.url()));
        serde_json::from_str(&send(request.body(wish.to_string()).unwrap())).unwrap()
    }

    fn state(self, number: u64) -> State {
        let request = Request::get(format!("{}/campus/courses/{number}", self.url()));
        serde_json::from_str(&send(request.body(String::new()).unwrap())).unwrap()
    }
}

fn send(request: Request<String>) -> String {
    let has_body = request.method() == Method::POST;
    let (parts, body) = request.into_parts();
    let response = if has_body {
        ureq::run(Request::from_parts(parts, body))
    } else {
        ureq::run(Request::from_parts(parts, ()))
    };
    response.unwrap().into_body().read_to_string().unwrap()
}

/// A launch has happened in a course of its own.
pub(crate) struct Course<T> {
    campus: Campus,
    pub(crate) opened: Opened,
    pub(crate) tool: Arc<T>,
    pub(crate) endpoint: Endpoint,
}

impl<T: Tool> Course<T> {
    pub(crate) fn on(campus: Campus) -> Self {
        Self::with(campus, json!({}))
    }

    pub(crate) fn with(campus: Campus, wish: Value) -> Self {
        Self::signing_as(ToolKey::shared(), campus, wish)
    }

    /// The tool signs with this key, which need not be the one that the platform trusts.
    pub(crate) fn signing_as(key: &ToolKey, campus: Campus, wish: Value) -> Self {
        let opened = campus.open(ToolKey::shared(), wish);
        let key = SigningKey::from_pem(key.private_key_pem()).unwrap().with_key_id(key.id());
        let launch = Launch::from_claims(opened.claims.clone()).unwrap();
        assert_eq!(launch.user_id(), Some(&*opened.learners[0]));
        assert_eq!(launch.client_id(None).unwrap(), opened.client_id);
        let registration = Registration::new(&*opened.client_id, &opened.token_endpoint, key)
            .unwrap()
            .with_deployment_id(launch.deployment_id().unwrap());
        let tool = Arc::new(T::assemble(registration, Policy::default(), Limits::default()));
        Self { campus, opened, tool, endpoint: launch.endpoint().unwrap() }
    }

    pub(crate) fn learner(&self, at: usize) -> &str {
        &self.opened.learners[at]
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

    /// What the gradebook shows of each learner that has a grade.
    pub(crate) fn grades(&self) -> BTreeMap<String, Grade> {
        self.campus.state(self.opened.number).grades
    }

    /// What it shows of one.
    pub(crate) fn grade(&self, learner: &str) -> Option<Grade> {
        self.grades().remove(learner)
    }

    /// Every request in turn: its method, the service, and the status of its answer.
    pub(crate) fn exchanges(&self) -> Vec<String> {
        let container = self.endpoint.line_items().unwrap().as_str();
        let (_, container) = container.rsplit_once('/').unwrap();
        let line = |exchange: &Exchange| {
            let service = match exchange.path.split_once(container).map(|(_, rest)| rest) {
                None => "token",
                Some("") => "line-items",
                Some(rest) if rest.ends_with("/scores") => "scores",
                Some(rest) if rest.contains("/results") => "results",
                Some(_) => "line-item",
            };
            format!("{} {service} {}", exchange.method, exchange.status)
        };
        self.campus.state(self.opened.number).exchanges.iter().map(line).collect()
    }
}
