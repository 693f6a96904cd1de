//! The token endpoint: client credentials with a JWT assertion (Security Framework 4.1, RFC 6749 §4.4, RFC 7523).

use std::collections::{HashMap, HashSet};
use std::fmt;

use http::{Method, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::assertion;
use crate::cause::Cause;
use crate::lms::Outcome;
use crate::names::{ALL_SCOPES, ASSERTION_TYPE, FORM, GRANT_TYPE};
use crate::personality::Manner;
use crate::registration::{Registration, ScopePolicy};
use crate::violation::Verdict;

/// What the authorization server remembers. `Debug` shows no token.
#[derive(Default)]
pub(crate) struct Tokens {
    issued: u64,
    live: HashMap<String, Grant>,
    assertion_ids: HashSet<String>,
}

struct Grant {
    scopes: Vec<String>,
    expires_at: Timestamp,
    /// For how many requests it is still good.
    uses: Option<u64>,
}

/// What a bearer token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    Nothing,
    OtherScopes,
    Enough,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("issued", &self.issued)
            .field("live", &self.live.len())
            .finish_non_exhaustive()
    }
}

impl Tokens {
    pub(crate) fn revoke_all(&mut self) {
        self.live.clear();
    }

    /// What a token is worth for a request that comes with it now.
    pub(crate) fn use_up(&mut self, token: &str, scopes: &[&str], now: Timestamp) -> Worth {
        match self.live.get_mut(token) {
            Some(grant) if now < grant.expires_at && grant.uses != Some(0) => {
                if !grant.scopes.iter().any(|granted| scopes.contains(&granted.as_str())) {
                    return Worth::OtherScopes;
                }
                grant.uses = grant.uses.map(|uses| uses - 1);
                Worth::Enough
            }
            _ => Worth::Nothing,
        }
    }

    /// A token request.
    pub(crate) fn respond(
        &mut self,
        asked: &Asked<'_>,
        endpoint: &str,
        registration: &Registration,
        manner: &dyn Manner,
        verdict: &mut Verdict,
    ) -> Outcome {
        let (now, request) = (asked.now, asked.request);
        judge_head(endpoint, request, verdict);
        let form = Form::read(request.body(), verdict);
        if form.grant_type.is_some_and(|given| given != GRANT_TYPE) {
            verdict.reject(Cause::GrantType, "AGS-TOKREQ-01", "grant_type is not client_credentials");
        }
        if form.assertion_type.is_some_and(|given| given != ASSERTION_TYPE) {
            verdict.reject(Cause::AssertionType, "AGS-TOKREQ-01", "client_assertion_type is not jwt-bearer");
        }
        if form.client_id.is_some_and(|client_id| client_id != registration.client_id) {
            verdict.reject(
                Cause::ClientIdParameter,
                "AGS-TOKREQ-12",
                "the client_id parameter is not the assertion's sub",
            );
        }
        let mut audiences = registration.audiences.clone();
        if audiences.is_empty() || registration.endpoint_is_audience {
            audiences.push(endpoint.to_owned());
        }
        if let Some(assertion) = form.assertion {
            assertion::judge(
                &assertion,
                now,
                registration,
                &audiences,
                &mut self.assertion_ids,
                manner,
                verdict,
            );
        }
        let scopes = form.scope.map(|asked| grant(&asked, registration, verdict)).unwrap_or_default();

        if let Some(refusal) = &verdict.refusal {
            let reply = manner.no_token(asked, registration, refusal);
            return Outcome { reply, effect: format!("no token: {}", refusal.reason) };
        }
        self.issue(asked, endpoint, registration, manner, scopes)
    }

    fn issue(
        &mut self,
        asked: &Asked<'_>,
        endpoint: &str,
        registration: &Registration,
        manner: &dyn Manner,
        scopes: Vec<String>,
    ) -> Outcome {
        self.issued += 1;
        // Unlike that of any other platform or tool, and the same whenever a test is run again.
        let source = format!("{endpoint} {} {} {}", registration.client_id, asked.now, self.issued);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, source.as_bytes());
        let grant = Granted {
            token: manner.access_token(self.issued, digest.as_ref()),
            lifetime: registration.token_lifetime,
            scopes: &scopes,
        };
        let reply = manner.token(&grant);
        let effect = format!("token {} for {} scopes", self.issued, scopes.len());
        let seconds = registration.token_true_lifetime.unwrap_or(registration.token_lifetime);
        let lifetime = SignedDuration::from_secs(seconds);
        let expires_at = asked.now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        self.live.insert(grant.token, Grant { scopes, expires_at, uses: registration.token_uses });
        Outcome { reply, effect }
    }
}

/// What a platform's answer to a good token request says.
pub(crate) struct Granted<'a> {
    pub(crate) token: String,
    /// Seconds.
    pub(crate) lifetime: i64,
    pub(crate) scopes: &'a [String],
}

impl Granted<'_> {
    /// The members of RFC 6749 §5.1.
    pub(crate) fn to_json(&self, token_type: &str) -> Value {
        json!({
            "access_token": self.token,
            "token_type": token_type,
            "expires_in": self.lifetime,
            "scope": self.scopes.join(" "),
        })
    }
}

fn judge_head(endpoint: &str, request: &http::Request<Vec<u8>>, verdict: &mut Verdict) {
    if request.method() != Method::POST {
        verdict.reject(Cause::Method, "AGS-TOKREQ-01", "the token request is not a POST");
    }
    if request.uri().query() != endpoint.split_once('?').map(|(_, query)| query) {
        verdict.fault("AGS-TOKREQ-11", "the token endpoint's query is not kept as it is");
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(FORM) {
        verdict.reject(Cause::NotForm, "AGS-TOKREQ-01", "the token request is not form-encoded by its type");
    }
    if request.headers().contains_key(header::AUTHORIZATION) {
        verdict.reject(
            Cause::OtherAuthentication,
            "AGS-TOKREQ-02",
            "the token request has an Authorization header",
        );
    }
    if !request.headers().contains_key(header::ACCEPT) {
        verdict.advise("AGS-TOKREQ-14", "the token request does not say that it accepts JSON");
    }
}

/// The parameters of a token request; absent ones have been reported.
#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    assertion_type: Option<String>,
    assertion: Option<String>,
    scope: Option<String>,
    client_id: Option<String>,
}

impl Form {
    fn read(body: &[u8], verdict: &mut Verdict) -> Self {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
        let values = |name: &str| -> Vec<&String> {
            pairs.iter().filter(|pair| pair.0 == name).map(|pair| &pair.1).collect()
        };
        let mut once = |name: &str| {
            let found = values(name);
            if found.len() != 1 {
                let sentence = format!("the token request does not hold {name} exactly once");
                verdict.reject(Cause::Parameter, "AGS-TOKREQ-01", sentence);
            }
            found.first().map(|value| (*value).clone())
        };
        let form = Self {
            grant_type: once("grant_type"),
            assertion_type: once("client_assertion_type"),
            assertion: once("client_assertion"),
            scope: once("scope"),
            client_id: values("client_id").first().map(|id| (*id).clone()),
        };
        if !values("client_secret").is_empty() {
            verdict.reject(
                Cause::OtherAuthentication,
                "AGS-TOKREQ-02",
                "the token request has a client_secret",
            );
        }
        form
    }
}

fn grant(asked: &str, registration: &Registration, verdict: &mut Verdict) -> Vec<String> {
    let asked: Vec<&str> = asked.split(' ').filter(|scope| !scope.is_empty()).collect();
    if asked.is_empty() {
        verdict.reject(Cause::NoScopeAsked, "AGS-TOKREQ-03", "the token request asks for no scope");
    }
    let allowed = |scope: &str| registration.scopes.iter().any(|allowed| allowed == scope);
    let refused = |scope: &str| match registration.scope_policy {
        ScopePolicy::GrantSubset => false,
        ScopePolicy::RefuseAll => !allowed(scope),
        ScopePolicy::RefuseKnown => ALL_SCOPES.contains(&scope) && !allowed(scope),
    };
    if asked.iter().any(|scope| refused(scope)) {
        verdict.refuse(Cause::ScopeNotAllowed, "a scope asked for is not enabled for this tool");
    }
    let granted: Vec<String> =
        registration.scopes.iter().filter(|scope| asked.contains(&scope.as_str())).cloned().collect();
    if granted.is_empty() {
        verdict.refuse(Cause::NoScopeLeft, "none of the scopes asked for is enabled for this tool");
    }
    granted
}
