//! Is the embedded platform like Open edX? The same requests go to both, byte for byte but for what names them, and the
//! answers are held against each other. What differs is known, each with its reason, or is a finding.

mod exchanges;

use std::collections::BTreeMap;

use lti_ags::http::{HeaderMap, Request, header};
use lti_ags_testing::{LineItem, Personality, Platform, ToolKey};
use serde_json::{Value, json};

use crate::open_edx::OPEN_EDX;

/// Where the embedded platform answers otherwise than Open edX 11.4.4 does, and what Open edX does.
const KNOWN: &[(&str, &str)] = &[
    // What a tool can come to feel.
    ("score, linked: 0 for a user nobody knows", "0 is published too, which fails for a stranger"),
    ("score: no comment after one", "a score without a comment leaves the one before"),
    ("put: without a tag", "what is left out stays as it is"),
    ("put: what is shown", "shows nulls, and refuses them"),
    ("create: a null", "refuses nulls where members may be absent"),
    ("create: a maximum as text", "takes numbers as text"),
    ("score: as text", "takes numbers as text"),
    ("token: RS512", "takes RS512 beside RS256"),
    ("list: two types", "takes a list of types"),
    ("results: application/json", "negotiates nothing here"),
    // The same refusal, in other words or by another status.
    ("create: an empty label", "says blank, not missing"),
    ("create: no date", "names the member"),
    ("create: no JSON", "says where"),
    ("score: a maximum of 0", "names the member"),
    ("score: no time", "names the member"),
    ("score: no JSON", "says where"),
    ("score: PUT", "403: no permission is defined for it"),
    ("delete: none", "403 before it looks for it"),
    ("HEAD", "answers it"),
];

/// What came back, without what is different from one platform or run to another.
#[derive(Clone, Debug, PartialEq)]
struct Answer {
    status: u16,
    content_type: Option<String>,
    allow: Option<String>,
    body: Value,
}

/// One of the two platforms, with a course that is new.
struct Side {
    token_endpoint: String,
    client_id: String,
    line_items: String,
    line_item: String,
    unit: String,
    learners: Vec<String>,
    /// The token that requests are sent with.
    bearer: String,
    /// The URLs of line items, as they turned up.
    items: Vec<String>,
    answers: Vec<(&'static str, Answer)>,
}

impl Side {
    fn open_edx() -> Self {
        let opened = OPEN_EDX.open(ToolKey::shared(), json!({}));
        Self::new(opened.token_endpoint, opened.client_id, opened.learners, &opened.claims)
    }

    fn embedded(platform: &Platform) -> Self {
        let learners = platform.learners();
        let claims = platform.claims(&learners[0]);
        Self::new(platform.token_endpoint(), platform.client_id(), learners, &claims)
    }

    fn new(token_endpoint: String, client_id: String, learners: Vec<String>, claims: &Value) -> Self {
        let endpoint = &claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let line_item = text(&endpoint["lineitem"]);
        Self {
            token_endpoint,
            client_id,
            line_items: text(&endpoint["lineitems"]),
            unit: text(&claims["https://purl.imsglobal.org/spec/lti/claim/resource_link"]["id"]),
            learners,
            bearer: String::new(),
            items: vec![line_item.clone()],
            line_item,
            answers: Vec::new(),
        }
    }

    /// Sends a request, keeps the answer under this name, and gives its body.
    fn send(&mut self, name: &'static str, request: Request<String>) -> Value {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let agent: ureq::Agent = agent.allow_non_standard_methods(true).build().into();
        let response = if request.body().is_empty() && request.method() != "POST" {
            agent.run(request.map(|_| ()))
        } else {
            agent.run(request)
        };
        let (parts, mut body) = response.unwrap().into_parts();
        let body = body.read_to_string().unwrap();
        let given: Value = serde_json::from_str(&body).unwrap_or_else(|_| body.into());
        let header = |name| text(&parts.headers, name);
        let answer = Answer {
            status: parts.status.as_u16(),
            content_type: header(header::CONTENT_TYPE),
            allow: header(header::ALLOW),
            body: self.without_names(given.clone()),
        };
        self.answers.push((name, answer));
        given
    }

    /// Puts words for what is named otherwise on each platform, and for what is different each time.
    fn without_names(&mut self, mut body: Value) -> Value {
        if let Some(items) = body.as_array_mut() {
            // The database gives line items in any order; results are in one.
            if items.iter().all(|item| item.get("scoreOf").is_none()) {
                items.sort_by_key(|item| item["id"].as_str().map(|id| (id.len(), id.to_owned())));
            }
        }
        if let Some(token) = body.get_mut("access_token") {
            *token = "(token)".into();
        }
        self.rename(&mut body);
        body
    }

    fn rename(&mut self, value: &mut Value) {
        match value {
            Value::Array(members) => members.iter_mut().for_each(|member| self.rename(member)),
            Value::Object(members) => members.values_mut().for_each(|member| self.rename(member)),
            // Pages for people.
            Value::String(text) if text.contains("<html") => *text = "(a page)".into(),
            Value::String(text) => {
                if let Some(rest) = text.strip_prefix(&self.line_items) {
                    let number = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
                    let item = format!("{}/{number}", self.line_items);
                    let at = self.items.iter().position(|known| *known == item).unwrap_or_else(|| {
                        self.items.push(item.clone());
                        self.items.len() - 1
                    });
                    *text = text.replacen(&item, &format!("(item {at})"), 1);
                }
                for (at, learner) in self.learners.iter().enumerate() {
                    *text = text.replace(learner, &format!("(learner {at})"));
                }
                *text = text.replace(&self.unit, "(the unit)");
            }
            _ => {}
        }
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[test]
#[ignore = "needs a platform, which tests/interop/run.sh starts"]
fn the_embedded_platform_answers_as_open_edx_does() {
    let unit = LineItem::new("li-1", 100.0).label("The unit").resource_id("the-unit");
    let platform = Platform::builder().like(Personality::OpenEdx).line_item(unit).start();
    let (mut real, mut embedded) = (Side::open_edx(), Side::embedded(&platform));
    exchanges::play(&mut real);
    exchanges::play(&mut embedded);
    let mut different = BTreeMap::new();
    for ((name, seen), (_, reproduced)) in real.answers.iter().zip(&embedded.answers) {
        if seen != reproduced {
            different.insert(*name, (seen, reproduced));
        }
    }
    let known: BTreeMap<_, _> = KNOWN.iter().copied().collect();
    let unknown = different.iter().filter(|(name, _)| !known.contains_key(*name));
    let unknown = unknown.map(|(name, (seen, reproduced))| {
        format!("{name}\n  Open edX: {seen:?}\n  embedded: {reproduced:?}")
    });
    let gone = known.keys().filter(|name| !different.contains_key(*name));
    let gone = gone.map(|name| format!("{name}\n  is known to differ, and does not any more"));
    let findings: Vec<_> = unknown.chain(gone).collect();
    eprintln!("Open edX: {} exchanges, {} answered otherwise", real.answers.len(), different.len());
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}
