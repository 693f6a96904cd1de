//! Sakai (`LTI13Servlet`), as its open source stands.

use http::Method;
use serde_json::{Map, Value, json};

use super::{Addresses, Manner, PostedScore};
use crate::asked::{Asked, Filters};
use crate::cause::Cause;
use crate::gradebook::{Gradebook, Row};
use crate::ledger::Service;
use crate::line_item::LineItem;
use crate::line_items;
use crate::names::{MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, SCOPE_LINE_ITEM, SCOPE_RESULT_READONLY, SCOPE_SCORE};
use crate::page::PageSize;
use crate::registration::{Registration, ScopePolicy};
use crate::reply::Reply;
use crate::results;
use crate::token::Granted;
use crate::violation::{Refusal, Verdict};

const JSON: &str = "application/json; charset=utf-8";
/// A signed placement: digest, site and content.
const PLACEMENT: &str = "f093ab1c77d2:::92e7c1f0-site:::content:6";

#[derive(Debug)]
pub(super) struct Sakai;

impl Sakai {
    fn error(status: u16, sentence: &str) -> Reply {
        Reply::of_type(status, "application/json;charset=UTF-8", json!({ "error": sentence }).to_string())
            .header("Cache-Control", "no-store")
    }

    /// Sakai's own id of a user, which is not the one tools know.
    fn own_id(user_id: &str) -> String {
        format!("u{}", user_id.rsplit('-').next().unwrap_or_default())
    }

    /// Everybody of the site, with or without a grade.
    fn members<'a>(gradebook: &'a Gradebook, item: &LineItem) -> Vec<Row<'a>> {
        let mut rows = gradebook.rows(item, 0, u64::MAX);
        let ungraded = gradebook.learners().filter(|user_id| gradebook.row(item, user_id).is_none());
        rows.extend(ungraded.map(|user_id| Row {
            user_id: user_id.into(),
            score: None,
            maximum: item.score_maximum,
            entry: None,
        }));
        rows
    }

    fn is_on_demand(item: &LineItem) -> bool {
        item.path().starts_with("/imsblis/lti13/lineitem/")
    }

    fn pretty(status: u16, media_type: &str, body: &Value) -> Reply {
        Reply::of_type(status, media_type, serde_json::to_string_pretty(body).unwrap_or_default())
    }
}

impl Manner for Sakai {
    fn addresses(&self) -> Addresses {
        Addresses {
            token: "/imsblis/lti13/token/42",
            line_items: "/imsblis/lti13/lineitems/f093ab1c77d2:::92e7c1f0-site:::content:6",
        }
    }

    fn register(&self, registration: &mut Registration) {
        registration.scope_policy = ScopePolicy::RefuseKnown;
        registration.iat_leeway = 60;
    }

    fn line_item_target(&self, container: &str, item: &LineItem, number: u64) -> String {
        // The column of the placement itself is made on demand.
        if item.coupled && number == 1 {
            return format!("/imsblis/lti13/lineitem/{PLACEMENT}");
        }
        format!("{container}/{}", 10 + number)
    }

    fn learner(&self, number: u64) -> String {
        format!("https://sakai.test-sub-{number}")
    }

    fn resource_link_id(&self) -> &'static str {
        "content:6"
    }

    #[expect(clippy::match_same_arms, reason = "each arm has a reason of its own")]
    fn overlooks(&self, cause: Cause, service: Service) -> bool {
        use Cause::{
            Accept, Audience, ContentType, Deployment, Filter, FixedMember, ForeignLink, IdOnCreate, Issuer,
            Negative, NoFraction, NoJti, NoMaximum, NoZone, OwnQuery, Progress, RepeatedMember, Replay,
            SameTime, SameUpdate, Stale, Subject, SubmissionOrder, TwoContentTypes, ZeroMaximum,
        };
        match cause {
            Issuer | Subject | Audience | Deployment | NoJti | Replay => true,
            // Not looked at.
            Accept | ContentType | TwoContentTypes | Filter | OwnQuery | RepeatedMember => true,
            // A link is not bound to what a tool makes.
            ForeignLink | IdOnCreate | FixedMember => true,
            // Timestamps are not compared.
            SameUpdate | SameTime | Stale | NoZone | NoFraction => service == Service::Scores,
            Negative | NoMaximum | ZeroMaximum | Progress | SubmissionOrder => true,
            _ => false,
        }
    }

    fn examine(&self, asked: &Asked<'_>, item: Option<&LineItem>, verdict: &mut Verdict) {
        let method = asked.request.method();
        if asked.service == Service::LineItem
            && item.is_some_and(Self::is_on_demand)
            && (*method == Method::PUT || *method == Method::DELETE)
        {
            verdict.refuse(Cause::Own(400), "Attempt to modify an 'on-demand' line item");
        }
    }

    fn take_score(&self, score: &mut PostedScore<'_>) {
        let update = &mut score.update;
        update.given = update.given.map(|given| given.max(0.0));
        if let (Some(given), None) = (update.given, update.maximum) {
            update.maximum = Some(if given < 2.0 { 1.0 } else { 100.0 });
        }
    }

    fn keep_line_item(&self, _sent: &Map<String, Value>, before: Option<&LineItem>, item: &mut LineItem) {
        item.resource_link_id = before.and_then(|before| before.resource_link_id.clone());
        item.extensions.clear();
        item.grades_released = None;
    }

    fn token(&self, granted: &Granted<'_>) -> Reply {
        let mut body = granted.to_json("Bearer");
        // In the order of a hash set.
        let scopes: Vec<&str> = granted.scopes.iter().rev().map(String::as_str).collect();
        body["scope"] = scopes.join(" ").into();
        Self::pretty(200, JSON, &body)
    }

    fn no_token(&self, asked: &Asked<'_>, registration: &Registration, refusal: &Refusal) -> Reply {
        match refusal.cause {
            Cause::ScopeNotAllowed | Cause::NoScopeLeft => {
                let mut form = url::form_urlencoded::parse(asked.request.body());
                let scopes = form.find(|(name, _)| name == "scope").map(|(_, scopes)| scopes.into_owned());
                let scopes = scopes.unwrap_or_default();
                let allowed = |scope: &&str| registration.scopes.iter().any(|known| known == scope);
                let first = scopes.split_whitespace().find(|scope| !allowed(scope)).unwrap_or_default();
                Self::error(400, "invalid_scope").header("X-Tsugi-LTI13-Error-Detail", first)
            }
            // Thrown inside the servlet; that the container answers 500 is inferred.
            Cause::Signature
            | Cause::AssertionExpired
            | Cause::IssuedAhead
            | Cause::Algorithm
            | Cause::NoKid => {
                let page =
                    "<!doctype html><html lang=\"en\"><head><title>HTTP Status 500</title></head></html>";
                Reply::of_type(500, "text/html;charset=utf-8", page)
            }
            _ => Self::error(400, &refusal.reason),
        }
    }

    fn refused(&self, asked: &Asked<'_>, refusal: &Refusal) -> Reply {
        match refusal.cause {
            Cause::NoToken | Cause::NotBearer | Cause::TwoTokens => Self::error(403, "invalid_authorization"),
            Cause::DeadToken => Self::error(403, "signature_error"),
            Cause::TokenScope => {
                let scope = match asked.service {
                    Service::Scores => SCOPE_SCORE,
                    Service::Results => SCOPE_RESULT_READONLY,
                    _ => SCOPE_LINE_ITEM,
                };
                Self::error(400, &format!("Scope {scope} not in access token"))
            }
            Cause::UnknownUser => Self::error(400, "User does not belong to site"),
            Cause::Nothing => Self::error(404, "Could not load column"),
            cause => Self::error(if cause.status() == 405 { 405 } else { 400 }, &refusal.reason),
        }
    }

    fn score_taken(&self, _score: &PostedScore<'_>) -> Reply {
        Reply::new(200)
    }

    fn line_item_json(&self, asked: &Asked<'_>, item: &LineItem) -> Value {
        let mut members = line_items::to_json(asked, item);
        members.insert("scoreMaximum".to_owned(), item.score_maximum.into());
        members.into()
    }

    fn created(&self, asked: &Asked<'_>, item: &LineItem, _sent: &Map<String, Value>) -> Reply {
        Reply::of_type(200, MEDIA_LINE_ITEM, self.line_item_json(asked, item).to_string())
    }

    fn deleted(&self) -> Reply {
        Reply::new(200)
    }

    fn line_items(
        &self,
        asked: &Asked<'_>,
        gradebook: &Gradebook,
        filters: Filters,
        _size: PageSize,
        _verdict: &mut Verdict,
    ) -> Reply {
        // The link's parameter is called `lti_link_id` here; `limit` is ignored, and there are no pages.
        let filters = Filters { resource_link_id: asked.parameter("lti_link_id"), ..filters };
        let items = line_items::matching(gradebook, &filters);
        let body: Vec<Value> = items.map(|item| self.line_item_json(asked, item)).collect();
        Reply::of_type(200, MEDIA_LINE_ITEMS, Value::from(body).to_string())
    }

    fn results(
        &self,
        asked: &Asked<'_>,
        gradebook: &Gradebook,
        item: &LineItem,
        _filters: Filters,
        _size: PageSize,
        _verdict: &mut Verdict,
    ) -> Reply {
        // `user_id` and `limit` are ignored.
        Reply::of_type(200, JSON, results::array(self, asked, item, Self::members(gradebook, item)))
    }

    fn result(&self, asked: &Asked<'_>, gradebook: &Gradebook, item: &LineItem, user_id: &str) -> Reply {
        let members = Self::members(gradebook, item);
        let mut body = Vec::new();
        // A bare object, or nothing at all.
        if let Some(row) = members.iter().find(|row| Self::own_id(&row.user_id) == user_id) {
            self.write_result(asked, item, row, &mut body);
        }
        Reply::of_type(200, JSON, body)
    }

    fn write_result(&self, asked: &Asked<'_>, item: &LineItem, row: &Row<'_>, out: &mut Vec<u8>) {
        let mut result = json!({
            "id": asked.url(&results::target(item, Some(&Self::own_id(&row.user_id)))),
            "scoreOf": asked.url(&item.target),
            "userId": row.user_id,
            "resultMaximum": row.maximum,
        });
        if let Some(score) = row.score {
            result["resultScore"] = score.into();
        }
        if let Some(comment) = row.entry.and_then(|entry| entry.comment.as_deref()) {
            result["comment"] = comment.into();
        }
        drop(serde_json::to_writer_pretty(out, &result));
    }
}
