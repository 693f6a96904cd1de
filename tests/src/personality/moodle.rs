//! Moodle 4.5 (`mod_lti`, `ltiservice_gradebookservices`); the same source in 5.x.

mod refusals;

use std::fmt::Write as _;

use http::{Method, header};
use serde_json::{Map, Value, json};

use super::{Addresses, Manner, PostedScore};
use crate::asked::{Asked, Filters};
use crate::cause::Cause;
use crate::gradebook::{Gradebook, Row};
use crate::ledger::Service;
use crate::line_item::LineItem;
use crate::line_items::{self, Sent, number};
use crate::names::{MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, MEDIA_RESULTS, MEDIA_SCORE};
use crate::page::PageSize;
use crate::registration::{Registration, ScopePolicy};
use crate::reply::Reply;
use crate::results;
use crate::token::Granted;
use crate::violation::{Refusal, Verdict};

#[derive(Debug)]
pub(super) struct Moodle;

impl Moodle {
    fn typed(status: u16, media_type: &str, body: String) -> Reply {
        Reply::of_type(status, &format!("{media_type}; charset=utf-8"), body)
    }

    /// The request's JSON with the URL of the line item: nothing says what was stored.
    fn echo(asked: &Asked<'_>, item: &LineItem, sent: &Map<String, Value>) -> String {
        let mut echo = sent.clone();
        echo.insert("id".to_owned(), asked.url(&item.target).into());
        ascii(&Value::from(echo))
    }

    /// `limit` and `from`, as PHP casts them, and the `Link` header that goes with them.
    fn links(asked: &Asked<'_>, names: &[&str], total: u64) -> (u64, Option<u64>, Option<String>) {
        let whole = |name: &str| asked.parameter(name).map_or(0, |text| to_int(&text));
        let (limit, from) = (whole("limit"), whole("from"));
        if limit == 0 {
            return (0, None, None);
        }
        let given: Vec<String> = names
            .iter()
            .filter_map(|name| {
                let value = asked.parameter(name)?;
                let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
                Some(format!("{name}={value}"))
            })
            .chain([format!("limit={limit}")])
            .collect();
        // `moodle_url::out()` escapes for HTML, and the quotes are typographic.
        let base = format!("{}?{}", asked.url(asked.path()), given.join("&amp;"));
        let link = |from: u64, relation: &str| format!("<{base}&amp;from={from}>; rel=“{relation}”");
        let mut links = vec![link(0, "first")];
        if from > 0 {
            links.push(link(from.saturating_sub(limit), "prev"));
        }
        links.push(link(from, "canonical"));
        if from + limit < total {
            links.push(link(from + limit, "next"));
        }
        // Its arithmetic is off.
        links.push(link((total + 1).saturating_sub(limit), "last"));
        (from, Some(limit), Some(links.join(", ")))
    }
}

/// PHP's cast of a string to an integer, where it matters: what is no number is 0.
fn to_int(text: &str) -> u64 {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..digits).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// JSON in ASCII, as PHP's `json_encode` writes it where it is told to leave slashes alone.
fn ascii(value: &Value) -> String {
    let mut units = [0; 2];
    value.to_string().chars().fold(String::new(), |mut text, char| {
        if char.is_ascii() {
            text.push(char);
        } else {
            for unit in char.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
        text
    })
}

/// JSON as PHP's `json_encode` writes it.
fn escaped(value: &Value) -> String {
    ascii(value).replace('/', "\\/")
}

impl Manner for Moodle {
    fn addresses(&self) -> Addresses {
        Addresses { token: "/mod/lti/token.php", line_items: "/mod/lti/services.php/2/lineitems?type_id=1" }
    }

    fn register(&self, registration: &mut Registration) {
        registration.scope_policy = ScopePolicy::GrantSubset;
        // Firebase\JWT::$leeway is 0.
        registration.iat_leeway = 0;
    }

    fn line_item_target(&self, container: &str, _item: &LineItem, number: u64) -> String {
        let (path, query) = container.split_once('?').unwrap_or((container, "type_id=1"));
        format!("{path}/{}/lineitem?{query}", 11 + number)
    }

    fn learner(&self, number: u64) -> String {
        (2 + number).to_string()
    }

    fn resource_link_id(&self) -> &'static str {
        "1"
    }

    #[expect(clippy::match_same_arms, reason = "each arm has a reason of its own")]
    fn overlooks(&self, cause: Cause, service: Service) -> bool {
        use Cause::{
            Accept, Audience, Deployment, FixedMember, IdOnCreate, Issuer, ItemMaximum, MemberType, Negative,
            NoExpiry, NoFraction, NoIssueTime, NoJti, NoZone, OwnQuery, Progress, RepeatedMember, Replay,
            SameTime, SameUpdate, Stale, TwoContentTypes, UserIdType, ZeroMaximum,
        };
        match cause {
            // Not looked at in an assertion; `sub` is.
            Issuer | Audience | Deployment | NoJti | Replay | NoExpiry | NoIssueTime => true,
            // Looked at in its own way before.
            Accept => true,
            OwnQuery | FixedMember | ZeroMaximum | RepeatedMember | TwoContentTypes | IdOnCreate
            | ItemMaximum => true,
            // A maximum may be a string; a score must be a number.
            MemberType => matches!(service, Service::LineItems | Service::LineItem),
            NoFraction | NoZone | Progress | Negative | UserIdType => true,
            // Compared in whole seconds; see `examine_score`.
            SameUpdate | SameTime | Stale => true,
            _ => false,
        }
    }

    fn examine(&self, asked: &Asked<'_>, _item: Option<&LineItem>, verdict: &mut Verdict) {
        // The scheme has to be spelled `Bearer`.
        let lower = asked.header(&header::AUTHORIZATION).starts_with("bearer ");
        if lower {
            verdict.refuse(Cause::NotBearer, "Unauthorized");
        }
        let method = asked.request.method();
        let accept = asked.header(&header::ACCEPT);
        let content_type = asked.header(&header::CONTENT_TYPE);
        // The whole header is compared as one text, unless `*/*` stands in it.
        let taken = |wanted: &str| accept.is_empty() || accept.contains("*/*") || accept == wanted;
        match asked.service {
            _ if method == Method::HEAD || method == Method::OPTIONS => refusals::no_handler(asked, verdict),
            Service::LineItems if method == Method::GET => {
                if accept == MEDIA_LINE_ITEM || accept.contains("*/*") {
                    verdict.refuse(Cause::Own(400), "No context or unsupported content type");
                } else if !taken(MEDIA_LINE_ITEMS) {
                    refusals::no_handler(asked, verdict);
                }
            }
            Service::LineItem if method == Method::GET && !taken(MEDIA_LINE_ITEM) => {
                refusals::no_handler(asked, verdict);
            }
            Service::Results if method == Method::GET && !taken(MEDIA_RESULTS) => {
                refusals::no_handler(asked, verdict);
            }
            Service::LineItems | Service::LineItem if method == Method::PATCH => {
                verdict.refuse(Cause::Method, "Method Not Allowed");
            }
            Service::Scores if method != Method::POST => {
                verdict.refuse(Cause::Method, "Method Not Allowed");
            }
            // The content type is cut at a semicolon.
            Service::LineItems | Service::LineItem
                if method != Method::DELETE
                    && method != Method::GET
                    && crate::media::essence(&content_type) != MEDIA_LINE_ITEM =>
            {
                refusals::no_handler(asked, verdict);
            }
            Service::Scores if crate::media::essence(&content_type) != MEDIA_SCORE => {
                refusals::no_handler(asked, verdict);
            }
            _ => {}
        }
    }

    fn examine_score(&self, score: &PostedScore<'_>, verdict: &mut Verdict) {
        let seconds = score.update.timestamp.as_second();
        if score.enrolled && score.before.is_some_and(|before| before.timestamp.as_second() >= seconds) {
            let (item, user) = (&score.item.id, &score.update.user_id);
            // The number in its own messages is that of the URL.
            let number = score.item.path().split('/').rev().nth(1).unwrap_or(item);
            let reason =
                format!("Refusing score with an earlier timestamp for item {number} and user {user}");
            verdict.refuse(Cause::Own(409), reason);
        }
    }

    fn examine_line_item(&self, sent: &Sent, before: Option<&LineItem>, verdict: &mut Verdict) {
        let link = sent.members.get("resourceLinkId").and_then(Value::as_str).unwrap_or_default();
        let unreadable = before.is_none() && !link.is_empty() && to_int(link) == 0;
        // A fatal error that its web server reports as its own. 300 characters are known to be too many; where it
        // begins is assumed.
        let first = verdict.refusal.as_ref().is_none_or(|refusal| refusal.cause == Cause::ForeignLink);
        if first && (unreadable || sent.item.label.chars().count() > 255) {
            verdict.refusal = Some(Refusal { cause: Cause::Own(502), reason: "Bad Gateway".into() });
        }
    }

    fn take_score(&self, score: &mut PostedScore<'_>) {
        let update = &mut score.update;
        // Anything but FullyGraded, or no score, clears the grade; scores are cut to 0 and the maximum.
        if update.grading_progress == "FullyGraded" {
            let most = update.maximum.filter(|maximum| *maximum > 0.0).unwrap_or(f64::MAX);
            update.given = update.given.map(|given| given.min(most).max(0.0));
        } else {
            update.given = None;
        }
    }

    fn keep_line_item(&self, sent: &Map<String, Value>, before: Option<&LineItem>, item: &mut LineItem) {
        // Dates and further members are echoed, and forgotten.
        item.start_date_time = None;
        item.end_date_time = None;
        item.grades_released = None;
        item.extensions.retain(|name, _| name == "submissionReview");
        let Some(before) = before else { return };
        if before.coupled {
            item.resource_link_id.clone_from(&before.resource_link_id);
            // Without its link in the body, an activity's own column keeps neither.
            if !sent.contains_key("resourceLinkId") {
                item.tag = None;
                item.resource_id = None;
            }
        }
        // Otherwise what is left out is cleared, the link too.
        if !before.coupled && item.resource_link_id.is_some() {
            item.resource_link_id.clone_from(&before.resource_link_id);
        }
    }

    fn access_token(&self, _number: u64, digest: &[u8]) -> String {
        // Hexadecimal, and with a mark that is looked for in what tests show.
        digest.iter().take(11).fold("5ec4e7704e".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    }

    fn token(&self, granted: &Granted<'_>) -> Reply {
        // Put together by hand.
        let body = format!(
            "{{\n  \"access_token\" : \"{}\",\n  \"token_type\" : \"Bearer\",\n  \"expires_in\" : {},\n  \
             \"scope\" : \"{}\"\n}}\n",
            granted.token,
            granted.lifetime,
            granted.scopes.join(" "),
        );
        Reply::of_type(200, "text/html; charset=utf-8", body)
    }

    fn no_token(&self, asked: &Asked<'_>, _registration: &Registration, refusal: &Refusal) -> Reply {
        refusals::no_token(asked, refusal)
    }

    fn refused(&self, asked: &Asked<'_>, refusal: &Refusal) -> Reply {
        refusals::refused(asked, refusal)
    }

    fn score_taken(&self, _score: &PostedScore<'_>) -> Reply {
        Self::typed(200, MEDIA_SCORE, String::new())
    }

    fn line_item_json(&self, asked: &Asked<'_>, item: &LineItem) -> Value {
        let mut members = line_items::to_json(asked, item);
        // An activity's own column shows no resourceId until it has one.
        if !item.coupled || item.resource_id.is_some() {
            members.insert("resourceId".to_owned(), item.resource_id.as_deref().unwrap_or_default().into());
        }
        members.insert("tag".to_owned(), item.tag.as_deref().unwrap_or_default().into());
        if let Some(link) = &item.resource_link_id {
            members.insert("ltiLinkId".to_owned(), link.as_str().into());
        }
        members.into()
    }

    fn line_item(&self, asked: &Asked<'_>, item: &LineItem) -> Reply {
        Self::typed(200, MEDIA_LINE_ITEM, escaped(&self.line_item_json(asked, item)))
    }

    fn created(&self, asked: &Asked<'_>, item: &LineItem, sent: &Map<String, Value>) -> Reply {
        Self::typed(201, MEDIA_LINE_ITEM, Self::echo(asked, item, sent))
    }

    fn updated(&self, asked: &Asked<'_>, item: &LineItem, sent: &Map<String, Value>) -> Reply {
        Self::typed(200, MEDIA_LINE_ITEM, Self::echo(asked, item, sent))
    }

    fn deleted(&self) -> Reply {
        Reply::of_type(204, "text/html; charset=utf-8", "").reason("OK")
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
        let names = ["tag", "resource_id", "resource_link_id", "type_id"];
        let (from, limit, links) = Self::links(asked, &names, items.len() as u64);
        // Without a limit there are no pages.
        let most = limit.map_or(usize::MAX, line_items::usize_of);
        let shown = items.into_iter().skip(line_items::usize_of(from)).take(most);
        let body: Vec<Value> = shown.map(|item| self.line_item_json(asked, item)).collect();
        let reply = Self::typed(200, MEDIA_LINE_ITEMS, escaped(&Value::from(body)));
        match links {
            Some(links) => reply.header("Link", links),
            None => reply,
        }
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
        let user = asked.parameter("user_id").map_or(0, |text| to_int(&text));
        let limit = asked.parameter("limit").map_or(0, |text| to_int(&text));
        // A method is called on null: a fatal error, which comes out as a page that is not found.
        if limit > 0 && asked.parameter("type_id").is_some() {
            let page = "<!DOCTYPE html>\n<html  dir=\"ltr\" lang=\"en\" xml:lang=\"en\">\n<head>\n    \
                        <title>Error</title>\n</head>\n<body></body>\n</html>\n";
            return Reply::of_type(404, "text/html; charset=utf-8", page);
        }
        // Cast to an integer: what is no number asks for everybody.
        if user > 0 {
            let body = results::array(self, asked, item, gradebook.row(item, &user.to_string()));
            return Reply::of_type(200, &format!("{MEDIA_RESULTS}; charset=utf-8"), body);
        }
        let (from, limit, links) = Self::links(asked, &[], gradebook.count(item));
        let rows = gradebook.rows(item, from, limit.unwrap_or(u64::MAX));
        let body = results::array(self, asked, item, rows);
        let reply = Reply::of_type(200, &format!("{MEDIA_RESULTS}; charset=utf-8"), body);
        match links {
            Some(links) => reply.header("Link", links),
            None => reply,
        }
    }

    fn result(&self, asked: &Asked<'_>, _: &Gradebook, _: &LineItem, _: &str) -> Reply {
        let accept = asked.header(&header::ACCEPT);
        refusals::error(asked, 400, &format!("No handler found for {} {accept}", refusals::route(asked)))
    }

    fn write_result(&self, asked: &Asked<'_>, item: &LineItem, row: &Row<'_>, out: &mut Vec<u8>) {
        let joint = if item.query().is_some() { '&' } else { '?' };
        let id = format!("{}{joint}user_id={}", asked.url(&results::target(item, None)), row.user_id);
        let mut result = json!({ "id": id, "userId": row.user_id });
        // Where there is no grade, there is nothing else.
        if let Some(score) = row.score {
            result["resultScore"] = number(score);
            result["resultMaximum"] = number(row.maximum);
            result["scoreOf"] = asked.url(&item.target).into();
            let at = row.entry.map_or(asked.now, |entry| entry.timestamp);
            result["timestamp"] = at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string().into();
            if let Some(comment) = row.entry.and_then(|entry| entry.comment.as_deref()) {
                result["comment"] = comment.into();
            }
        }
        out.extend_from_slice(escaped(&result).as_bytes());
    }
}
