//! Where a token may go, and what is never shown (Security Framework 3, 4; RFC 6750 §5; RFC 9110 §15.4).
#![allow(clippy::format_push_string, reason = "a test may allocate")]

use std::time::Duration;

use crate::common::{self, Answer, LINE_ITEM, Read, TOKEN, Tool, answer, answer_with, graded, shown};
use lti_ags::{Cause, Endpoint, Error, ErrorKind, Policy, PostScore, Scope, Step, TransportError};
use proptest::prelude::*;

const COMMENT: &str = "Planted: Jo\u{e9} \"fell\" short\non page 3/4 & {after}";

fn post() -> PostScore {
    PostScore::new(graded().comment(COMMENT).build().unwrap())
}

fn redirect(status: u16, to: &str) -> Answer {
    answer_with(status, &[("location", to.as_bytes())], b"")
}

#[test]
fn plain_http_never_carries_a_token_beyond_this_machine() {
    // AGS-SEC-01, AGS-CERT-07, AGS-CLAIM-09: the certificate is the transport's to check
    for url in
        ["http://lms.northfield.test/li", "http://127.0.0.1.evil.test/li", "http://localhost.evil.test/li"]
    {
        let mut tool = Tool::new().at(Endpoint::for_line_item(url).unwrap());
        assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::InsecureUrl, "{url}");
        assert_eq!(tool.counts(), (0, 0));
    }
    let tls = TransportError::not_sent(Cause::Tls, "self-signed certificate");
    let mut tool = Tool::new().answers([Err(tls)]);
    let error = tool.call(post()).unwrap_err();
    assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::Tls, 1), "not tried again");
}

#[test]
fn a_token_stands_in_one_header_and_nowhere_else() {
    // AGS-SEC-02, AGS-SEC-08
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    tool.call(Read::line_items()).unwrap();
    for request in &tool.requests {
        let authorization = &request.headers()["authorization"];
        assert_eq!(authorization.to_str().unwrap(), format!("Bearer {TOKEN}"));
        assert!(authorization.is_sensitive());
        assert_eq!(request.headers().get_all("authorization").iter().count(), 1);
        assert!(!request.uri().to_string().contains(TOKEN));
        assert!(!String::from_utf8_lossy(request.body()).contains(TOKEN));
        assert!(!request.headers().contains_key("authentication"), "as the samples of AGS have it");
    }
}

#[test]
fn a_get_is_followed_within_its_origin() {
    // AGS-HTTP-05
    let mut tool = Tool::new().answers([
        redirect(301, "https://lms.northfield.test/a?x=%2F"),
        redirect(302, "/b"),
        redirect(303, "c?d"),
        redirect(307, "https://lms.northfield.test:443/e"),
        redirect(308, "#f"),
        answer(200, "there"),
    ]);
    assert_eq!(tool.call(Read::line_items()).unwrap(), b"there");
    let urls: Vec<_> = tool.requests.iter().skip(1).map(|request| request.uri().to_string()).collect();
    assert_eq!(
        urls[..3],
        [
            "https://lms.northfield.test/a?x=%2F",
            "https://lms.northfield.test/b",
            "https://lms.northfield.test/c?d"
        ]
    );
    assert!(tool.requests.iter().all(|request| request.headers().contains_key("authorization")));

    let mut circle = Tool::new().answers((0..9).map(|_| redirect(302, LINE_ITEM)));
    assert_eq!(circle.call(Read::line_items()).unwrap_err().kind(), ErrorKind::Redirect);
    assert_eq!(circle.requests.len(), 6);
}

#[test]
fn no_redirect_takes_a_token_elsewhere() {
    // AGS-HTTP-05, AGS-SEC-09
    for elsewhere in [
        "https://evil.test/li",
        "//evil.test/li",
        "http://lms.northfield.test/li",
        "https://lms.northfield.test:8443/li",
        "https://lms.northfield.test@evil.test/",
        "https://lms.northfield.test.evil.test/",
        "\\\\evil.test\\li",
        "javascript:alert(1)",
        "https://[",
        "",
    ] {
        let mut tool = Tool::new().answers([redirect(302, elsewhere)]);
        match tool.call(Read::line_items()) {
            // An empty Location is the same URL again.
            Ok(_) => assert_eq!(elsewhere, ""),
            Err(error) => {
                assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::Redirect, 1), "{elsewhere}");
            }
        }
        for request in &tool.requests {
            assert_eq!(request.uri().authority().unwrap(), "lms.northfield.test", "{elsewhere}");
            assert_eq!(request.uri().scheme_str(), Some("https"));
        }
    }
    let mut nowhere = Tool::new().answers([answer(302, "")]);
    assert_eq!(nowhere.call(Read::line_items()).unwrap_err().kind(), ErrorKind::Redirect);
}

#[test]
fn a_score_is_not_turned_into_a_get() {
    // AGS-HTTP-05
    for status in [301, 302, 303, 307, 308] {
        let mut tool = Tool::new().answers([redirect(status, "https://lms.northfield.test/elsewhere")]);
        let error = tool.call(post()).unwrap_err();
        assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::Redirect, 1));
        assert_eq!(tool.requests[0].method(), "POST");
    }
}

#[test]
fn a_token_is_bound_to_the_origins_of_the_launch() {
    // AGS-SEC-09
    let mut tool = Tool::new();
    for url in
        ["https://evil.test/li", "https://lms.northfield.test:444/li", "https://auth.northfield.test/li"]
    {
        let error = tool.call(Read::new(url, const { &[Scope::SCORE] })).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ForeignOrigin, "{url}");
        assert_eq!(tool.call(post().at(url).unwrap()).unwrap_err().kind(), ErrorKind::ForeignOrigin);
    }
    assert_eq!(tool.counts(), (0, 0));
    tool.call(Read::new("https://LMS.northfield.test:443/x", const { &[Scope::SCORE] })).unwrap();
}

#[test]
fn waits_redirects_and_excerpts_are_capped() {
    // AGS-SEC-10, AGS-HTTP-04
    let mut tool = Tool::new().answers([answer_with(503, &[("retry-after", b"86400")], b"")]);
    let error = tool.call(post()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited { after: Some(Duration::from_secs(86_400)) });
    assert!(tool.waits.is_empty());

    let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(1 << 20));
    let error = Tool::new().answers([answer(400, &long)]).call(post()).unwrap_err();
    assert!(error.to_string().len() < 1_000 && error.refusal().unwrap().body().len() <= 8 * 1024);

    let too_large = TransportError::in_doubt(Cause::TooLarge, "more than 16 MiB");
    let mut tool = Tool::new().answers([Err(too_large)]);
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::ResponseTooLarge);
    assert_eq!(tool.requests.len(), 1, "it would be too large again");
}

#[test]
fn a_token_on_the_edge_of_an_excerpt_is_not_shown_in_part() {
    // AGS-SEC-08
    for before in 8 * 1024 - TOKEN.len()..=8 * 1024 {
        let body = format!("{}{TOKEN}", "x".repeat(before));
        let error = Tool::new().answers([answer(400, &body)]).call(post()).unwrap_err();
        assert!(!error.refusal().unwrap().body().contains(&TOKEN[..8]), "{before}");
    }
}

#[test]
fn a_wait_may_be_told_in_seconds_or_as_a_date_of_three_forms() {
    // AGS-HTTP-04
    for (told, seconds) in [
        (&b"5"[..], Some(5)),
        (b"Mon, 02 Mar 2026 09:00:05 GMT", Some(5)),
        (b"Monday, 02-Mar-26 09:00:05 GMT", Some(5)),
        (b"Mon Mar  2 09:00:05 2026", Some(5)),
        (b"Mon, 02 Mar 2026 08:00:00 GMT", Some(0)),
        (b"-3", None),
        (b"soon", None),
    ] {
        let mut policy = Policy::default();
        policy.max_attempts = 1;
        let mut tool = Tool::with_policy(policy).answers([answer_with(429, &[("retry-after", told)], b"")]);
        let error = tool.call(post()).unwrap_err();
        let after = seconds.map(Duration::from_secs);
        assert_eq!(error.kind(), ErrorKind::RateLimited { after }, "{}", String::from_utf8_lossy(told));
        assert_eq!(error.refusal().unwrap().retry_after(), after);
    }
    let mut tool =
        Tool::new().answers([answer_with(429, &[("retry-after", b"Mon, 02 Mar 2026 09:00:05 GMT")], b"")]);
    tool.call(post()).unwrap();
    assert!(
        tool.waits[0] >= Duration::from_secs(5) && tool.waits[0] < Duration::from_secs(6),
        "{:?}",
        tool.waits
    );
}

#[test]
fn a_challenge_is_read_however_it_is_written() {
    // AGS-HTTP-02, AGS-HTTP-09
    for (fields, code, scope) in [
        (
            &["Basic realm=\"x\", Bearer realm=\"y\", error=\"invalid_token\""][..],
            Some("invalid_token"),
            None,
        ),
        (&["Basic realm=\"x\"", "bearer ERROR=invalid_token"], Some("invalid_token"), None),
        (&["Bearer"], None, None),
        (&["Canvas OAuth 2.0"], None, None),
        (
            &[
                "Bearer error=\"insufficient_scope\", scope=\"https://purl.imsglobal.org/spec/lti-ags/scope/score\"",
            ],
            Some("insufficient_scope"),
            Some(Scope::SCORE),
        ),
        (&[], None, None),
    ] {
        let headers: Vec<_> = fields.iter().map(|field| ("WWW-Authenticate", field.as_bytes())).collect();
        let refusal = || answer_with(401, &headers, b"");
        let error = Tool::new().answers([refusal(), refusal()]).call(post()).unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!((error.kind(), refusal.error_code()), (ErrorKind::Unauthorized, code), "{fields:?}");
        assert_eq!(refusal.required_scopes().map(|scopes| scopes.iter().next().cloned()), scope.map(Some));
    }
}

#[test]
fn steps_sessions_and_requests_show_no_secret() {
    // AGS-SEC-08, AGS-TOKERR-06
    let mut tool = Tool::new();
    let step = tool.session.begin(&tool.endpoint, post(), tool.now);
    let mut seen = format!("{step:?} {step:#?}");
    let Step::Send(request, in_flight) = step else { panic!() };
    tool.token_requests.push(request);
    let assertion = tool.form_value(0, "client_assertion");
    seen += &format!("{in_flight:?} {:?}", in_flight.lease());
    let token = common::token_answer(&format!(r#"{{"access_token":"{TOKEN}"}}"#));
    let step = in_flight.receive(&mut tool.session, tool.now, token);
    seen += &format!("{step:?} {:?}", tool.session);
    let Step::Send(request, in_flight) = step else { panic!() };
    seen += &format!("{:?} {in_flight:?} {:?}", request.headers(), post());
    let step = in_flight.receive(&mut tool.session, tool.now, answer(503, ""));
    seen += &format!("{step:?}");
    for secret in [TOKEN, &*assertion, assertion.rsplit('.').next().unwrap(), "Planted: Jo"] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
}

#[test]
fn bad_input_is_told_here_and_nothing_is_sent() {
    use lti_ags::Score;
    for score in [
        Score::graded("", 1.0, 2.0),
        Score::graded("u-1001", f64::NAN, 2.0),
        Score::graded("u-1001", -1.0, 2.0),
        Score::graded("u-1001", 1.0, 0.0),
        graded().scoring_user_id(""),
        graded().extension("foo", &1),
    ] {
        let error = score.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!error.is_transient() && error.specification().is_some(), "{error}");
    }
    let nowhere = Endpoint::new(Scope::AGS);
    let mut tool = Tool::new().at(nowhere);
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::ServiceNotAvailable);
    assert_eq!(post().at("lineitems/4").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(tool.counts(), (0, 0));
}

/// A platform that says anything, and repeats what it was sent in one way or another.
#[derive(Clone, Debug)]
struct Echo {
    status: u16,
    pieces: Vec<(Piece, u8)>,
    form: u8,
    header: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Piece {
    Token,
    Assertion,
    Comment,
    Text(&'static str),
}

fn any_echo() -> impl Strategy<Value = Echo> {
    let piece = prop_oneof![
        2 => Just(Piece::Token),
        1 => Just(Piece::Assertion),
        2 => Just(Piece::Comment),
        4 => prop::sample::select(vec![
            "Refused: ", "{", "}", "\"", "error", "\n", "é", "x", "\u{1b}[31m", " not a student ", "later point in time", "<title>", "</title>",
            "Bearer ", "access_token=", "&", "…", "Score already exists for the provided timestamp",
        ]).prop_map(Piece::Text),
        1 => Just(Piece::Text(LONG)),
    ];
    (
        prop::sample::select(vec![
            200, 201, 204, 301, 307, 400, 401, 403, 404, 409, 415, 422, 429, 500, 502, 503,
        ]),
        prop::collection::vec((piece, 0..6_u8), 1..8),
        0..8_u8,
        prop::sample::select(vec![
            "www-authenticate",
            "content-type",
            "location",
            "retry-after",
            "x-tsugi-lti13-error-detail",
        ]),
    )
        .prop_map(|(status, pieces, form, header)| Echo { status, pieces, form, header })
}

/// Near the length at which words are cut off.
const LONG: &str = "The platform has a great deal to say before it comes to what it was sent, so that what it says breaks off \
                    somewhere behind this sentence, which is why the sentence goes on, and on, and on, until the three \
                    hundred characters that are shown of it are nearly used up, as they are about now: ";

impl Echo {
    /// A token endpoint that refuses repeats neither a token, which there is none of, nor the score, which it never saw.
    fn of_token_endpoint(&self) -> Self {
        let has_seen = |(piece, _): &(Piece, u8)| matches!(piece, Piece::Assertion | Piece::Text(_));
        Self { pieces: self.pieces.iter().copied().filter(has_seen).collect(), ..self.clone() }
    }

    fn text(&self, assertion: &str) -> String {
        let written = |text: &str, way: u8| match way {
            0 | 1 => text.to_owned(),
            2 => serde_json::to_string(text).unwrap(),
            3 => serde_json::to_string(text).unwrap().replace('/', "\\/"),
            4 => {
                url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
            }
            // The platform cuts it off.
            _ => text.chars().take(text.chars().count() * 2 / 3).collect(),
        };
        self.pieces
            .iter()
            .map(|(piece, way)| match piece {
                Piece::Token => written(TOKEN, if *way > 4 { 0 } else { *way }),
                Piece::Assertion => written(assertion, if *way > 4 { 0 } else { *way }),
                Piece::Comment => written(COMMENT, *way),
                Piece::Text(text) => (*text).to_owned(),
            })
            .collect()
    }

    fn answer(&self, assertion: &str) -> Answer {
        let text = self.text(assertion);
        let quoted = serde_json::to_string(&text).unwrap();
        let body = match self.form {
            0 => text.clone(),
            1 => format!(r#"{{"error":{quoted}}}"#),
            2 => format!(r#"{{"errors":{{"message":{quoted}}}}}"#),
            3 => format!(r#"{{"timestamp":[{quoted}]}}"#),
            4 => format!("<html><title>{text}</title></html>"),
            5 => format!("{{\n  \"error\" : \"{text}\"\n}}"),
            6 => format!(r#"{{"error":"invalid_client","error_description":{quoted}}}"#),
            _ => format!(r#"{{"access_token":{quoted},"token_type":"mac"}}"#),
        };
        let header: String = text.chars().filter(|c| !c.is_control()).collect();
        let challenge = format!("Bearer error=\"{}\"", header.replace(['"', '\\'], ""));
        let value = if self.header == "www-authenticate" { challenge } else { header };
        let mut answer = answer_with(self.status, &[(self.header, value.as_bytes())], body.as_bytes())?;
        if self.form.is_multiple_of(2) {
            answer.extensions_mut().insert(lti_ags::ReasonPhrase(text.into_bytes().into()));
        }
        Ok(answer)
    }
}

/// Posts a score to platforms that answer thus, and gives the error and the assertions that were sent.
fn end(tokens: &[Echo], answers: &[Echo]) -> (Option<Error>, Vec<String>, String) {
    let mut policy = Policy::default();
    policy.max_attempts = 2;
    let mut tool = Tool::with_policy(policy);
    let (mut tokens, mut answers) = (tokens.iter(), answers.iter());
    let (mut assertions, mut shown) = (Vec::<String>::new(), String::new());
    let mut step = tool.session.begin(&tool.endpoint, post(), tool.now);
    loop {
        shown += &format!("{step:?}");
        step = match step {
            Step::Done(result) => return (result.err(), assertions, shown + &format!("{:?}", tool.session)),
            Step::Wait(delay, paused) => {
                tool.now += delay;
                paused.resume(&mut tool.session, tool.now)
            }
            Step::Send(request, in_flight) => {
                let is_token = in_flight.lease().is_some();
                if is_token {
                    let mut form = url::form_urlencoded::parse(request.body());
                    let assertion = form.find(|(name, _)| name == "client_assertion").unwrap().1;
                    assertions.push(assertion.into_owned());
                }
                let assertion = assertions.last().unwrap();
                let answer = match if is_token { tokens.next() } else { answers.next() } {
                    Some(echo) if is_token => echo.of_token_endpoint().answer(assertion),
                    Some(echo) => echo.answer(assertion),
                    None if is_token => common::token_answer(&format!(r#"{{"access_token":"{TOKEN}"}}"#)),
                    None => answer(422, "enough"),
                };
                in_flight.receive(&mut tool.session, tool.now, answer)
            }
        };
    }
}

/// What of a comment may be seen: next to nothing.
fn pieces_of_the_comment() -> Vec<String> {
    let line: Vec<char> = COMMENT.replace('\n', " ").chars().collect();
    line.windows(14).map(|piece| piece.iter().collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // AGS-TOKERR-06, AGS-SEC-08
    #[test]
    fn no_error_shows_what_a_platform_repeats(
        tokens in prop::collection::vec(any_echo(), 0..2),
        answers in prop::collection::vec(any_echo(), 0..4),
    ) {
        let (error, assertions, steps) = end(&tokens, &answers);
        let shown = error.as_ref().map(shown).unwrap_or_default() + &steps;
        prop_assert!(!shown.contains(TOKEN), "{}", shown);
        for assertion in &assertions {
            prop_assert!(!shown.contains(&**assertion), "{}", shown);
        }
        for piece in pieces_of_the_comment() {
            prop_assert!(!shown.contains(&piece), "{:?} in {}", piece, shown);
        }
        if let Some(error) = error {
            let line = error.to_string();
            prop_assert!(line.chars().count() < 1_200 && !line.chars().any(char::is_control), "{:?}", line);
            if let Some(refusal) = error.refusal() {
                prop_assert!(!refusal.body().contains(TOKEN), "{}", refusal.body());
            }
        }
    }
}
