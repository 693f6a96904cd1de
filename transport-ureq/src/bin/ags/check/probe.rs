//! An operation that is watched: what the library makes of an answer, and what the answer was like.

use std::cell::RefCell;
use std::collections::BTreeMap;

use lti_ags_ureq::http::header::{CONTENT_TYPE, DATE, LINK};
use lti_ags_ureq::http::{HeaderMap, HeaderValue, Request, Response};
use lti_ags_ureq::{Answer, Bytes, Context, Error, Exchange, Operation, Refusal, Replay, Scope, Timestamp};
use serde::de::IgnoredAny;

/// An operation whose answers are noted.
pub(crate) struct Probe<'a, O> {
    pub(crate) operation: O,
    pub(crate) seen: &'a RefCell<Seen>,
}

/// What an answer was like on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The URL that answered.
    pub(crate) url: String,
    pub(crate) content_type: Option<String>,
    /// The `Link` headers, read as Latin-1, so that each byte is a character.
    pub(crate) links: String,
    /// How many members the body holds, before filters are applied on this side.
    pub(crate) members: usize,
    /// By how many seconds the platform's clock is ahead of this machine's.
    pub(crate) clock_ahead: Option<i64>,
}

impl Seen {
    fn of(response: &Response<&[u8]>, exchange: &Exchange<'_>) -> Self {
        let headers = response.headers();
        Self {
            url: exchange.url().to_string(),
            content_type: text(headers, CONTENT_TYPE.as_str()),
            links: headers
                .get_all(LINK)
                .iter()
                .flat_map(HeaderValue::as_bytes)
                .map(|&byte| char::from(byte))
                .collect(),
            members: count(response.body()),
            clock_ahead: text(headers, DATE.as_str()).and_then(|date| ahead(&date)),
        }
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// By how many seconds a date is ahead of this machine's clock.
fn ahead(date: &str) -> Option<i64> {
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(date.as_second().saturating_sub(Timestamp::now().as_second()))
}

/// The members of a container: an array, one in an object (Tsugi), or an object alone (Sakai).
fn count(body: &[u8]) -> usize {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if let Ok(members) = serde_json::from_slice::<Vec<IgnoredAny>>(body) {
        return members.len();
    }
    let Ok(object) = serde_json::from_slice::<BTreeMap<String, &serde_json::value::RawValue>>(body) else {
        return 0;
    };
    let results =
        object.get("results").and_then(|list| serde_json::from_str::<Vec<IgnoredAny>>(list.get()).ok());
    results.map_or(usize::from(!object.is_empty()), |results| results.len())
}

impl<O: Operation> Operation for Probe<'_, O> {
    type Output = O::Output;
    const NAME: &'static str = O::NAME;

    fn scopes(&self) -> &'static [Scope] {
        self.operation.scopes()
    }

    fn replay(&self) -> Replay {
        self.operation.replay()
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        self.operation.request(context)
    }

    fn private(&self) -> Option<&str> {
        self.operation.private()
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        let Self { operation, seen } = self;
        seen.replace(Seen::of(&response, exchange));
        operation.response(response, exchange).map(|answer| answer.wrap(|operation| Self { operation, seen }))
    }

    fn refused(self, refusal: Refusal, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        let Self { operation, seen } = self;
        operation.refused(refusal, exchange).map(|answer| answer.wrap(|operation| Self { operation, seen }))
    }

    fn in_doubt(self, error: Error) -> Result<Answer<Self>, Error> {
        let Self { operation, seen } = self;
        operation.in_doubt(error).map(|answer| answer.wrap(|operation| Self { operation, seen }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_counted_in_every_shape_of_a_container() {
        for (body, members) in [
            ("[]", 0),
            ("\u{feff}[{},{}]", 2),
            (r#"{"results":[{},{},{}]}"#, 3),
            (r#"{"userId":"u-1"}"#, 1),
            ("{}", 0),
            ("<html>", 0),
            ("", 0),
        ] {
            assert_eq!(count(body.as_bytes()), members, "{body}");
        }
    }

    #[test]
    fn a_date_is_compared_with_this_machines_clock() {
        let date = |seconds: i64| {
            let time = Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap();
            let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
            printer.timestamp_to_rfc9110_string(&time).unwrap()
        };
        assert!((118..=120).contains(&ahead(&date(120)).unwrap()));
        assert!((-122..=-120).contains(&ahead(&date(-120)).unwrap()));
        assert_eq!(ahead("yesterday"), None);
    }
}
