//! The platform without its socket: a plain value that is handed requests and the time, and decides everything.

use std::sync::Arc;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::assertion;
use crate::builder::Settings;
use crate::cause::Cause;
use crate::gradebook::Gradebook;
use crate::key::TrustedKeys;
use crate::ledger::{Exchange, Ledger, RawHead, Service, path_of};
use crate::line_item::LineItem;
use crate::page::PageSize;
use crate::personality::Manner;
use crate::plan::Plan;
use crate::registration::Registration;
use crate::reply::Reply;
use crate::script::{Route, Script, Scripts, Step};
use crate::services::Place;
use crate::throttle::Bucket;
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
    pub(crate) has_container: bool,
    /// Whether line items that belong to a link stay.
    pub(crate) keeps_coupled: bool,
    pub(crate) page_size: PageSize,
    pub(crate) manner: &'static dyn Manner,
    pub(crate) registration: Registration,
    pub(crate) gradebook: Gradebook,
    pub(crate) tokens: Tokens,
    ledger: Ledger,
    latest: Option<Arc<Exchange>>,
    violations: Vec<Violation>,
    scripts: Scripts,
    plan: Option<Plan>,
    bucket: Option<Bucket>,
    /// How many line items there ever were.
    placed: u64,
}

/// What acting on a request came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) reply: Reply,
    /// For the ledger; see [`Exchange::effect`].
    pub(crate) effect: String,
}

impl Lms {
    pub(crate) fn new(base: String, settings: Settings) -> Self {
        let manner = settings.personality.manner();
        let mut lms = Self {
            base,
            token_target: settings.token_target,
            line_items_target: settings.line_items_target,
            has_container: settings.has_container,
            keeps_coupled: settings.keeps_coupled,
            page_size: settings.page_size,
            manner,
            registration: settings.registration,
            gradebook: Gradebook::new(Vec::new(), settings.learners),
            tokens: Tokens::default(),
            ledger: Ledger::limited(settings.ledger_limit),
            latest: None,
            violations: Vec::new(),
            scripts: Scripts::default(),
            plan: settings.plan,
            bucket: settings.throttle.map(Bucket::new),
            placed: 0,
        };
        for mut item in settings.line_items {
            if item.resource_link_id.is_none() && !item.unlinked {
                item.resource_link_id = Some(manner.resource_link_id().to_owned());
            }
            item.coupled = item.resource_link_id.is_some();
            lms.place_new(&mut item);
            lms.gradebook.add(item);
        }
        for (line_item, results) in settings.seeded {
            lms.gradebook.seed(&line_item, results);
        }
        lms
    }

    /// Gives a line item its name and URL, where it has none.
    pub(crate) fn place_new(&mut self, item: &mut LineItem) {
        self.placed += 1;
        if item.id.is_empty() {
            let names = (self.placed..).map(|number| format!("li-{number}"));
            let mut free = names.skip_while(|name| self.gradebook.line_item(name).is_some());
            item.id = free.next().unwrap_or_default();
        }
        if item.target.is_empty() {
            item.target = self.manner.line_item_target(&self.line_items_target, item, self.placed);
        }
    }

    /// Takes a request and answers it. Every effect and every violation is on record when this returns.
    pub fn respond(&mut self, now: Timestamp, request: &http::Request<Vec<u8>>) -> Reply {
        let path = request.uri().path();
        if let Some(reply) = self.show_state(request) {
            return reply;
        }
        let place = self.place(path);
        let service = place.service();
        let step = self.step(service, path);
        if step.as_ref().is_some_and(|step| step.revoke) {
            self.tokens.revoke_all();
        }
        let acts = step.as_ref().is_none_or(|step| step.act);
        let admitted = self.admits(now, service);
        let mut verdict = Verdict::new(self.manner, service);
        let Outcome { reply: own, effect } = match &self.bucket {
            Some(bucket) if !admitted => Outcome { reply: bucket.refusal(), effect: "throttled".to_owned() },
            _ if acts => self.act(now, &place, request, &mut verdict),
            _ => Outcome { reply: Reply::new(200), effect: "scripted".to_owned() },
        };
        let acted = acts && admitted;
        let reply = match step {
            Some(step) => step.answer(own, || self.manner.throttled()),
            None => own,
        };
        let reply = match &mut self.bucket {
            Some(bucket) if service != Service::Token => bucket.done(now, admitted, reply),
            _ => reply,
        };
        self.put_on_record(now, request, service, acted, &reply, effect, verdict);
        reply
    }

    /// What is to be done to this request, by a script or by the plan.
    fn step(&mut self, service: Service, path: &str) -> Option<Step> {
        let scripted = self.scripts.next(service, path);
        if scripted.is_some() {
            return scripted;
        }
        self.plan.as_mut()?.draw(service, path, &mut self.scripts);
        self.scripts.next(service, path)
    }

    fn admits(&mut self, now: Timestamp, service: Service) -> bool {
        service == Service::Token || self.bucket.as_mut().is_none_or(|bucket| bucket.admits(now))
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
        let exchange = Arc::new(Exchange {
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
        });
        self.latest = Some(Arc::clone(&exchange));
        self.ledger.push(exchange);
        let broken = verdict.broken.into_iter();
        self.violations.extend(broken.map(|(rule, kind, sentence)| Violation {
            rule,
            kind,
            sentence,
            exchange: number,
        }));
    }

    pub(crate) fn token_path(&self) -> &str {
        path_of(&self.token_target)
    }

    fn act(
        &mut self,
        now: Timestamp,
        place: &Place,
        request: &http::Request<Vec<u8>>,
        verdict: &mut Verdict,
    ) -> Outcome {
        let (base, container) = (self.base.clone(), self.line_items_target.clone());
        let service = place.service();
        let asked = Asked { now, base: &base, container: &container, service, request };
        let elsewhere = request.uri().authority().is_some_and(|authority| {
            base.split_once("://").is_some_and(|(_, here)| here != authority.as_str())
        });
        if elsewhere {
            verdict.refuse(Cause::OtherHost, "this platform is not the host of that URL");
            return self.serve(&asked, &Place::Nowhere, verdict);
        }
        if *place == Place::Token {
            let endpoint = self.token_endpoint();
            return self.tokens.respond(&asked, &endpoint, &self.registration, self.manner, verdict);
        }
        self.serve(&asked, place, verdict)
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

    /// Does what a plan says to coming requests, where no script is for them. It takes the place of the plan before.
    pub fn plan(&mut self, plan: Plan) {
        self.plan = Some(plan);
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
        if request.uri().path() != self.token_path() {
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

    /// The exchange last answered, even where the ledger does not keep it.
    pub(crate) fn latest(&self) -> Option<Arc<Exchange>> {
        self.latest.clone()
    }

    /// The user ids of the learners, in order; those with [seeded results](crate::Builder::results_for) apart. They
    /// are of the kind the platform uses.
    pub fn learners(&self) -> Vec<String> {
        self.gradebook.learners().map(str::to_owned).collect()
    }

    /// The audience assertions should have: the registered one, or else the token endpoint's URL.
    pub fn audience(&self) -> String {
        self.registration.audiences.first().cloned().unwrap_or_else(|| self.token_endpoint())
    }

    /// The id of the link from which [`Lms::claims`] launch.
    pub fn resource_link_id(&self) -> &str {
        self.manner.resource_link_id()
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
