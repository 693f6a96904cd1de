//! Open edX: `xblock-lti-consumer` 11.4.4.

use http::{Method, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Addresses, Manner, PostedScore};
use crate::asked::{Asked, Filters};
use crate::cause::Cause;
use crate::entry::Entry;
use crate::gradebook::{Gradebook, Row};
use crate::ledger::Service;
use crate::line_item::LineItem;
use crate::line_items::{self, Sent};
use crate::media;
use crate::names::{MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, MEDIA_RESULTS, MEDIA_SCORE};
use crate::page::PageSize;
use crate::registration::{Registration, ScopePolicy};
use crate::reply::Reply;
use crate::results;
use crate::token::Granted;
use crate::violation::{Refusal, Verdict};

const SERVER_ERROR: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Server Error (500)</title>\n\
                            </head>\n<body>\n  <h1>Server Error (500)</h1><p></p>\n</body>\n</html>\n";
const NOT_FOUND: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Not Found</title>\n</head>\n\
                         <body>\n  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>\n\
                         </body>\n</html>\n";

#[derive(Debug)]
pub(super) struct OpenEdx;

impl OpenEdx {
    /// Everything, errors too, comes as the type that was negotiated.
    fn reply(asked: &Asked<'_>, status: u16, body: &Value) -> Reply {
        let accept = media::essence(&asked.header(&header::ACCEPT));
        let of_type = match asked.service {
            Service::Scores => MEDIA_SCORE,
            Service::Results => MEDIA_RESULTS,
            // With `*/*`, one line item is labelled as a list.
            _ if accept == MEDIA_LINE_ITEM => MEDIA_LINE_ITEM,
            _ => MEDIA_LINE_ITEMS,
        };
        let allow = match (asked.service, asked.request.uri().path()) {
            (Service::LineItem, _) => "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
            (Service::Scores, _) => "POST, OPTIONS",
            (Service::Results, _) => "GET, HEAD, OPTIONS",
            _ => "GET, POST, HEAD, OPTIONS",
        };
        Reply::of_type(status, of_type, body.to_string()).header("Allow", allow)
    }

    fn detail(asked: &Asked<'_>, status: u16, detail: &str) -> Reply {
        Self::reply(asked, status, &json!({ "detail": detail }))
    }

    fn crash() -> Reply {
        Reply::of_type(500, "text/html; charset=utf-8", SERVER_ERROR)
    }

    /// Newest first.
    fn rows<'a>(gradebook: &'a Gradebook, item: &LineItem) -> Vec<Row<'a>> {
        let mut rows = gradebook.rows(item, 0, u64::MAX);
        // Without a score there is no result.
        rows.retain(|row| row.entry.is_none_or(|entry| entry.given.is_some()));
        rows.sort_by_key(|row| std::cmp::Reverse(row.entry.map(|entry| entry.timestamp)));
        rows
    }
}

fn micros(at: Timestamp) -> String {
    // Whole seconds stand without a fraction.
    if at.subsec_nanosecond() == 0 { format!("{at:.0}") } else { format!("{at:.6}") }
}

impl Manner for OpenEdx {
    fn addresses(&self) -> Addresses {
        Addresses {
            token: "/api/lti_consumer/v1/token/733a876c-11d4-4903-af53-c8d2ae196a02",
            line_items: "/api/lti_consumer/v1/lti/1/lti-ags",
        }
    }

    fn register(&self, registration: &mut Registration) {
        registration.scope_policy = ScopePolicy::GrantSubset;
    }

    fn line_item_target(&self, container: &str, _item: &LineItem, number: u64) -> String {
        format!("{container}/{number}")
    }

    fn learner(&self, number: u64) -> String {
        // The external user id is a uuid.
        format!("4c3f8d90-1f6e-4a2c-8d11-{number:012x}")
    }

    fn resource_link_id(&self) -> &'static str {
        "block-v1:Loop+AGS101+2026+type@lti_consumer+block@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    }

    #[expect(clippy::match_same_arms, reason = "each arm has a reason of its own")]
    fn overlooks(&self, cause: Cause, service: Service) -> bool {
        use Cause::{
            AssertionType, Audience, ContentType, Deployment, FixedMember, IdOnCreate, Issuer, ItemMaximum,
            NoExpiry, NoFraction, NoIssueTime, NoJti, NoKid, NoScopeLeft, NoZone, OwnQuery, RepeatedMember,
            Replay, Subject, SubmissionOrder, TwoContentTypes, UnknownUser,
        };
        match cause {
            Issuer | Subject | Audience | Deployment | NoJti | Replay | NoKid | NoExpiry | NoIssueTime => {
                true
            }
            // What is not to be had is refused in `examine`.
            Cause::Accept => true,
            // Its value is not looked at. Only unknown scopes give a token for none.
            AssertionType | NoScopeLeft => true,
            ContentType | TwoContentTypes => service == Service::Scores,
            // `limit` is looked at in results only; unusable values crash there.
            Cause::Filter | OwnQuery => true,
            IdOnCreate | FixedMember | ItemMaximum | RepeatedMember => true,
            NoZone | NoFraction | SubmissionOrder => true,
            // Scores of anybody are taken where nothing has to reach the gradebook; see `examine_score`.
            UnknownUser => true,
            _ => false,
        }
    }

    fn examine_assertion(
        &self,
        header: &Map<String, Value>,
        _claims: &Map<String, Value>,
        _now: i64,
        verdict: &mut Verdict,
    ) {
        if !matches!(header.get("alg").and_then(Value::as_str), Some("RS256" | "RS512")) {
            verdict.refuse(Cause::Algorithm, "unidentified_error");
        }
    }

    fn examine(&self, asked: &Asked<'_>, _item: Option<&LineItem>, verdict: &mut Verdict) {
        let method = asked.request.method();
        let accept = media::essence(&asked.header(&header::ACCEPT));
        let offered: &[&str] = match asked.service {
            Service::LineItems | Service::LineItem => &[MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, "*/*", ""],
            Service::Results => &[MEDIA_RESULTS, "*/*", ""],
            _ => &[],
        };
        if !offered.is_empty() && !offered.contains(&accept.as_str()) {
            verdict.refuse(Cause::Own(406), "Could not satisfy the request Accept header.");
        }
        // Its permission class knows `delete`, the framework says `destroy`.
        if *method == Method::DELETE || *method == Method::OPTIONS {
            verdict.refuse(Cause::Own(403), "You do not have permission to perform this action.");
        }
        if asked.service == Service::LineItems
            && asked.parameter("resource_link_id").is_some_and(|id| !is_usage_key(&id))
        {
            verdict.refuse(Cause::Own(500), "a filter that is no usage key");
        }
    }

    fn examine_score(&self, score: &PostedScore<'_>, verdict: &mut Verdict) {
        let update = &score.update;
        if publishes(score.item, &update.grading_progress, update.given) && !score.enrolled {
            verdict.refuse(Cause::Own(500), "publishing the grade of an unknown user");
        }
    }

    fn examine_line_item(&self, sent: &Sent, _before: Option<&LineItem>, verdict: &mut Verdict) {
        let item = &sent.item;
        if item.score_maximum.fract() != 0.0 {
            verdict.refuse(Cause::Own(400), r#"{"scoreMaximum":["A valid integer is required."]}"#);
        }
        if item.label.chars().count() > 100 {
            let text = r#"{"label":["Ensure this field has no more than 100 characters."]}"#;
            verdict.refuse(Cause::Own(400), text);
        }
        if item.tag.as_ref().is_some_and(|tag| tag.chars().count() > 50) {
            verdict
                .refuse(Cause::Own(400), r#"{"tag":["Ensure this field has no more than 50 characters."]}"#);
        }
        if item.resource_id.is_none() && item.resource_link_id.is_none() {
            let text =
                r#"{"non_field_errors":["Must provide at least one of resource_id or resource_link_id"]}"#;
            verdict.refuse(Cause::Own(400), text);
        }
    }

    fn take_score(&self, score: &mut PostedScore<'_>) {
        // Further members and submission times are dropped.
        score.update.extensions.clear();
        (score.update.started_at, score.update.submitted_at) = (None, None);
    }

    fn record(&self, item: &LineItem, before: Option<&Entry>, entry: &mut Entry) {
        // The service keeps its score as it came. What is not published leaves the gradebook as it is, a clear as well.
        entry.score = if publishes(item, &entry.grading_progress, entry.given.map(|(given, _)| given)) {
            entry.score.map(|score| score.min(entry.maximum))
        } else {
            before.and_then(|before| before.score)
        };
    }

    fn keep_line_item(&self, _sent: &Map<String, Value>, _before: Option<&LineItem>, item: &mut LineItem) {
        item.extensions.clear();
        item.grades_released = None;
        let micros = |text: &String| text.parse().map_or_else(|_| text.clone(), micros);
        item.start_date_time = item.start_date_time.as_ref().map(micros);
        item.end_date_time = item.end_date_time.as_ref().map(micros);
    }

    fn access_token(&self, number: u64, digest: &[u8]) -> String {
        super::json_web_token(number, digest)
    }

    fn token(&self, granted: &Granted<'_>) -> Reply {
        Reply::json(200, &granted.to_json("bearer"))
    }

    fn no_token(&self, _asked: &Asked<'_>, _registration: &Registration, refusal: &Refusal) -> Reply {
        let error = match refusal.cause {
            Cause::Method => {
                return Reply::of_type(405, "text/html; charset=utf-8", "").header("Allow", "POST");
            }
            Cause::AssertionShape => "invalid_grant",
            Cause::AssertionExpired | Cause::IssuedAhead | Cause::Algorithm => "unidentified_error",
            Cause::NoScopeAsked | Cause::Parameter => "invalid_request",
            cause => cause.error(),
        };
        Reply::json(400, &json!({ "error": error }))
    }

    fn refused(&self, asked: &Asked<'_>, refusal: &Refusal) -> Reply {
        let field = |name: &str, text: &str| Self::reply(asked, 400, &json!({ name: [text] }));
        match refusal.cause {
            // Never 401, and never a challenge.
            Cause::NoToken | Cause::NotBearer | Cause::TwoTokens => {
                Self::detail(asked, 403, "Missing LTI 1.3 authentication token.")
            }
            Cause::DeadToken => Self::detail(asked, 403, "Invalid token signature."),
            Cause::TokenScope => {
                Self::detail(asked, 403, "You do not have permission to perform this action.")
            }
            Cause::Own(500) | Cause::Negative | Cause::Progress => Self::crash(),
            Cause::Own(status @ (403 | 406)) => Self::detail(asked, status, &refusal.reason),
            // What is wrong with a member is worded where it is found out.
            Cause::Own(_) => {
                let body = serde_json::from_str(&refusal.reason).unwrap_or_default();
                Self::reply(asked, 400, &body)
            }
            Cause::ContentType => {
                let given = asked.header(&header::CONTENT_TYPE);
                Self::detail(asked, 415, &format!("Unsupported media type \"{given}\" in request."))
            }
            Cause::SameUpdate | Cause::SameTime => {
                field("timestamp", "Score already exists for the provided timestamp")
            }
            Cause::Stale => {
                field("timestamp", "Score timestamp can only be updated to a later point in time")
            }
            Cause::NoMaximum => {
                field("scoreMaximum", "scoreMaximum is a required field when providing a scoreGiven value.")
            }
            Cause::NotJson => Self::detail(asked, 400, "JSON parse error"),
            Cause::ForeignLink => {
                let body = serde_json::from_slice::<Value>(asked.request.body()).unwrap_or_default();
                let id = body.get("resourceLinkId").and_then(Value::as_str).unwrap_or_default();
                field("resourceLinkId", &format!("Invalid usage key: '{id}'"))
            }
            Cause::NoMember => {
                let name = refusal.reason.split_whitespace().next().unwrap_or_default();
                field(name, "This field is required.")
            }
            Cause::Nothing | Cause::OtherHost => {
                let number = asked.path().rsplit('/').next().unwrap_or_default();
                if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
                    let asked = Asked { service: Service::LineItem, ..*asked };
                    return Self::detail(&asked, 404, "No LtiAgsLineItem matches the given query.");
                }
                Reply::of_type(404, "text/html; charset=utf-8", NOT_FOUND)
            }
            cause => Self::detail(asked, cause.status(), &refusal.reason),
        }
    }

    fn score_taken(&self, score: &PostedScore<'_>) -> Reply {
        let update = &score.update;
        let body = json!({
            "timestamp": micros(update.timestamp),
            "scoreGiven": update.given,
            "scoreMaximum": update.maximum,
            "comment": update.comment,
            "activityProgress": update.activity_progress,
            "gradingProgress": update.grading_progress,
            "userId": update.user_id,
        });
        Self::reply(score.asked, 201, &body)
    }

    fn line_item_json(&self, asked: &Asked<'_>, item: &LineItem) -> Value {
        json!({
            "id": asked.url(&item.target),
            "resourceId": item.resource_id.as_deref().unwrap_or_default(),
            "scoreMaximum": line_items::number(item.score_maximum),
            "label": item.label,
            "tag": item.tag.as_deref().unwrap_or_default(),
            "resourceLinkId": item.resource_link_id,
            "startDateTime": item.start_date_time,
            "endDateTime": item.end_date_time,
        })
    }

    fn line_item(&self, asked: &Asked<'_>, item: &LineItem) -> Reply {
        Self::reply(asked, 200, &self.line_item_json(asked, item))
    }

    fn created(&self, asked: &Asked<'_>, item: &LineItem, _sent: &Map<String, Value>) -> Reply {
        Self::reply(asked, 201, &self.line_item_json(asked, item))
    }

    fn line_items(
        &self,
        asked: &Asked<'_>,
        gradebook: &Gradebook,
        filters: Filters,
        _size: PageSize,
        _verdict: &mut Verdict,
    ) -> Reply {
        // `limit` is ignored, and there are no pages.
        let items = line_items::matching(gradebook, &filters);
        let body: Vec<Value> = items.map(|item| self.line_item_json(asked, item)).collect();
        Self::reply(asked, 200, &body.into())
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
        // `user_id` is ignored; `limit` cuts the list without a link to the rest.
        let limit = match asked.parameter("limit").map(|limit| limit.parse::<usize>()) {
            None => usize::MAX,
            Some(Ok(limit)) => limit,
            Some(Err(_)) => return Self::crash(),
        };
        let rows = Self::rows(gradebook, item).into_iter().take(limit);
        let body = results::array(self, asked, item, rows);
        Reply { body, ..Self::reply(asked, 200, &Value::Null) }
    }

    fn result(&self, asked: &Asked<'_>, gradebook: &Gradebook, item: &LineItem, user_id: &str) -> Reply {
        // An array all the same, and empty for anybody else.
        let body = results::array(
            self,
            asked,
            item,
            Self::rows(gradebook, item).into_iter().filter(|row| row.user_id == user_id),
        );
        Reply { body, ..Self::reply(asked, 200, &Value::Null) }
    }

    fn write_result(&self, asked: &Asked<'_>, item: &LineItem, row: &Row<'_>, out: &mut Vec<u8>) {
        // In the score's own scale, not the line item's.
        let given = row.entry.and_then(|entry| entry.given);
        let (score, maximum) = given.map_or((row.score, row.maximum), |(score, of)| (Some(score), of));
        let result = json!({
            "id": asked.url(&results::target(item, Some(&row.user_id))),
            "scoreOf": asked.url(&item.target),
            "userId": row.user_id,
            "resultScore": score,
            "resultMaximum": if maximum > 0.0 { maximum } else { 1.0 },
            "comment": row.entry.and_then(|entry| entry.comment.as_deref()),
        });
        drop(serde_json::to_writer(out, &result));
    }
}

/// Only a final score other than 0 gets into the gradebook, and only of the line item that the block is bound to.
fn publishes(item: &LineItem, grading_progress: &str, given: Option<f64>) -> bool {
    item.resource_link_id.is_some()
        && grading_progress == "FullyGraded"
        && given.is_some_and(|given| given != 0.0)
}

fn is_usage_key(id: &str) -> bool {
    id.starts_with("block-v1:")
}
