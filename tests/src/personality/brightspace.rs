//! D2L Brightspace, as its documentation and the tools that live with it tell. Not known are the answers for line items
//! and results: there it does as the specification says. The shape of its services' errors is assumed.

use serde_json::{Map, Value, json};

use super::{Addresses, Manner, PostedScore};
use crate::asked::{Asked, Filters};
use crate::bearer;
use crate::cause::Cause;
use crate::gradebook::Gradebook;
use crate::ledger::Service;
use crate::line_item::LineItem;
use crate::names::SCOPE_SCORE;
use crate::page::PageSize;
use crate::registration::Registration;
use crate::reply::Reply;
use crate::violation::{Refusal, Verdict};
use crate::{line_items, results};

#[derive(Debug)]
pub(super) struct Brightspace;

/// The part of user ids that names the organisation.
const TENANT: &str = "6f0e2c6a-41d8-4c58-9b0d-2f7f0a4e9c11";

impl Manner for Brightspace {
    fn addresses(&self) -> Addresses {
        Addresses {
            token: "/core/connect/token",
            line_items: "/d2l/api/lti/ags/2.0/deployment/8c7d3f5e-2b1a-4e09-9f64-0d5c6b7a8e9f/orgunit/6606/lineitems",
        }
    }

    fn register(&self, registration: &mut Registration) {
        // "Use only as aud". The token URL does as well since about 2024.
        registration.audiences = vec!["https://api.brightspace.com/auth/token".to_owned()];
        registration.endpoint_is_audience = true;
    }

    fn line_item_target(&self, container: &str, _item: &LineItem, number: u64) -> String {
        format!("{container}/3d9b0c44-7e52-4b6f-8a10-{number:012x}")
    }

    fn learner(&self, number: u64) -> String {
        format!("{TENANT}_{}", 200 + number)
    }

    fn adjust_claim(&self, claim: &mut Value, line_items: usize) {
        // Blank where there are several.
        if line_items > 1 {
            claim["lineitem"] = "".into();
        }
    }

    fn overlooks(&self, cause: Cause, _service: Service) -> bool {
        // A jti is "potentially reusable".
        cause == Cause::Replay
    }

    fn examine_assertion(
        &self,
        header: &Map<String, Value>,
        claims: &Map<String, Value>,
        _now: i64,
        verdict: &mut Verdict,
    ) {
        if claims.get("aud").and_then(Value::as_array).is_some_and(|audiences| audiences.len() > 1) {
            verdict.refuse(Cause::Own(500), "two audiences");
        }
        if !header.contains_key("kid") {
            verdict.refuse(Cause::NoKid, "KeyId not found in token");
        }
    }

    fn take_score(&self, score: &mut PostedScore<'_>) {
        // Shown cut, unless the grade item "can exceed".
        let update = &mut score.update;
        if let (Some(given), Some(maximum)) = (update.given, update.maximum) {
            update.given = Some(given.min(maximum));
        }
    }

    fn no_token(&self, _asked: &Asked<'_>, _registration: &Registration, refusal: &Refusal) -> Reply {
        match refusal.cause {
            Cause::Own(500) => Reply::new(500),
            Cause::Issuer | Cause::Subject => Reply::json(400, &json!({ "error": "invalid_client" })),
            Cause::GrantType
            | Cause::Parameter
            | Cause::ScopeNotAllowed
            | Cause::NoScopeLeft
            | Cause::NoScopeAsked => Reply::json(400, &json!({ "error": refusal.cause.error() })),
            _ => {
                let sentence = format!("Error validating assertion: {}", refusal.reason);
                Reply::json(400, &json!({ "error": "invalid_grant", "error_description": sentence }))
            }
        }
    }

    fn refused(&self, asked: &Asked<'_>, refusal: &Refusal) -> Reply {
        let status = refusal.cause.status();
        if refusal.cause == Cause::UnknownUser {
            let body: Value = serde_json::from_slice(asked.request.body()).unwrap_or_default();
            let user_id = body.get("userId").and_then(Value::as_str).unwrap_or_default();
            // Users of the organisation who are not of the course are known.
            let (status, sentence) = if user_id.starts_with(TENANT) {
                (403, "User in requested score is not enrolled in the org unit")
            } else {
                (404, "User in requested score does not exist")
            };
            return Reply::json(status, &json!({ "error": sentence }));
        }
        let reply = Reply::json(status, &json!({ "error": refusal.reason }));
        bearer::challenge(reply, refusal.cause, SCOPE_SCORE)
    }

    specified!(line_items);
    specified!(results);
    specified!(result);

    fn throttled(&self) -> Reply {
        Reply::new(429).header("X-Rate-Limit-Remaining", "0").header("X-Request-Cost", "10")
    }

    fn finish(&self, _asked: &Asked<'_>, reply: Reply) -> Reply {
        // Of 50,000 a minute.
        reply.header("X-Rate-Limit-Remaining", "49990").header("X-Request-Cost", "10")
    }
}
