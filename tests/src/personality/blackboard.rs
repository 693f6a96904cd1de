//! Blackboard Learn, as its documentation and the tools that live with it tell. Not known are the status of a posted
//! score, of deletes and of throttling: there it does as the specification says.

use http::{Method, header};
use serde_json::{Map, Value, json};

use super::{Addresses, Manner, PostedScore};
use crate::asked::{Asked, Filters};
use crate::bearer;
use crate::cause::Cause;
use crate::gradebook::{Gradebook, Row};
use crate::ledger::Service;
use crate::line_item::LineItem;
use crate::line_items::{self, Sent};
use crate::media;
use crate::names::{MEDIA_LINE_ITEM, MEDIA_RESULTS, MEDIA_SCORE, SCOPE_LINE_ITEM};
use crate::page::PageSize;
use crate::registration::Registration;
use crate::reply::Reply;
use crate::results;
use crate::token::Granted;
use crate::violation::{Refusal, Verdict};

#[derive(Debug)]
pub(super) struct Blackboard;

impl Blackboard {
    fn error(status: u16, message: &str) -> Reply {
        // The last member is for their support.
        Reply::json(status, &json!({ "status": status, "message": message, "extraInfo": "80b6fb6a41d24b2c" }))
    }

    /// Results are numbered; here by the number at the end of the learner's id.
    fn own_id(user_id: &str) -> String {
        let end = user_id.get(user_id.len().saturating_sub(8)..).unwrap_or_default();
        let number = match user_id.len() {
            32 => u64::from_str_radix(end, 16).unwrap_or_default(),
            _ => user_id.parse().unwrap_or_default(),
        };
        format!("_{}_1", 699 + number)
    }
}

impl Manner for Blackboard {
    fn addresses(&self) -> Addresses {
        Addresses {
            token: "/api/v1/gateway/oauth2/jwttoken",
            line_items: "/learn/api/v1/lti/courses/_220_1/lineItems",
        }
    }

    fn line_item_target(&self, container: &str, _item: &LineItem, number: u64) -> String {
        format!("{container}/_{}_1", 1396 + number)
    }

    fn learner(&self, number: u64) -> String {
        format!("b317a895e7f64796a3fd01bb{number:08x}")
    }

    fn resource_link_id(&self) -> &'static str {
        "_3712_1"
    }

    fn overlooks(&self, cause: Cause, service: Service) -> bool {
        match cause {
            // It is "not tied to anything".
            Cause::Issuer | Cause::NoFraction | Cause::ForeignLink => true,
            // A PUT may hold any subset.
            Cause::NoMember => service == Service::LineItem,
            // Their documentation has the type of line items; see `examine`.
            Cause::ContentType => service == Service::Scores,
            _ => false,
        }
    }

    fn examine_assertion(
        &self,
        _header: &Map<String, Value>,
        claims: &Map<String, Value>,
        _now: i64,
        verdict: &mut Verdict,
    ) {
        if ["iss", "sub", "aud", "iat", "exp", "jti"].iter().any(|name| !claims.contains_key(*name)) {
            verdict.refuse(Cause::Own(400), "a claim of the assertion is missing");
        }
    }

    fn examine(&self, asked: &Asked<'_>, _item: Option<&LineItem>, verdict: &mut Verdict) {
        let content_type = media::essence(&asked.header(&header::CONTENT_TYPE));
        if asked.service == Service::Scores
            && *asked.request.method() == Method::POST
            && ![MEDIA_SCORE, MEDIA_LINE_ITEM].contains(&content_type.as_str())
        {
            verdict.refuse(Cause::Own(415), "the Content-Type is not that of a score");
        }
    }

    fn examine_line_item(&self, sent: &Sent, before: Option<&LineItem>, verdict: &mut Verdict) {
        if before.is_some() && sent.members.contains_key("id") {
            verdict.refuse(Cause::Own(400), "id is read-only");
        }
    }

    fn take_score(&self, score: &mut PostedScore<'_>) {
        // Comments are HTML: line breaks survive only as `<br/>`.
        score.update.comment = score.update.comment.take().map(|comment| comment.replace('\n', " "));
    }

    fn keep_line_item(&self, sent: &Map<String, Value>, before: Option<&LineItem>, item: &mut LineItem) {
        let in_millis = |text: &String| line_items::in_utc(text, 3);
        item.end_date_time = item.end_date_time.as_ref().map(in_millis);
        item.start_date_time = None;
        item.extensions.clear();
        // Only deep linking binds a line item to a link.
        item.resource_link_id = before.and_then(|before| before.resource_link_id.clone());
        let Some(before) = before else { return };
        // What is left out stays as it is.
        let kept = |name: &str| !sent.contains_key(name);
        if kept("tag") {
            item.tag.clone_from(&before.tag);
        }
        if kept("resourceId") {
            item.resource_id.clone_from(&before.resource_id);
        }
        if kept("endDateTime") {
            item.end_date_time.clone_from(&before.end_date_time);
        }
        if kept("gradesReleased") {
            item.grades_released = before.grades_released;
        }
    }

    fn access_token(&self, number: u64, digest: &[u8]) -> String {
        super::json_web_token(number, digest)
    }

    fn token(&self, granted: &Granted<'_>) -> Reply {
        Reply::json(200, &granted.to_json("bearer"))
    }

    fn no_token(&self, _asked: &Asked<'_>, _registration: &Registration, refusal: &Refusal) -> Reply {
        let error = match refusal.cause.error() {
            "" => "invalid_request",
            error => error,
        };
        Reply::json(400, &json!({ "error": error, "error_description": refusal.reason }))
    }

    fn refused(&self, asked: &Asked<'_>, refusal: &Refusal) -> Reply {
        let reply = match refusal.cause {
            Cause::UnknownUser => Self::error(400, "User could not be found:"),
            Cause::NoZone | Cause::Date => {
                let body = serde_json::from_slice::<Value>(asked.request.body()).unwrap_or_default();
                let text = body.get("timestamp").and_then(Value::as_str).unwrap_or_default();
                Self::error(400, &format!("JSON parse error: Invalid date string: {text}; nested exception"))
            }
            cause => Self::error(cause.status(), &refusal.reason),
        };
        bearer::challenge(reply, refusal.cause, SCOPE_LINE_ITEM)
    }

    fn line_item_json(&self, asked: &Asked<'_>, item: &LineItem) -> Value {
        let mut members = line_items::to_json(asked, item);
        members.insert("gradesReleased".to_owned(), item.grades_released.unwrap_or(true).into());
        members.into()
    }

    fn created(&self, asked: &Asked<'_>, item: &LineItem, _sent: &Map<String, Value>) -> Reply {
        Reply::of_type(201, MEDIA_LINE_ITEM, self.line_item_json(asked, item).to_string())
    }

    specified!(line_items);

    fn results(
        &self,
        asked: &Asked<'_>,
        gradebook: &Gradebook,
        item: &LineItem,
        filters: Filters,
        size: PageSize,
        verdict: &mut Verdict,
    ) -> Reply {
        let Some(user_id) = &filters.user_id else {
            return results::list(self, asked, gradebook, item, filters, size, verdict);
        };
        // The comment is lost where one learner is asked for.
        let rows = gradebook.row(item, user_id).map(|row| Row { entry: None, ..row });
        Reply::of_type(200, MEDIA_RESULTS, results::array(self, asked, item, rows))
    }

    fn result(&self, asked: &Asked<'_>, gradebook: &Gradebook, item: &LineItem, number: &str) -> Reply {
        let rows = gradebook.rows(item, 0, u64::MAX);
        match rows.iter().find(|row| Self::own_id(&row.user_id) == number) {
            Some(row) => results::one(self, asked, gradebook, item, &row.user_id),
            None => Self::error(404, "The result could not be found"),
        }
    }

    fn write_result(&self, asked: &Asked<'_>, item: &LineItem, row: &Row<'_>, out: &mut Vec<u8>) {
        let mut result = json!({
            "id": asked.url(&results::target(item, Some(&Self::own_id(&row.user_id)))),
            "scoreOf": asked.url(&item.target),
            "userId": row.user_id,
            "resultMaximum": line_items::number(row.maximum),
            "comment": row.entry.and_then(|entry| entry.comment.as_deref()).unwrap_or_default(),
        });
        if let Some(score) = row.score {
            result["resultScore"] = line_items::number(score);
        }
        drop(serde_json::to_writer(out, &result));
    }
}
