//! What a platform repeats of what it was sent, and what is shown of that: neither a token, nor an assertion, nor a comment.
#![allow(clippy::format_push_string, reason = "a test may allocate")]

use lti_ags::{
    CreateLineItem, EnsureLineItem, ErrorKind, GetLineItem, ListLineItems, ListResults, PostScore, Score,
    Step,
};

use super::{assert_hides, essay, form, once, score};
use crate::common::{LINE_ITEM, TOKEN, Tool, answer, answer_with, token_answer};

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
fn a_token_on_the_edge_of_an_excerpt_is_not_shown_in_part() {
    // AGS-SEC-08
    for before in 8 * 1024 - TOKEN.len()..=8 * 1024 {
        let body = format!("{}{TOKEN}", "x".repeat(before));
        let error = Tool::new().answers([answer(400, &body)]).call(score()).unwrap_err();
        assert!(!error.refusal().unwrap().body().contains(&TOKEN[..8]), "{before}");
    }
}

#[test]
fn steps_sessions_and_requests_show_no_secret() {
    // AGS-SEC-08, AGS-TOKERR-06
    let mut tool = Tool::new();
    let step = tool.session.begin(&tool.endpoint, score(), tool.now);
    let mut seen = format!("{step:?} {step:#?}");
    let Step::Send(request, in_flight) = step else { panic!() };
    tool.token_requests.push(request);
    let assertion = tool.form_value(0, "client_assertion");
    seen += &format!("{in_flight:?} {:?}", in_flight.lease());
    let token = token_answer(&format!(r#"{{"access_token":"{TOKEN}"}}"#));
    let step = in_flight.receive(&mut tool.session, tool.now, token);
    seen += &format!("{step:?} {:?}", tool.session);
    let Step::Send(request, in_flight) = step else { panic!() };
    seen += &format!("{:?} {in_flight:?} {:?}", request.headers(), score());
    let step = in_flight.receive(&mut tool.session, tool.now, answer(503, ""));
    seen += &format!("{step:?}");
    for secret in [TOKEN, &*assertion, assertion.rsplit('.').next().unwrap(), "Planted: Jo"] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
}
