//! The platform without its socket: a plain value that is handed requests and the time, and decides everything.

use std::sync::Arc;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::assertion;
use crate::bearer;
use crate::gradebook::{Gradebook, LineItem};
use crate::key::TrustedKeys;
use crate::ledger::{Exchange, Ledger, RawHead, Service, path_of};
use crate::names::SCOPE_SCORE;
use crate::registration::Registration;
use crate::reply::Reply;
use crate::score;
use crate::script::{Route, Script, Scripts};
use crate::token::Tokens;
use crate::violation::{Verdict, Violation};

/// A learning management system with one course and one registered tool. It has no socket and no clock: tests
/// without I/O call [`Lms::respond`] with the time they like; [`Platform`](crate::Platform) puts a server before it.
///
/// ```
/// use lti_ags_testing::Platform;
///
/// let mut lms = Platform::builder().lms("https://lms.test");
/// let request = http::Request::post("https://lms.test/token").body(Vec::new()).unwrap();
/// let reply = lms.respond("2026-03-02T09:00:00Z".parse().unwrap(), &request);
/// assert_eq!(reply.status, 400);
/// assert_eq!(lms.violations()[0].rule, "AGS-TOKREQ-01");
/// ```
#[derive(Debug)]
pub struct Lms {
    pub(crate) base: String,
    pub(crate) token_target: String,
    pub(crate) line_items_target: String,
    pub(crate) registration: Registration,
    pub(crate) gradebook: Gradebook,
    tokens: Tokens,
    ledger: Ledger,
    violations: Vec<Violation>,
    scripts: Scripts,
}

/// What acting on a request came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) reply: Reply,
    /// For the ledger; see [`Exchange::effect`].
    pub(crate) effect: String,
}

impl Lms {
    pub(crate) fn new(
        base: String,
        token_target: String,
        line_items_target: String,
        registration: Registration,
        gradebook: Gradebook,
    ) -> Self {
        Self {
            base,
            token_target,
            line_items_target,
            registration,
            gradebook,
            tokens: Tokens::default(),
            ledger: Ledger::default(),
            violations: Vec::new(),
            scripts: Scripts::default(),
        }
    }

    /// Takes a request and answers it. Every effect and every violation is on record when this returns.
    pub fn respond(&mut self, now: Timestamp, request: &http::Request<Vec<u8>>) -> Reply {
        let path = request.uri().path();
        if let Some(reply) = self.show_state(request) {
            return reply;
        }
        let service = self.service(path);
        let step = self.scripts.next(service, path);
        let acted = step.as_ref().is_none_or(|step| step.act);
        let mut verdict = Verdict::default();
        let outcome = acted.then(|| self.act(now, service, request, &mut verdict));
        let (own, effect) = match outcome {
            Some(Outcome { reply, effect }) => (Some(reply), effect),
            None => (None, "scripted".to_owned()),
        };
        let reply = match (step, own) {
            (Some(step), own) => step.answer(own),
            (None, own) => own.unwrap_or_else(|| Reply::new(500)),
        };
        self.put_on_record(now, request, service, acted, &reply, effect, verdict);
        reply
    }

    #[expect(clippy::too_many_arguments, reason = "an exchange has that many sides")]
    fn put_on_record(
        &mut self,
        now: Timestamp,
        request: &http::Request<Vec<u8>>,
        service: Service,
        acted: bool,
        reply: &Reply,
        effect: String,
        verdict: Verdict,
    ) {
        let number = self.ledger.next_number();
        let RawHead { connection, target, headers } = RawHead::of(request);
        self.ledger.push(Arc::new(Exchange {
            number,
            connection,
            received_at: now,
            method: request.method().clone(),
            target,
            headers,
            body: request.body().clone(),
            service,
            acted,
            status: reply.seen_status(),
            effect,
        }));
        let broken = verdict.broken.into_iter();
        self.violations.extend(broken.map(|(rule, kind, sentence)| Violation {
            rule,
            kind,
            sentence,
            exchange: number,
        }));
    }

    fn service(&self, path: &str) -> Service {
        if path == path_of(&self.token_target) {
            Service::Token
        } else if self.scored_item(path).is_some() {
            Service::Scores
        } else {
            Service::Other
        }
    }

    /// The line item whose score service has this path (AGS-URL-01, AGS-URL-03).
    fn scored_item(&self, path: &str) -> Option<&LineItem> {
        let item_path = path.strip_suffix("/scores")?;
        self.gradebook.line_items().iter().find(|item| item.path().trim_end_matches('/') == item_path)
    }

    fn act(
        &mut self,
        now: Timestamp,
        service: Service,
        request: &http::Request<Vec<u8>>,
        verdict: &mut Verdict,
    ) -> Outcome {
        let elsewhere = request.uri().authority().is_some_and(|authority| {
            self.base.split_once("://").is_some_and(|(_, here)| here != authority.as_str())
        });
        if elsewhere {
            verdict.refuse(421, "", "this platform is not the host of that URL");
            return refused(verdict, "");
        }
        match service {
            Service::Token => {
                let endpoint = format!("{}{}", self.base, self.token_target);
                self.tokens.respond(now, &endpoint, &self.registration, request, verdict)
            }
            Service::Scores => self.take_score(now, request, verdict),
            Service::Other => {
                self.explain_wrong_url(request, verdict);
                verdict.refuse(404, "", "there is nothing at this URL");
                refused(verdict, "")
            }
        }
    }

    fn take_score(
        &mut self,
        now: Timestamp,
        request: &http::Request<Vec<u8>>,
        verdict: &mut Verdict,
    ) -> Outcome {
        bearer::judge(&self.tokens, SCOPE_SCORE, now, request, verdict);
        let Some(item) = self.scored_item(request.uri().path()).cloned() else {
            return refused(verdict, SCOPE_SCORE);
        };
        if request.uri().query() != item.query() {
            verdict.reject(404, "", "AGS-URL-01", "the line item URL's query is not kept as it is");
        }
        match score::judge(&self.gradebook, &item, request, verdict) {
            Some(update) if verdict.refusal.is_none() => {
                Outcome { reply: Reply::new(204), effect: self.gradebook.record(&item, update) }
            }
            _ => refused(verdict, SCOPE_SCORE),
        }
    }

    /// Names the usual slips in deriving a service URL from a line item's.
    fn explain_wrong_url(&self, request: &http::Request<Vec<u8>>, verdict: &mut Verdict) {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        for item in self.gradebook.line_items() {
            if path == item.path() && query.ends_with("/scores") {
                verdict.fault("AGS-URL-02", "`/scores` stands behind the line item URL's query");
            } else if path.strip_suffix("//scores") == Some(item.path().trim_end_matches('/')) {
                verdict.fault("AGS-URL-03", "`/scores` is appended with two slashes");
            }
        }
    }

    /// `GET /_/gradebook`, `/_/ledger` and `/_/violations`, for scripts; they leave no trace in the ledger.
    fn show_state(&self, request: &http::Request<Vec<u8>>) -> Option<Reply> {
        let state = match request.uri().path().strip_prefix("/_/")? {
            "gradebook" => self.gradebook.to_json(),
            "ledger" => self.ledger.iter().map(|exchange| exchange.to_redacted_json()).collect(),
            "violations" => self.violations.iter().map(violation_json).collect(),
            _ => return Some(Reply::new(404)),
        };
        let allowed = request.method() == Method::GET;
        Some(if allowed { Reply::json(200, &state) } else { Reply::new(405).header("Allow", "GET") })
    }

    /// Does this to the next requests of a route. Scripts added earlier go first.
    #[expect(clippy::needless_pass_by_value, reason = "a route is written in place")]
    pub fn script(&mut self, route: Route, script: Script) {
        self.scripts.add(&route, script);
    }

    /// Makes every token issued so far worthless.
    pub fn revoke_tokens(&mut self) {
        self.tokens.revoke_all();
    }

    /// Trusts these keys of the tool instead.
    pub fn trust(&mut self, keys: TrustedKeys) {
        self.registration.keys = keys;
    }

    /// The URL from which the tool's keys have to be fetched, and handed to [`Lms::learn_keys`], before this request
    /// can be judged.
    pub fn keys_wanted(&self, request: &http::Request<Vec<u8>>) -> Option<String> {
        self.registration.keys.wanted(None)?;
        if self.service(request.uri().path()) != Service::Token {
            return None;
        }
        let mut form = url::form_urlencoded::parse(request.body());
        let (_, assertion) = form.find(|(name, _)| name == "client_assertion")?;
        self.registration.keys.wanted(assertion::kid(&assertion).as_deref()).map(str::to_owned)
    }

    /// Takes the JWK Set that was fetched.
    pub fn learn_keys(&mut self, jwks: Value) {
        self.registration.keys.learn(jwks);
    }

    /// The gradebook.
    pub fn gradebook(&self) -> &Gradebook {
        &self.gradebook
    }

    /// Every exchange so far.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Every rule broken so far.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Fails the test if any rule was broken, of either [`Kind`](crate::Kind).
    ///
    /// # Panics
    /// With the list of violations.
    #[track_caller]
    pub fn assert_no_violations(&self) {
        let list: Vec<String> = self.violations.iter().map(ToString::to_string).collect();
        assert!(list.is_empty(), "the client broke rules:\n{}", list.join("\n"));
    }

    /// The tool's client id.
    pub fn client_id(&self) -> &str {
        &self.registration.client_id
    }

    /// The deployment.
    pub fn deployment_id(&self) -> &str {
        &self.registration.deployment_id
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        self.registration.issuer.as_deref().unwrap_or(&self.base)
    }

    /// Where it is: scheme, host and port, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// The token endpoint's URL.
    pub fn token_endpoint(&self) -> String {
        format!("{}{}", self.base, self.token_target)
    }

    /// The URL of the container of line items.
    pub fn line_items_url(&self) -> String {
        format!("{}{}", self.base, self.line_items_target)
    }

    /// The URL of a line item, if there is one of this id.
    pub fn line_item_url(&self, id: &str) -> Option<String> {
        self.gradebook.line_item(id).map(|item| format!("{}{}", self.base, item.target))
    }
}

fn violation_json(violation: &Violation) -> Value {
    json!({
        "rule": violation.rule,
        "kind": format!("{:?}", violation.kind).to_lowercase(),
        "sentence": violation.sentence,
        "exchange": violation.exchange,
    })
}

/// The refusal as services word it.
fn refused(verdict: &Verdict, scope: &str) -> Outcome {
    let Some(refusal) = &verdict.refusal else {
        return Outcome { reply: Reply::new(400), effect: String::new() };
    };
    let reply = Reply::json(refusal.status, &json!({ "status": refusal.status, "reason": refusal.reason }));
    Outcome {
        reply: bearer::challenge(reply, refusal, scope),
        effect: format!("refused: {}", refusal.reason),
    }
}
