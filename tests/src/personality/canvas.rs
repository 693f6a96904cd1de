//! Canvas, as its open source stands: line items, scores, results and the developer keys' token endpoint.
//!
//! Known word for word are "the 'aud' is invalid", "Insufficient permissions", the sentences about students and about
//! timestamps, and the throttled reply. Where only the status and the shape of an error are known, its sentence is
//! this crate's own.

use http::{Method, header};
use serde_json::{Map, Value, json};

use super::{Addresses, Manner, PostedScore};
use crate::asked::{Asked, Filters};
use crate::cause::Cause;
use crate::entry::Entry;
use crate::gradebook::{Gradebook, Row};
use crate::ledger::Service;
use crate::line_item::LineItem;
use crate::line_items::{self, Sent};
use crate::names::{MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, MEDIA_RESULTS, MEDIA_SCORE};
use crate::page::PageSize;
use crate::registration::{Registration, ScopePolicy};
use crate::reply::Reply;
use crate::results;
use crate::token::Granted;
use crate::violation::{Refusal, Verdict};

const SUBMISSION: &str = "https://canvas.instructure.com/lti/submission";
const SUBMISSION_TYPE: &str = "https://canvas.instructure.com/lti/submission_type";
const LAUNCH_URL: &str = "https://canvas.instructure.com/lti/launch_url";

/// `iat` may lie this many seconds back.
const OLDEST_ASSERTION: i64 = 300;

/// Progress with which a post makes a new attempt. Which values do is not documented: these two are assumed.
const NEEDS_GRADING: [&str; 2] = ["Submitted", "Completed"];

#[derive(Debug)]
pub(super) struct Canvas;

impl Canvas {
    fn typed(status: u16, media_type: &str, body: &Value) -> Reply {
        Reply::of_type(status, &format!("{media_type}; charset=utf-8"), body.to_string())
    }

    fn error(status: u16, kind: &str, message: &str) -> Reply {
        let body = json!({ "errors": { "type": kind, "message": message } });
        Self::typed(status, "application/json", &body)
    }

    /// A member of the submission extension.
    fn submission<'a>(update: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
        update.get(SUBMISSION)?.get(name)
    }

    /// The page that was asked for, and the five links, joined by a bare comma.
    fn page(asked: &Asked<'_>, total: u64) -> (u64, u64, String) {
        let whole = |name: &str| asked.parameter(name).and_then(|text| text.parse::<u64>().ok());
        let size = whole("per_page").or_else(|| whole("limit")).unwrap_or(10).max(1);
        let number = whole("page").unwrap_or(1).max(1);
        let query = asked.request.uri().query().unwrap_or_default();
        let kept: Vec<&str> = query
            .split('&')
            .filter(|part| !part.is_empty() && !part.starts_with("page=") && !part.starts_with("per_page="))
            .collect();
        let link = |number: u64, relation: &str| {
            let mut query: Vec<String> = kept.iter().map(|part| (*part).to_owned()).collect();
            query.extend([format!("page={number}"), format!("per_page={size}")]);
            format!("<{}?{}>; rel=\"{relation}\"", asked.url(asked.path()), query.join("&"))
        };
        let last = total.div_ceil(size).max(1);
        let mut links = vec![link(number, "current")];
        if number < last {
            links.push(link(number + 1, "next"));
        }
        if number > 1 {
            links.push(link(number - 1, "prev"));
        }
        links.push(link(1, "first"));
        links.push(link(last, "last"));
        ((number - 1) * size, size, links.join(","))
    }

    /// Results are numbered; here by the number at the end of the learner's id.
    fn result_target(item: &LineItem, user_id: &str) -> String {
        format!("{}/{}", results::target(item, None), number_of(user_id))
    }
}

/// The number at the end of a learner's id.
fn number_of(user_id: &str) -> u64 {
    match user_id.rsplit_once('-') {
        Some((_, end)) => u64::from_str_radix(end, 16).unwrap_or_default(),
        None => user_id.parse().unwrap_or_default(),
    }
}

impl Manner for Canvas {
    fn addresses(&self) -> Addresses {
        Addresses { token: "/login/oauth2/token", line_items: "/api/lti/courses/5/line_items" }
    }

    fn register(&self, registration: &mut Registration) {
        "10000000000001".clone_into(&mut registration.client_id);
        // The audience is the token URL of the host that is posted to, which is the default.
        registration.scope_policy = ScopePolicy::RefuseAll;
        registration.iat_leeway = 30;
    }

    fn line_item_target(&self, container: &str, _item: &LineItem, number: u64) -> String {
        format!("{container}/{}", 1 + number)
    }

    fn learner(&self, number: u64) -> String {
        format!("b2f1c0de-7a11-4e5a-9b3d-{number:012x}")
    }

    fn resource_link_id(&self) -> &'static str {
        "7b0c9a52-6a0e-4f4e-9d0e-0f5f2f1f6c11"
    }

    fn overlooks(&self, cause: Cause, _service: Service) -> bool {
        use Cause::{
            Accept, ContentType, Deployment, FixedMember, IdOnCreate, Issuer, NoFraction, NoZone, Replay,
            SameTime, SameUpdate, Stale, SubmissionOrder, TwoContentTypes, ZeroMaximum,
        };
        matches!(
            cause,
            // `iss` only has to be there; `jti` is not compared.
            Issuer | Deployment | Replay
            // `application/json` does as well.
            | Accept | ContentType | TwoContentTypes
            // Further members, `id` and `resourceLinkId` of an update are left aside.
            | IdOnCreate | FixedMember
            // An equal timestamp is taken, and most forms of it.
            // An older one is refused in `examine_score`.
            | SameTime | SameUpdate | Stale | NoFraction | NoZone | SubmissionOrder | ZeroMaximum
        )
    }

    fn examine_assertion(
        &self,
        _header: &Map<String, Value>,
        claims: &Map<String, Value>,
        now: i64,
        verdict: &mut Verdict,
    ) {
        let issued = claims.get("iat").and_then(Value::as_i64);
        if issued.is_some_and(|issued| issued < now - OLDEST_ASSERTION) {
            verdict.refuse(Cause::Own(400), "iat of the assertion lies more than five minutes back");
        }
        if !claims.contains_key("iss") {
            verdict.refuse(Cause::Own(400), "the assertion has no iss");
        }
    }

    fn examine(&self, asked: &Asked<'_>, item: Option<&LineItem>, verdict: &mut Verdict) {
        // `head :unauthorized`: the line item was made with its assignment.
        if *asked.request.method() == Method::DELETE && item.is_some_and(|item| item.coupled) {
            verdict.refuse(Cause::Coupled, "the line item came with its assignment");
        }
    }

    fn examine_score(&self, score: &PostedScore<'_>, verdict: &mut Verdict) {
        let update = &score.update;
        if let Some(before) = score.before.filter(|before| update.timestamp < before.timestamp) {
            let sentence = format!(
                "Provided timestamp of {} before last updated timestamp of {:.3}",
                update.timestamp, before.timestamp
            );
            verdict.refuse(Cause::Own(400), sentence);
        }
        if update.maximum == Some(0.0) && score.item.score_maximum != 0.0 && update.given.is_some() {
            verdict.refuse(Cause::Own(422), "scoreMaximum is 0 beside a scoreGiven");
        }
        let minute = jiff::SignedDuration::from_mins(1);
        if update.submitted_at.is_some_and(|at| at.duration_since(score.asked.now) > minute) {
            verdict.refuse(Cause::Own(400), "submittedAt lies more than a minute ahead");
        }
        let extensions = &update.extensions;
        let of_type = Self::submission(extensions, "submission_type").and_then(Value::as_str);
        let items = Self::submission(extensions, "content_items").and_then(Value::as_array);
        if of_type == Some("online_upload") && items.is_none_or(Vec::is_empty) {
            verdict.refuse(Cause::Own(422), "online_upload comes without content_items");
        }
    }

    fn examine_line_item(&self, sent: &Sent, _before: Option<&LineItem>, verdict: &mut Verdict) {
        let of_type = sent.members.get(SUBMISSION_TYPE).and_then(|kind| kind.get("type"));
        if of_type.is_some_and(|kind| !matches!(kind.as_str(), Some("none" | "external_tool"))) {
            verdict.refuse(Cause::Own(400), "the submission type is neither none nor external_tool");
        }
    }

    fn take_score(&self, score: &mut PostedScore<'_>) {
        let update = &mut score.update;
        // The trap: no score, or any progress but these two, sets the grade to null.
        if !matches!(update.grading_progress.as_str(), "FullyGraded" | "PendingManual") {
            update.given = None;
        }
        let preserve = Self::submission(&update.extensions, "preserve_score") == Some(&Value::Bool(true));
        if let (None, true, Some(before)) = (update.given, preserve, score.before) {
            (update.given, update.maximum) = (before.score, Some(before.maximum));
        }
    }

    fn record(&self, _item: &LineItem, before: Option<&Entry>, entry: &mut Entry) {
        let Some(before) = before else {
            entry.attempts = u64::from(makes_attempt(entry, None));
            return;
        };
        entry.attempts = before.attempts + u64::from(makes_attempt(entry, Some(before)));
        // Comments pile up, repeated ones too.
        entry.earlier_comments.extend(before.comment.clone());
    }

    fn keep_line_item(&self, sent: &Map<String, Value>, before: Option<&LineItem>, item: &mut LineItem) {
        item.extensions.retain(|name, _| name == SUBMISSION_TYPE && sent.contains_key(name));
        let Some(before) = before else { return };
        item.resource_link_id.clone_from(&before.resource_link_id);
        // It comes back only if it was set at creation.
        item.extensions.clone_from(&before.extensions);
    }

    fn access_token(&self, number: u64, digest: &[u8]) -> String {
        super::json_web_token(number, digest)
    }

    fn token(&self, granted: &Granted<'_>) -> Reply {
        Self::typed(200, "application/json", &granted.to_json("Bearer"))
    }

    fn no_token(&self, asked: &Asked<'_>, registration: &Registration, refusal: &Refusal) -> Reply {
        let (status, error, description) = match refusal.cause {
            Cause::GrantType => (400, "unsupported_grant_type", String::new()),
            Cause::Audience => (400, "invalid_request", "the 'aud' is invalid".to_owned()),
            Cause::ScopeNotAllowed | Cause::NoScopeLeft => {
                let mut form = url::form_urlencoded::parse(asked.request.body());
                let asked = form.find(|(name, _)| name == "scope").map(|(_, scopes)| scopes.into_owned());
                let asked = asked.unwrap_or_default();
                let missing =
                    asked.split_whitespace().filter(|scope| !registration.scopes.iter().any(|s| s == scope));
                let missing: Vec<&str> = missing.collect();
                let sentence = format!("scopes that are not enabled: {}", missing.join(", "));
                (400, "invalid_scope", sentence)
            }
            Cause::Own(_)
            | Cause::AssertionExpired
            | Cause::IssuedAhead
            | Cause::NoJti
            | Cause::NoExpiry
            | Cause::NoIssueTime
            | Cause::Parameter => (400, "invalid_request", refusal.reason.to_string()),
            Cause::Method => return Reply::of_type(404, "text/html; charset=utf-8", ""),
            _ => (401, "invalid_client", refusal.reason.to_string()),
        };
        let mut body = json!({ "error": error });
        if !description.is_empty() {
            body["error_description"] = description.into();
        }
        let reply = Self::typed(status, "application/json", &body);
        if status == 401 { reply.header("WWW-Authenticate", "Canvas OAuth 2.0") } else { reply }
    }

    fn refused(&self, asked: &Asked<'_>, refusal: &Refusal) -> Reply {
        match refusal.cause {
            Cause::Coupled => Reply::new(401),
            Cause::NoToken | Cause::NotBearer | Cause::TwoTokens | Cause::DeadToken => {
                Self::error(401, "unauthorized", &refusal.reason)
            }
            Cause::TokenScope => Self::error(401, "unauthorized", "Insufficient permissions"),
            Cause::UnknownUser => {
                Self::error(422, "unprocessable_entity", "User not found in course or is not a student")
            }
            Cause::Date if asked.service == Service::Scores => {
                Self::error(400, "bad_request", "Provided timestamp is not a valid timestamp")
            }
            Cause::Negative | Cause::NoMaximum | Cause::Own(422) => {
                Self::error(422, "unprocessable_entity", &refusal.reason)
            }
            Cause::Nothing | Cause::ForeignLink => Self::error(404, "not_found", &refusal.reason),
            _ if matches!(asked.service, Service::LineItems | Service::LineItem) => {
                Self::typed(refusal.cause.status(), "application/json", &json!({ "error": refusal.reason }))
            }
            cause => Self::error(cause.status(), "bad_request", &refusal.reason),
        }
    }

    fn score_taken(&self, score: &PostedScore<'_>) -> Reply {
        let result = score.asked.url(&Self::result_target(score.item, &score.update.user_id));
        let items = Self::submission(&score.update.extensions, "content_items");
        let items = items.cloned().unwrap_or_else(|| json!([]));
        let body = json!({ "resultUrl": result, SUBMISSION: { "content_items": items } });
        Self::typed(200, MEDIA_SCORE, &body)
    }

    fn line_item_json(&self, asked: &Asked<'_>, item: &LineItem) -> Value {
        let mut members = line_items::to_json(asked, item);
        // Numbers are floats.
        members.insert("scoreMaximum".to_owned(), item.score_maximum.into());
        let wants_launch =
            url::form_urlencoded::parse(asked.request.uri().query().unwrap_or_default().as_bytes())
                .any(|(name, value)| (name == "include[]" || name == "include") && value == "launch_url");
        if wants_launch {
            members.insert(LAUNCH_URL.to_owned(), "https://tool.test/launch".into());
        }
        members.into()
    }

    fn line_item(&self, asked: &Asked<'_>, item: &LineItem) -> Reply {
        Self::typed(200, MEDIA_LINE_ITEM, &self.line_item_json(asked, item))
    }

    fn created(&self, asked: &Asked<'_>, item: &LineItem, _sent: &Map<String, Value>) -> Reply {
        Self::typed(201, MEDIA_LINE_ITEM, &self.line_item_json(asked, item))
    }

    fn line_items(
        &self,
        asked: &Asked<'_>,
        gradebook: &Gradebook,
        filters: Filters,
        _size: PageSize,
        _verdict: &mut Verdict,
    ) -> Reply {
        let items: Vec<&LineItem> = line_items::matching(gradebook, &filters).collect();
        let (from, size, links) = Self::page(asked, items.len() as u64);
        let shown = items.into_iter().skip(line_items::usize_of(from)).take(line_items::usize_of(size));
        let body: Vec<Value> = shown.map(|item| self.line_item_json(asked, item)).collect();
        Self::typed(200, MEDIA_LINE_ITEMS, &body.into()).header("Link", links)
    }

    fn results(
        &self,
        asked: &Asked<'_>,
        gradebook: &Gradebook,
        item: &LineItem,
        filters: Filters,
        _size: PageSize,
        _verdict: &mut Verdict,
    ) -> Reply {
        let of_type = format!("{MEDIA_RESULTS}; charset=utf-8");
        if let Some(user_id) = filters.user_id {
            let body = results::array(self, asked, item, gradebook.row(item, &user_id));
            let (_, _, links) = Self::page(asked, 1);
            return Reply::of_type(200, &of_type, body).header("Link", links);
        }
        let (from, size, links) = Self::page(asked, gradebook.count(item));
        let body = results::array(self, asked, item, gradebook.rows(item, from, size));
        Reply::of_type(200, &of_type, body).header("Link", links)
    }

    fn result(&self, asked: &Asked<'_>, gradebook: &Gradebook, item: &LineItem, number: &str) -> Reply {
        let rows = gradebook.rows(item, 0, u64::MAX);
        match rows.iter().find(|row| number_of(&row.user_id).to_string() == number) {
            Some(row) => results::one(self, asked, gradebook, item, &row.user_id),
            None => Self::error(404, "not_found", "there is no such result"),
        }
    }

    fn write_result(&self, asked: &Asked<'_>, item: &LineItem, row: &Row<'_>, out: &mut Vec<u8>) {
        let mut result = json!({
            "id": asked.url(&Self::result_target(item, &row.user_id)),
            "scoreOf": asked.url(&item.target),
            "userId": row.user_id,
            "resultMaximum": row.maximum,
        });
        // Null members are left out, so that a cleared result has no resultScore.
        if let Some(score) = row.score {
            result["resultScore"] = score.into();
        }
        if let Some(comment) = row.entry.and_then(|entry| entry.comment.as_deref()) {
            result["comment"] = comment.into();
        }
        drop(serde_json::to_writer(out, &result));
    }

    fn throttled(&self) -> Reply {
        Reply::of_type(403, "text/plain; charset=utf-8", "403 Forbidden (Rate Limit Exceeded)\n")
            .header("X-Request-Cost", "0.0")
            .header("X-Rate-Limit-Remaining", "0.0")
    }

    fn finish(&self, asked: &Asked<'_>, reply: Reply) -> Reply {
        // Of a bucket of 600, with 50 set aside for each request in flight.
        let cost =
            if asked.request.headers().contains_key(header::AUTHORIZATION) { "0.0312" } else { "0.0100" };
        reply.header("X-Request-Cost", cost).header("X-Rate-Limit-Remaining", "599.2")
    }
}

/// Whether a post makes a new submission attempt.
fn makes_attempt(entry: &Entry, before: Option<&Entry>) -> bool {
    let submission = |name: &str| Canvas::submission(&entry.extensions, name);
    let declined = submission("new_submission") == Some(&Value::Bool(false))
        || submission("submission_type") == Some(&Value::from("none"));
    // An unchanged time of handing in is the same attempt.
    let sent_again = before.is_some_and(|before| {
        before.attempts > 0 && entry.submission_given && before.submitted_at == entry.submitted_at
    });
    !declined && !sent_again && NEEDS_GRADING.contains(&entry.activity_progress.as_str())
}
