//! A hostile platform and a clock that jumps, without sockets: what must hold whatever comes back.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::time::Duration;

use crate::common::{LINE_ITEM, TOKEN, Tool, answer, answer_with, in_doubt, noon, not_sent, token_answer};
use lti_ags::http::Request;
use lti_ags::{
    Bytes, CreateLineItem, EnsureLineItem, Error, ErrorKind, GetLineItem, InFlight, ListLineItems,
    ListResults, NewLineItem, Policy, PostScore, Scope, Score, Session, Step, Timestamp, Timestamps,
};

fn score() -> PostScore {
    PostScore::new(Score::graded("u-1001", 85.0, 100.0).comment("Do see me, Ann").build().unwrap())
}

fn essay() -> NewLineItem {
    NewLineItem::new("Essay", 10.0).unwrap().with_resource_id("e-1")
}

/// All that anybody can print of an error.
fn shown(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    if let Some(refusal) = error.refusal() {
        let _ = write!(text, "{refusal} {refusal:?} {} {:?}", refusal.body(), refusal.required_scopes());
        let _ = write!(text, "{:?} {:?}", refusal.content_type(), refusal.error_code());
    }
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, " {error} {error:?}");
        source = error.source();
    }
    text
}

#[track_caller]
fn assert_hides(error: &Error, secrets: &[&str]) {
    let text = shown(error);
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let line = error.to_string();
    assert!(!line.contains(char::is_control), "{line:?}");
    assert!(line.chars().count() < 1_000, "{} characters", line.chars().count());
}

#[test]
fn a_grant_that_repeats_the_token_is_not_repeated() {
    // AGS-SEC-08
    let scope = format!("{TOKEN} https://x.example/{TOKEN} \\u001b[31m {}", "x ".repeat(5_000));
    let mut tool = Tool::new().token_answers([token_answer(&format!(
        r#"{{"access_token":"{TOKEN}","scope":"{scope}{}"}}"#,
        "y".repeat(5_000)
    ))]);
    let error = tool.call(score()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingScope);
    assert_hides(&error, &[TOKEN]);
}

#[test]
fn a_challenge_that_repeats_the_token_is_not_repeated() {
    let challenge = format!(r#"Bearer error="{TOKEN}", error_description="{TOKEN}", scope="{TOKEN} x""#);
    for status in [400, 401, 403, 404, 422] {
        let refused = || answer_with(status, &[("www-authenticate", challenge.as_bytes())], b"");
        let error = Tool::new().answers([refused(), refused()]).call(score()).unwrap_err();
        assert_hides(&error, &[TOKEN]);
    }
}

#[test]
fn a_host_name_that_is_the_token_is_not_repeated() {
    // Tokens that could be the name of a host, as hexadecimal digits can.
    let token = "deadbeef0123456789";
    let granted = || token_answer(&format!(r#"{{"access_token":"{token}","expires_in":3600}}"#));
    let url = format!("https://{token}.example/{token}?{token}");
    let redirect = answer_with(302, &[("location", url.as_bytes())], b"");
    let error =
        Tool::new().token_answers([granted()]).answers([redirect]).call(GetLineItem::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert_hides(&error, &[token]);
    let link = format!("<{url}>; rel=next");
    let page = answer_with(200, &[("link", link.as_bytes())], b"[]");
    let error = Tool::new().token_answers([granted()]).answers([page]).call(ListResults::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
    assert_hides(&error, &[token]);
}

#[test]
fn a_part_of_the_assertion_is_not_repeated() {
    // AGS-TOKERR-06
    for status in [200, 400, 401, 500] {
        for json in [true, false] {
            let mut tool = Tool::with_policy(once());
            let step = tool.session.begin(&tool.endpoint, score(), tool.now);
            let Step::Send(request, in_flight) = step else { panic!("{step:?}") };
            let assertion = form(&request, "client_assertion");
            let signature = assertion.rsplit('.').next().unwrap();
            let text = format!("bad signature {signature} of {assertion}");
            let body = if json {
                format!(r#"{{"error":"invalid_client","error_description":"{text}","message":"{text}"}}"#)
            } else {
                text
            };
            let Step::Done(Err(error)) =
                in_flight.receive(&mut tool.session, tool.now, answer(status, &body))
            else {
                panic!("{status}")
            };
            assert_hides(&error, &[&assertion, signature]);
        }
    }
}

#[test]
fn a_token_beside_an_error_is_not_repeated() {
    let body = format!(r#"{{"access_token":"{TOKEN}","error":"oops","error_description":"was {TOKEN}"}}"#);
    let error = Tool::new().token_answers([token_answer(&body)]).call(score()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenRefused);
    assert_hides(&error, &[TOKEN]);
}

#[test]
fn the_token_before_is_not_repeated_either() {
    let token = |text: &str| token_answer(&format!(r#"{{"access_token":"{text}","expires_in":3600}}"#));
    let error = Tool::new()
        .token_answers([token("first-planted"), token("second-planted")])
        .answers([answer(401, ""), answer(422, "you sent first-planted, then second-planted")])
        .call(score())
        .unwrap_err();
    assert_hides(&error, &["first-planted", "second-planted"]);
}

#[test]
fn the_end_of_what_is_kept_of_a_body_does_not_cut_a_token_short() {
    for before in 8 * 1024 - TOKEN.len()..8 * 1024 {
        let body = format!("{}{TOKEN}", "x".repeat(before));
        let error = Tool::new().answers([answer(422, &body)]).call(score()).unwrap_err();
        assert_hides(&error, &[&TOKEN[..8]]);
    }
}

#[test]
fn what_cannot_be_read_is_not_repeated() {
    let private = "Do see me, Ann";
    for value in [
        format!(r#""{TOKEN} {private}""#),
        format!(r#"["{TOKEN} {private}"]"#),
        format!(r#"{{"{TOKEN}":"{private}"}}"#),
    ] {
        for member in [
            "id",
            "scoreOf",
            "userId",
            "resultScore",
            "resultMaximum",
            "comment",
            "scoringUserId",
            "label",
            "scoreMaximum",
            "resourceId",
            "resourceLinkId",
            "tag",
            "startDateTime",
            "endDateTime",
            "gradesReleased",
            "submissionReview",
            "timestamp",
        ] {
            for body in
                [format!(r#"[{{"{member}":{value}}}]"#), format!(r#"{{"{member}":{value}}}"#), value.clone()]
            {
                let errors = [
                    Tool::new().answers([answer(200, &body)]).call(ListLineItems::new()).err(),
                    Tool::new().answers([answer(200, &body)]).call(ListResults::new()).err(),
                    Tool::new().answers([answer(200, &body)]).call(GetLineItem::new()).err(),
                    Tool::new().answers([answer(200, &body)]).call(CreateLineItem::new(essay())).err(),
                    Tool::new().answers([answer(200, &body)]).call(EnsureLineItem::new(essay())).err(),
                    Tool::new().answers([answer(200, &body)]).call(score()).err(),
                ];
                for error in errors.into_iter().flatten() {
                    assert_hides(&error, &[TOKEN]);
                }
            }
        }
    }
}

#[test]
fn absurd_lifetimes_are_lived_with() {
    for (expires_in, requests) in [
        ("1e308", 1),
        ("-1", 2),
        ("-1e308", 2),
        ("0", 2),
        ("\"NaN\"", 1),
        ("\"inf\"", 1),
        ("\"-inf\"", 1),
        ("\"\"", 1),
        ("\"1e999\"", 1),
        ("null", 1),
        ("[]", 1),
        ("{}", 1),
        ("true", 1),
        ("18446744073709551616", 1),
        ("1e-320", 2),
    ] {
        let mut tool = Tool::new();
        for _ in 0..2 {
            tool.token_answers.push_back(token_answer(&format!(
                r#"{{"access_token":"{TOKEN}","expires_in":{expires_in}}}"#
            )));
        }
        for _ in 0..2 {
            tool.call(score()).unwrap_or_else(|error| panic!("{expires_in}: {error:?}"));
        }
        assert_eq!(tool.token_requests.len(), requests, "{expires_in}");
    }
}

#[test]
fn absurd_waits_end_the_call() {
    for status in [429, 503] {
        for after in ["61", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            let refused = answer_with(status, &[("retry-after", after.as_bytes())], b"");
            let mut tool = Tool::new().answers([refused]);
            let error = tool.call(score()).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::RateLimited { after: Some(_) }), "{error:?}");
            assert!(tool.waits.is_empty(), "{:?}", tool.waits);
        }
    }
}

#[test]
fn bodies_that_are_no_lists_are_errors() {
    let deep = "[".repeat(200_000);
    let deep_members = format!("[{}1{}]", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let bodies: Vec<&[u8]> = vec![
        b"null",
        b"1",
        b"\"\"",
        b"[[]]",
        b"[null]",
        b"[1]",
        b"[{}",
        b"[] []",
        b"[]]",
        b"\xff\xfe[\0]\0",
        b"[{\"label\":\"\xff\"}]",
        b"[{\"label\":\"\\ud800\"}]",
        b"\0",
        b"[,]",
        b"[{\"label\":\"a\",\"scoreMaximum\":1,\"label\":\"b\"}] x",
        b"<html>",
        deep.as_bytes(),
        deep_members.as_bytes(),
        b"\xef\xbb\xbf\xef\xbb\xbf[]",
        b"[{\"scoreMaximum\":1e999}]",
    ];
    for body in bodies {
        let error = Tool::new().answers([answer_with(200, &[], body)]).call(ListLineItems::new());
        let error = error.expect_err(&String::from_utf8_lossy(&body[..body.len().min(80)]));
        assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{error:?}");
        assert_hides(&error, &[]);
    }
}

fn once() -> Policy {
    let mut policy = Policy::default();
    policy.max_attempts = 1;
    policy
}

fn form(request: &Request<Bytes>, name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(request.body());
    pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
}

type Sent = (Request<Bytes>, InFlight<PostScore>);

fn send(step: Step<PostScore>) -> Sent {
    match step {
        Step::Send(request, in_flight) => (request, in_flight),
        other => panic!("{other:?}"),
    }
}

fn receive(session: &mut Session, now: Timestamp, (_, in_flight): Sent, status: u16) -> Step<PostScore> {
    in_flight.receive(session, now, answer(status, ""))
}

#[test]
fn hundreds_of_calls_whose_token_is_revoked_renew_it_once() {
    let mut tool = Tool::new();
    tool.warm();
    let (now, endpoint) = (tool.now, tool.endpoint.clone());
    let session = &mut tool.session;
    let sent: Vec<_> = (0..500).map(|_| send(session.begin(&endpoint, score(), now))).collect();
    let steps: Vec<_> = sent.into_iter().map(|sent| receive(session, now, sent, 401)).collect();
    let (mut fetching, mut waiting) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Send(request, in_flight) => fetching.push((request, in_flight)),
            Step::Wait(_, paused) => waiting.push(paused),
            Step::Done(result) => panic!("{result:?}"),
        }
    }
    assert_eq!((fetching.len(), waiting.len()), (1, 499));
    let (_, in_flight) = fetching.pop().unwrap();
    let granted = token_answer(r#"{"access_token":"another-planted","expires_in":3600}"#);
    let mut steps = vec![in_flight.receive(session, now, granted)];
    steps.extend(waiting.into_iter().map(|paused| paused.resume(session, now)));
    for step in steps {
        let (request, in_flight) = send(step);
        assert_eq!(request.headers()["authorization"], "Bearer another-planted");
        assert!(matches!(in_flight.receive(session, now, answer(204, "")), Step::Done(Ok(_))));
    }
}

#[test]
fn a_clock_that_jumps_ends_no_call_wrongly_and_hangs_none() {
    let hour = Duration::from_secs(3_600);
    let year = hour * 24 * 366;
    for (forward, jump) in [(false, hour), (true, year), (false, year * 30), (true, year * 3_000)] {
        let jumped = |now: Timestamp| {
            let moved = if forward { now.checked_add(jump) } else { now.checked_sub(jump) };
            moved.unwrap_or(if forward { Timestamp::MAX } else { Timestamp::MIN })
        };
        // While the token is fetched, and while the score is under way.
        let mut tool = Tool::new();
        let (_, in_flight) = send(tool.session.begin(&tool.endpoint, score(), tool.now));
        let granted = || token_answer(&format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#));
        match in_flight.receive(&mut tool.session, jumped(tool.now), granted()) {
            Step::Send(_, in_flight) => {
                let end = in_flight.receive(&mut tool.session, tool.now, answer(204, ""));
                assert!(matches!(end, Step::Done(Ok(_))), "{end:?}");
            }
            Step::Done(Err(error)) if forward => assert_eq!(error.kind(), ErrorKind::Timeout),
            other => panic!("{other:?}"),
        }
        // While it rests between two attempts.
        let mut tool = Tool::new().answers([answer(503, ""), answer(503, "")]);
        let step = tool.session.begin(&tool.endpoint, score(), tool.now);
        let mut steps = 0;
        let mut step = step;
        let result = loop {
            steps += 1;
            assert!(steps < 30, "it spins");
            step = match step {
                Step::Done(result) => break result,
                Step::Send(request, in_flight) => {
                    let reply =
                        if request.uri().path().ends_with("/token") { granted() } else { answer(503, "") };
                    in_flight.receive(&mut tool.session, tool.now, reply)
                }
                Step::Wait(delay, paused) => {
                    assert!(delay <= Duration::from_secs(120));
                    tool.now = jumped(tool.now);
                    paused.resume(&mut tool.session, tool.now)
                }
            };
        };
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ServerError);
        // Whoever comes next is served.
        tool.answers.clear();
        tool.call(score()).unwrap();
    }
}

#[test]
fn no_time_and_no_attempts_end_at_once() {
    let mut policy = Policy::default();
    policy.deadline = Duration::ZERO;
    let mut tool = Tool::with_policy(policy);
    assert_eq!(tool.call(score()).unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!((tool.token_requests.len(), tool.requests.len()), (0, 0));
    for max_attempts in [0, 1] {
        let mut policy = Policy::default();
        policy.max_attempts = max_attempts;
        let mut tool = Tool::with_policy(policy).answers([answer(503, ""), in_doubt(), not_sent()]);
        for _ in 0..3 {
            tool.call(score()).unwrap_err();
        }
        assert_eq!(tool.requests.len(), 3);
        assert!(tool.waits.is_empty(), "{:?}", tool.waits);
    }
}

#[test]
fn one_absurd_timestamp_does_not_shift_those_of_other_users() {
    // AGS-TS-02: what is forgotten still bounds what is given, but one user's must not bound everybody's.
    let mut timestamps = Timestamps::new(Duration::from_secs(1));
    let absurd: Timestamp = "9000-01-01T00:00:00Z".parse().unwrap();
    timestamps.observe(LINE_ITEM, "u-0", absurd);
    for user in 1..40_000 {
        timestamps.next(LINE_ITEM, &format!("u-{user}"), noon());
    }
    let next = timestamps.next(LINE_ITEM, "u-new", noon());
    assert!(next < noon() + Duration::from_secs(60), "{next}");
    assert!(timestamps.next(LINE_ITEM, "u-0", noon()) > absurd);
    assert!(timestamps.next(LINE_ITEM, "u-1", noon()) > noon());
}

#[test]
fn an_old_timestamp_does_not_make_what_was_given_forgotten() {
    // AGS-TS-02
    let mut timestamps = Timestamps::new(Duration::from_secs(1));
    let given = timestamps.next(LINE_ITEM, "u-0", noon());
    for user in 1..40_000 {
        timestamps.next(LINE_ITEM, &format!("u-{user}"), noon() + Duration::from_secs(2));
    }
    timestamps.observe(LINE_ITEM, "u-0", noon() - Duration::from_secs(100));
    let stepped_back = noon() - Duration::from_secs(50);
    assert!(timestamps.next(LINE_ITEM, "u-0", stepped_back) > given);
}

#[test]
fn urls_that_would_lead_a_token_astray_are_refused_or_lead_nowhere_else() {
    for url in [
        "https://lms.northfield.test@evil.test/",
        "https://evil.test\\@lms.northfield.test/",
        "https:evil.test/x",
        "https:\\\\evil.test\\x",
        "//evil.test/x",
        "\\\\evil.test/x",
        "https:///evil.test/x",
        "ht\ttps://evil.test/",
        "https://lms.northfield.test.:443/x",
        "https://lms.northfield.test:8443/x",
        "http://lms.northfield.test/x",
        "https://lms.northfield.test%2eevil.test/",
        "https://lms.northfield.test\u{3002}evil.test/",
        "https://lms\u{2024}northfield.test/x",
        "https://lms.northfield.te\u{455}t/x",
        "https://[::1%25eth0]/x",
        "https://[fe80::1%eth0]/",
        "ftp://lms.northfield.test/",
        "javascript:alert(1)",
        "https://lms.northfield.test:99999/",
        "https://evil.test#@lms.northfield.test/",
        "https://evil.test?@lms.northfield.test/",
        "HTTPS://EVIL.TEST/",
        "https://user@lms.northfield.test/",
        "https://0x7f.1/",
        "http://2130706434.evil.test/",
        "data:text/plain,x",
        "",
    ] {
        let link = format!("<{url}>; rel=next");
        let Ok(response) = std::panic::catch_unwind(|| answer_with(200, &[("link", link.as_bytes())], b"[]"))
        else {
            continue;
        };
        let mut tool = Tool::new().answers([response]);
        let page = tool.call(ListLineItems::new());
        if let Ok(page) = page
            && let Some(next) = page.next
        {
            assert_eq!(next.url().origin().to_string(), "https://lms.northfield.test", "{url}");
            let result = tool.call(next);
            for request in &tool.requests {
                let authority = request.uri().authority().unwrap().as_str();
                assert_eq!(authority.to_ascii_lowercase(), "lms.northfield.test", "{url}: {result:?}");
            }
        }
        for name in ["location", "content-location", "refresh"] {
            for status in [201, 300, 301, 302, 303, 307, 308, 401, 503] {
                let Ok(response) = std::panic::catch_unwind(|| {
                    answer_with(status, &[(name, url.as_bytes())], b"{\"label\":\"x\",\"scoreMaximum\":1}")
                }) else {
                    continue;
                };
                let mut tool = Tool::new().answers([response]);
                let _ = tool.call(GetLineItem::new());
                let Ok(response) = std::panic::catch_unwind(|| {
                    answer_with(status, &[(name, url.as_bytes())], b"{\"label\":\"x\",\"scoreMaximum\":1}")
                }) else {
                    continue;
                };
                tool.answers.push_front(response);
                let created = tool.call(CreateLineItem::new(essay()));
                if let Ok(item) = created
                    && let Some(id) = item.id()
                    && let Ok(own) = PostScore::new(Score::graded("u", 1.0, 1.0).build().unwrap()).at(id)
                {
                    let _ = tool.call(own);
                }
                for request in &tool.requests {
                    assert_eq!(request.uri().scheme_str(), Some("https"), "{url}");
                    let authority = request.uri().authority().unwrap().as_str();
                    assert_eq!(authority.to_ascii_lowercase(), "lms.northfield.test", "{url}");
                }
            }
        }
    }
}

#[test]
fn unheard_of_statuses_neither_panic_nor_succeed() {
    for status in (100..1000).filter(|status| !(200..300).contains(status)) {
        let mut tool = Tool::with_policy(once());
        tool.token_answers.push_back(answer(status, "{\"access_token\":\"x\"}"));
        assert!(tool.call(score()).is_err(), "{status}");
        tool.session.forget_tokens();
        let mut tool = Tool::with_policy(once()).answers([answer(status, "[]"), answer(status, "[]")]);
        assert!(tool.call(score()).is_err(), "{status}");
        let mut tool = Tool::with_policy(once()).answers([answer(status, "[]"), answer(status, "[]")]);
        assert!(tool.call(ListLineItems::new()).is_err(), "{status}");
    }
}

#[test]
fn thousands_of_endpoints_leave_one_token() {
    let mut tool = Tool::new();
    for number in 0..5_000 {
        let other = lti_ags::Endpoint::new(
            Scope::AGS.into_iter().chain([Scope::from(&*format!("https://x.test/{number}"))]),
        );
        tool.endpoint = other.with_line_item(format!("https://lms.northfield.test/items/{number}")).unwrap();
        tool.call(score()).unwrap();
    }
    assert_eq!(tool.token_requests.len(), 1);
}

#[test]
fn a_comment_is_not_repeated_however_it_is_written() {
    // AGS-SEC-08
    let comment = "Tom & Jerry's\n<b>\"late\"</b>";
    let posted = || PostScore::new(Score::graded("u-1001", 85.0, 100.0).comment(comment).build().unwrap());
    for echoed in [
        comment.to_owned(),
        comment.replace('\n', " "),
        comment.replace('\n', "\r\n"),
        "Tom &amp; Jerry&#39;s\n&lt;b&gt;&quot;late&quot;&lt;/b&gt;".to_owned(),
        "Tom &amp; Jerry&#x27;s &lt;b&gt;&#34;late&#34;&lt;/b&gt;".to_owned(),
        serde_json::to_string(comment).unwrap(),
    ] {
        for body in [
            format!("bad comment: {echoed}."),
            serde_json::json!({ "error": format!("bad comment: {echoed}.") }).to_string(),
        ] {
            let error = Tool::new().answers([answer(422, &body)]).call(posted()).unwrap_err();
            let line = format!("{error} {error:?}");
            assert!(!line.contains("Jerry") && !line.contains("late"), "{line}");
        }
    }
}

#[test]
fn names_from_a_platform_are_one_bounded_line() {
    let item = |number: u32| {
        format!(
            r#"{{"id":"{LINE_ITEM}{number}","label":"{TOKEN} \u001b]0;x\u0007 \n{}","scoreMaximum":10,"resourceId":"e-1"}}"#,
            "x".repeat(10_000)
        )
    };
    let list = format!("[{},{},{}]", item(1), item(2), item(3));
    let error = Tool::new().answers([answer(200, &list)]).call(EnsureLineItem::new(essay())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AmbiguousLineItem);
    assert_hides(&error, &[TOKEN]);
}

#[test]
fn a_token_endpoint_that_changes_its_mind_is_followed() {
    let refused = || answer(400, r#"{"error":"invalid_scope"}"#);
    let mut tool = Tool::new().token_answers([refused(), refused(), answer(500, ""), answer(200, "[]")]);
    let mut failures = 0;
    for _ in 0..60 {
        match tool.call(score()) {
            Ok(_) => break,
            Err(_) => failures += 1,
        }
        tool.now += Duration::from_secs(3);
    }
    assert!(failures < 20 && tool.token_requests.len() < 10, "{failures} {}", tool.token_requests.len());
}
