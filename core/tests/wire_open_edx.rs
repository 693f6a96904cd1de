//! Each exchange with Open edX (`xblock-lti-consumer` 11.4.4) that a client of ours can meet, by its number in the record,
//! and what the caller sees. At the end, what is peculiar to `lti1p3platform` 0.1.8.
//!
//! Not here, because no request of ours is like it:
//!
//! - 4, 5, 9, 10, 16, 17: token requests without scopes or `jti`, with another grant type, with an assertion that is no JWT
//!   or was used before, or by GET; 18: the platform's keys.
//! - 20 to 22, 29, 30, 38, 68, 73, 95: other media types than the one that the specification names, or none.
//! - 32, 33, 35, 36: line items that [`NewLineItem`] does not build.
//! - 40: an `id` in a body. 41, 99, 100: methods that the specification does not know.
//! - 57, 60, 61, 63: scores that [`Score`] does not build. 69: a slash at the end of a URL.
//! - 75, 80: the URL of a user's result in a form of its own. 77 to 79: limits that are no positive number.
//! - 82, 84: no token, or `bearer` in lower case.

use crate::common::{self, Answer, Tool, answer_with, graded, time};
use crate::wire::{assert_seen, pages, play, result};
use lti_ags::{
    ActivityProgress, CreateLineItem, DeleteLineItem, Endpoint, Error, ErrorKind, GetLineItem, GetResult,
    GradingProgress, LineItem, ListLineItems, ListResults, NewLineItem, PostScore, Scope, Score,
    UpdateLineItem,
};

const CONTAINER: &str = "https://edx.harbour.test/api/lti_consumer/v1/lti/1/lti-ags";
const AGS: &str = "https://purl.imsglobal.org/spec/lti-ags/scope/";
const BLOCK: &str = "block-v1:Harbour+NAV101+2026+type@lti_consumer+block@0a1b";
const LISTED: &str = "v2.lineitemcontainer";
const ITEM: &str = "v2.lineitem";
const NOT_PERMITTED: &str = "You do not have permission to perform this action.";
const BAD_TOKEN: &str = "Invalid token signature.";

fn endpoint() -> Endpoint {
    let own = format!("{CONTAINER}/3");
    Endpoint::new(Scope::AGS).with_line_items(CONTAINER).unwrap().with_line_item(own).unwrap()
}

fn of_type(media_type: &str, status: u16, body: &str) -> Answer {
    let content_type = format!("application/vnd.ims.lis.{media_type}+json");
    let headers: &[(&str, &[u8])] = &[
        ("content-type", content_type.as_bytes()),
        ("vary", b"Accept"),
        ("allow", b"GET, POST, HEAD, OPTIONS"),
    ];
    answer_with(status, headers, body.as_bytes())
}

fn detail(media_type: &str, status: u16, detail: &str) -> Answer {
    of_type(media_type, status, &format!(r#"{{"detail":"{detail}"}}"#))
}

/// Django's own page.
fn fault() -> Answer {
    let page = "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Server Error (500)</title>\n</head>\n<body>\n  \
                <h1>Server Error (500)</h1><p></p>\n</body>\n</html>\n";
    answer_with(500, &[("content-type", b"text/html; charset=utf-8")], page.as_bytes())
}

/// A line item: always all the members, `null` where there is nothing.
fn json(number: u32, maximum: i32, resource: &str, link: Option<&str>) -> String {
    let link = link.map_or("null".to_owned(), |link| format!("\"{link}\""));
    format!(
        r#"{{"id":"{CONTAINER}/{number}","resourceId":"{resource}","scoreMaximum":{maximum},"label":"Lab 3","tag":"grade","resourceLinkId":{link},"startDateTime":null,"endDateTime":null}}"#
    )
}

fn item(item: &LineItem) -> String {
    let number = item.id().unwrap().strip_prefix(CONTAINER).unwrap();
    let bindings = [item.resource_link_id(), item.resource_id(), item.tag()];
    let bindings = bindings.map(|binding| binding.unwrap_or("-"));
    format!("{number} {}/{} {}", item.label(), item.score_maximum(), bindings.join(" "))
}

fn list(items: &[String]) -> Answer {
    of_type(LISTED, 200, &format!("[{}]", items.join(",")))
}

fn lab() -> NewLineItem {
    NewLineItem::new("Lab 3", 60.0).unwrap().with_resource_id("lab-3").with_tag("grade")
}

#[test]
fn open_edx_grants_tokens_and_refuses_them() {
    let refusal = |words| Err((ErrorKind::TokenRefused, words));
    let all = &Scope::AGS[..];
    let score = &[Scope::SCORE][..];
    for (exchange, asked, granted, sees) in [
        (
            "1",
            all,
            Ok("lineitem lineitem.readonly result.readonly score"),
            Ok("lineitem lineitem.readonly result.readonly score"),
        ),
        ("2", all, Ok("score"), Ok("score")),
        ("3", score, Ok(""), Ok("")),
        ("6, 13", score, Err("unidentified_error"), refusal("unidentified_error")),
        // Neither audience nor issuer nor key id is looked at; RS512 will do.
        ("7, 8, 12, 14, 15, 90", score, Ok("score"), Ok("score")),
        ("11", score, Err("invalid_client"), refusal("client id")),
        ("87", all, Ok("lineitem score"), Ok("lineitem score")),
        ("93", &[Scope::LINE_ITEM_READONLY], Ok("lineitem.readonly"), Ok("lineitem.readonly")),
    ] {
        let (status, body) = match granted {
            Ok(scopes) => {
                let scopes = scopes.split_whitespace().map(|scope| format!("{AGS}{scope}"));
                let scopes = scopes.collect::<Vec<_>>().join(" ");
                let body = format!(
                    r#"{{"access_token": "eyJ0.eyJ1.c2ln", "token_type": "bearer", "expires_in": 3600, "scope": "{scopes}"}}"#
                );
                (200, body)
            }
            Err(error) => (400, format!(r#"{{"error": "{error}"}}"#)),
        };
        let answer = answer_with(status, &[("content-type", b"application/json")], body.as_bytes());
        let at = Endpoint::new(asked.iter().cloned()).with_line_items(CONTAINER).unwrap();
        let mut tool =
            Tool::new().at(at.with_line_item(format!("{CONTAINER}/3")).unwrap()).token_answers([answer]);
        let step = tool.session.authorize(&tool.endpoint, tool.now);
        let granted = tool.drive(step).map(|grant| {
            assert_eq!(grant.lifetime.as_secs(), 3600);
            let mut names: Vec<_> =
                grant.scopes.iter().map(|scope| scope.as_str().replace(AGS, "")).collect();
            names.sort();
            names.join(" ")
        });
        assert_eq!(tool.counts(), (1, 0), "#{exchange}");
        assert_seen(exchange, granted, sees);
    }
}

#[test]
fn what_open_edx_did_not_grant_is_not_asked_for() {
    // 91, 92, 94
    let call = |granted: &str, call: fn(&mut Tool) -> Result<String, Error>| {
        let body = format!(
            r#"{{"access_token": "eyJ0.eyJ1.c2ln", "token_type": "bearer", "expires_in": 3600, "scope": "{AGS}{granted}"}}"#
        );
        let mut tool = Tool::new().at(endpoint()).token_answers([common::token_answer(&body)]);
        let kind = call(&mut tool).unwrap_err().kind();
        assert_eq!((kind, tool.counts()), (ErrorKind::MissingScope, (1, 0)));
    };
    call("score", |tool| pages(tool, ListLineItems::new(), item));
    call("score", |tool| pages(tool, ListResults::new(), result));
    call("lineitem.readonly", |tool| tool.call(CreateLineItem::new(lab())).map(|created| item(&created)));
}

#[test]
fn open_edx_lists_line_items() {
    let linked = json(1, 10, "res-linked", Some(BLOCK));
    let both = || vec![list(&[linked.clone(), json(3, 80, "lab-3", None)])];
    let one = format!("/1 Lab 3/10 {BLOCK} res-linked grade");
    let two = format!("{one}; /3 Lab 3/80 - lab-3 grade");
    let here = endpoint();
    play(
        &here,
        [
            ("19", vec![list(std::slice::from_ref(&linked))], Ok(&*one)),
            ("83, 86", vec![detail(LISTED, 403, BAD_TOKEN)], Err((ErrorKind::Forbidden, BAD_TOKEN))),
            (
                "88",
                vec![list(&[json(2, 10, BLOCK, Some(BLOCK)).replace("\"grade\"", "\"\"")])],
                Ok(&format!("/2 Lab 3/10 {BLOCK} {BLOCK} -")),
            ),
        ],
        |tool| pages(tool, ListLineItems::new(), item),
    );
    play(&here, [("42", both(), Ok(&*two)), ("45", vec![list(&[])], Ok(""))], |tool| {
        pages(tool, ListLineItems::new().tag("grade"), item)
    });
    let own = vec![list(&[json(3, 80, "lab-3", None)])];
    play(&here, [("43", own, Ok("/3 Lab 3/80 - lab-3 grade"))], |tool| {
        pages(tool, ListLineItems::new().resource_id("lab-3"), item)
    });
    let made = json(5, 10, "", Some(BLOCK));
    let seen = format!("{one}; /5 Lab 3/10 {BLOCK} - grade");
    play(&here, [("44", vec![list(&[linked.clone(), made])], Ok(&*seen))], |tool| {
        let seen = pages(tool, ListLineItems::new().resource_link_id(BLOCK), item);
        let query = tool.requests[0].uri().query().unwrap();
        assert!(query.starts_with("resource_link_id=block-v1%3AHarbour%2BNAV101%2B2026%2B"), "{query}");
        seen
    });
    // All of them, whatever the limit.
    play(&here, [("46", both(), Ok(&*two))], |tool| {
        pages(tool, ListLineItems::new().limit(1.try_into().unwrap()), item)
    });
    play(&here, [("47", vec![list(std::slice::from_ref(&linked))], Ok(&*one))], |tool| {
        pages(tool, ListLineItems::new().resource_id("res-linked").tag("grade"), item)
    });
    // It takes nothing but a usage key; a 500 is asked again once.
    play(
        &here,
        [("48", vec![fault(), fault()], Err((ErrorKind::ServerError, "Server Error (500)")))],
        |tool| pages(tool, ListLineItems::new().resource_link_id("zzz"), item),
    );
}

#[test]
fn open_edx_says_403_of_a_token_that_expired_and_a_new_one_is_got() {
    let mut tool = Tool::new().at(endpoint()).answers([
        list(&[]),
        detail(LISTED, 403, BAD_TOKEN),
        list(&[json(3, 80, "lab-3", None)]),
    ]);
    tool.call(ListLineItems::new()).unwrap();
    assert_seen("85", pages(&mut tool, ListLineItems::new(), item), Ok("/3 Lab 3/80 - lab-3 grade"));
    assert_eq!(tool.counts(), (2, 3));
}

#[test]
fn open_edx_creates_line_items() {
    let created = |json: String| vec![of_type(ITEM, 201, &json)];
    let refused = |body: &str| vec![of_type(ITEM, 400, body)];
    let words = |words| Err((ErrorKind::Refused, words));
    let dated = json(7, 60, "lab-3", None)
        .replace("Lab 3", "Lab é日")
        .replace(r#""startDateTime":null"#, r#""startDateTime":"2026-03-06T20:05:02Z""#)
        .replace(r#""endDateTime":null"#, r#""endDateTime":"2026-04-06T20:05:03.123000Z""#);
    play(
        &endpoint(),
        [
            ("23, 89, 101", created(json(3, 60, "lab-3", None)), Ok("/3 Lab 3/60 - lab-3 grade")),
            (
                "24",
                refused(r#"{"scoreMaximum":["A valid integer is required."]}"#),
                words("A valid integer is required."),
            ),
            ("25", created(json(4, 20, "lab-3", None)), Ok("/4 Lab 3/20 - lab-3 grade")),
            (
                "26",
                refused(
                    r#"{"non_field_errors":["Must provide at least one of resource_id or resource_link_id"]}"#,
                ),
                words("Must provide at least one of resource_id or resource_link_id"),
            ),
            ("27", created(json(5, 10, "", Some(BLOCK))), Ok(&format!("/5 Lab 3/10 {BLOCK} - grade"))),
            (
                "28",
                refused(r#"{"resourceLinkId":["Invalid usage key: 'nope'"]}"#),
                words("Invalid usage key: 'nope'"),
            ),
            ("31", created(dated), Ok("/7 Lab é日/60 - lab-3 grade")),
            (
                "34",
                refused(r#"{"label":["Ensure this field has no more than 100 characters."]}"#),
                words("no more than 100 characters"),
            ),
        ],
        |tool| tool.call(CreateLineItem::new(lab())).map(|created| item(&created)),
    );
}

#[test]
fn open_edx_reads_updates_and_keeps_line_items() {
    let read = |maximum| of_type(ITEM, 200, &json(3, maximum, "lab-3", None));
    let gone = "No LtiAgsLineItem matches the given query.";
    play(
        &endpoint(),
        [
            ("37, 97", vec![read(60)], Ok("/3 Lab 3/60 - lab-3 grade")),
            ("49", vec![detail(ITEM, 404, gone)], Err((ErrorKind::NotFound, gone))),
        ],
        |tool| tool.call(GetLineItem::new()).map(|read| item(&read)),
    );
    play(&endpoint(), [("39", vec![read(60), read(80)], Ok("/3 Lab 3/80 - lab-3 grade"))], |tool| {
        let update = UpdateLineItem::new(|item| item.set_score_maximum(80.0));
        tool.call(update).map(|updated| item(&updated.item))
    });
    // There, or not there.
    let kept = Err((ErrorKind::CoupledLineItem, NOT_PERMITTED));
    play(&endpoint(), [("96, 98", vec![detail(ITEM, 403, NOT_PERMITTED)], kept)], |tool| {
        let delete = DeleteLineItem::new(format!("{CONTAINER}/4")).unwrap();
        tool.call(delete).map(|()| "deleted".to_owned())
    });
}

#[test]
fn open_edx_takes_scores_and_refuses_them() {
    let taken = |points: &str, comment: &str| {
        let body = format!(
            r#"{{"timestamp":"2026-03-02T09:00:00.318188Z",{points},"comment":{comment},"activityProgress":"Completed","gradingProgress":"FullyGraded","userId":"u01"}}"#
        );
        vec![of_type("v1.score", 201, &body)]
    };
    let plain = || taken(r#""scoreGiven":8.0,"scoreMaximum":10.0"#, "null");
    let refused = |says: &str| vec![of_type("v1.score", 400, &format!(r#"{{"timestamp":["{says}"]}}"#))];
    let (held, older) = (
        "Score already exists for the provided timestamp",
        "Score timestamp can only be updated to a later point in time",
    );
    let status = Score::ungraded("u07", ActivityProgress::Started, GradingProgress::NotReady);
    let later = |text| graded().timestamp(time(text));
    let pending = graded().grading_progress(GradingProgress::Pending);
    let html = "<b>é</b>\n日本";
    for (exchange, score, answers, sees) in [
        (
            "50",
            graded().comment("Good."),
            taken(r#""scoreGiven":83.0,"scoreMaximum":100.0"#, r#""Good.""#),
            Ok("Sent"),
        ),
        ("51, 52, 53, 64, 65", graded(), plain(), Ok("Sent")),
        ("54", graded(), refused(held), Err((ErrorKind::StaleTimestamp, held))),
        ("55", graded(), refused(older), Err((ErrorKind::StaleTimestamp, older))),
        ("56", later("2026-03-02T09:00:00.123457Z"), plain(), Ok("Sent")),
        ("58", later("2026-03-02T09:00:00.123456789Z"), plain(), Ok("Sent")),
        ("59", status, taken(r#""scoreGiven":null,"scoreMaximum":null"#, "null"), Ok("Sent")),
        ("62", Score::graded("u09", 12.0, 10.0), plain(), Ok("Sent")),
        // A user who is not enrolled.
        ("66", graded(), vec![fault(), fault()], Err((ErrorKind::ServerError, "Server Error (500)"))),
        ("67", pending, plain(), Ok("Sent")),
        (
            "70",
            graded().submitted_at(common::noon()).extension("https://example.com/x", &1),
            plain(),
            Ok("Sent"),
        ),
        (
            "71",
            graded().comment(html),
            taken(r#""scoreGiven":8.0,"scoreMaximum":10.0"#, r#""<b>é</b>\n日本""#),
            Ok("Sent"),
        ),
    ] {
        let score = score.build().unwrap();
        play(&endpoint(), [(exchange, answers, sees)], |tool| {
            tool.call(PostScore::new(score.clone())).map(|receipt| format!("{:?}", receipt.outcome))
        });
    }
}

#[test]
fn open_edx_lists_results() {
    let one = |user: &str, score: &str, maximum: &str, comment: &str| {
        format!(
            r#"{{"id":"{CONTAINER}/3/results/{user}","scoreOf":"{CONTAINER}/3","userId":"{user}","resultScore":{score},"resultMaximum":{maximum},"comment":{comment}}}"#
        )
    };
    let (html, over) = (one("u14", "8.0", "10.0", r#""<b>é</b>\n日本""#), one("u09", "12.0", "10.0", "null"));
    let quarter = one("u02", "7.25", "10.0", "null");
    let answer = |results: &[&String]| {
        let results: Vec<_> = results.iter().map(|result| result.as_str()).collect();
        vec![of_type("v2.resultcontainer", 200, &format!("[{}]", results.join(",")))]
    };
    let all = || answer(&[&html, &over, &quarter]);
    let here = endpoint();
    play(&here, [("72, 81", all(), Ok("u14 8/10 <b>é</b>\n日本; u09 12/10; u02 7.25/10"))], |tool| {
        pages(tool, ListResults::new(), result)
    });
    // Everybody's, whoever is asked about.
    play(&here, [("74", all(), Ok("u02 7.25/10"))], |tool| {
        Ok(tool.call(GetResult::new("u02"))?.as_ref().map_or("nothing".to_owned(), result))
    });
    // So many and no link to the others.
    play(&here, [("76", answer(&[&over, &quarter]), Ok("u09 12/10; u02 7.25/10"))], |tool| {
        pages(tool, ListResults::new().limit(2.try_into().unwrap()), result)
    });
}

#[test]
fn lti1p3platform_links_without_quotes_and_answers_null() {
    let page = |number, next: Option<&str>| {
        let mut answer = list(&[json(number, 10, "r", None)]).unwrap();
        if let Some(next) = next {
            let field = format!("<{CONTAINER}?{next}>; rel=next");
            answer.headers_mut().append("link", field.try_into().unwrap());
        }
        Ok(answer)
    };
    let two = "/1 Lab 3/10 - r grade; /2 Lab 3/10 - r grade";
    let listing = |tool: &mut Tool| pages(tool, ListLineItems::new(), item);
    play(&endpoint(), [("pages", vec![page(1, Some("page=2")), page(2, None)], Ok(two))], listing);
    // The second page fails where there is a third.
    let faults = vec![page(1, Some("page=2")), fault(), fault()];
    play(&endpoint(), [("pages", faults, Err((ErrorKind::ServerError, "Server Error (500)")))], listing);
    let null = |status| vec![of_type(ITEM, status, "null")];
    let old = vec![of_type(ITEM, 409, r#"{"error":"Score is older"}"#)];
    play(
        &endpoint(),
        [
            ("first score", null(201), Ok("Sent")),
            ("next score", null(200), Ok("Sent")),
            ("old score", null(409), Err((ErrorKind::StaleTimestamp, "409"))),
            ("old score", old, Err((ErrorKind::StaleTimestamp, "Score is older"))),
        ],
        |tool| {
            let receipt = tool.call(PostScore::new(graded().build().unwrap()))?;
            Ok(format!("{:?}", receipt.outcome))
        },
    );
}
