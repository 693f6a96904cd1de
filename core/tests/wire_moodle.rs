//! Each exchange with Moodle 4.5.6 that a client of ours can meet, by its number in the record, and what the caller sees.
//! The raw record (the bytes of the connection) counts apart: `raw 1` to `raw 7`.
//!
//! Not here, because no request of ours is like it:
//!
//! - 4, 5, 11, 12, 13, 18, 20, 21, 22, 157: token requests without scopes, `jti` or `exp`, with another grant type, with an
//!   assertion that is no JWT or was used before, as JSON, with a charset, or by GET; 23: the platform's keys.
//! - 25 to 30, 39, 40, 49, 50, 105 to 107, 117: other media types than the one that the specification names.
//! - 42, 43, 45, 46, 47: line items that [`NewLineItem`] does not build.
//! - 52: an `id` in a body. 56, 114, 115, 159, 160: methods that the specification does not know, or no body.
//! - 79, 128, 129, 152: links followed to the letter, `&amp;` and all. 108: a path behind a query.
//! - 89, 91, 92, 94, 95, 97, 104: scores that [`Score`] does not build. 102, 103: JSON with line ends in it; the answer to the
//!   former is `raw 7`.
//! - 123, 124: limits that are no positive number. 130, 132: no token, or `bearer` in lower case.
//!
//! The record has no 66 to 77 and no 162 to 281.

use crate::common::{self, Tool, answer_with, graded, time};
use crate::wire::moodle::{
    HOST, bad_gateway, echo, endpoint, item, item_json, linked, list, of_type, read, reasoned, refused,
    result_json, results, unauthorized,
};
use crate::wire::{assert_seen, pages, play, result};
use lti_ags::{
    ActivityProgress, CreateLineItem, DeleteLineItem, Endpoint, Error, ErrorKind, GetLineItem, GetResult,
    GradingProgress, ListLineItems, ListResults, NewLineItem, PostScore, Scope, Score, UpdateLineItem,
};

const OTHER: &str = "https://moodle.harbour.test/mod/lti/services.php/7/lineitems/31/lineitem?type_id=4";
const AGS: &str = "https://purl.imsglobal.org/spec/lti-ags/scope/";

const ESSAY: &str = r#""label":"Essay 5","scoreMaximum":60,"resourceId":"essay-5","tag":"grade""#;
const LINKED: &str = r#""label":"Harbour","scoreMaximum":100,"tag":"","resourceLinkId":"6","ltiLinkId":"6""#;

#[test]
fn moodle_grants_tokens_and_refuses_them() {
    let grant = |scopes: &str| {
        let scopes = scopes.split(' ').map(|scope| format!("{AGS}{scope}")).collect::<Vec<_>>().join(" ");
        Ok(format!(
            "{{\n  \"access_token\" : \"0f5a\",\n  \"token_type\" : \"Bearer\",\n  \"expires_in\" : 3600,\n  \"scope\" : \"{scopes}\"\n}}\n"
        ))
    };
    let error = |error: &str| Err(format!("{{\n  \"error\" : \"{error}\"\n}}\n"));
    let refusal = |words| Err((ErrorKind::TokenRefused, words));
    let all = &Scope::AGS[..];
    let score = &[Scope::SCORE][..];
    for (exchange, asked, body, sees) in [
        (
            "1",
            all,
            grant("lineitem lineitem.readonly result.readonly score"),
            Ok("lineitem lineitem.readonly result.readonly score"),
        ),
        ("2", all, grant("score"), Ok("score")),
        ("3", score, error("invalid_scope"), refusal("invalid_scope")),
        ("6", score, error("Expired token"), refusal("Expired token")),
        (
            "7",
            score,
            error("Cannot handle token with iat prior to 2026-03-02T09:00:30+0000"),
            refusal("clock"),
        ),
        // The audience, the issuer and the key id are not looked at.
        ("8, 10, 16, 17, 19, 133", score, grant("score"), Ok("score")),
        ("9", score, error("invalid_client"), refusal("invalid_client")),
        ("14", score, error("Signature verification failed"), refusal("public half")),
        ("15", score, error("Incorrect key for this algorithm"), refusal("Incorrect key for this algorithm")),
        ("136", &[Scope::LINE_ITEM_READONLY], grant("lineitem.readonly"), Ok("lineitem.readonly")),
        ("138", &[Scope::LINE_ITEM], error("invalid_scope"), refusal("invalid_scope")),
        (
            "139",
            all,
            grant("lineitem.readonly result.readonly score"),
            Ok("lineitem.readonly result.readonly score"),
        ),
    ] {
        let (status, body) = body.map_or_else(|body| (400, body), |body| (200, body));
        let answer = answer_with(status, &[("content-type", b"text/html; charset=utf-8")], body.as_bytes());
        let at = Endpoint::new(asked.iter().cloned())
            .with_line_items(HOST)
            .unwrap()
            .with_line_item(OTHER)
            .unwrap();
        let mut tool = Tool::new().at(at).token_answers([answer]);
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
fn what_moodle_did_not_grant_is_not_asked_for() {
    // 134, 135, 137, 141
    let call = |granted: &str, call: fn(&mut Tool) -> Result<String, Error>| {
        let body = format!(
            r#"{{"access_token":"0f5a","token_type":"Bearer","expires_in":3600,"scope":"{AGS}{granted}"}}"#
        );
        let mut tool = Tool::new().at(endpoint()).token_answers([common::token_answer(&body)]);
        let kind = call(&mut tool).unwrap_err().kind();
        assert_eq!((kind, tool.counts()), (ErrorKind::MissingScope, (1, 0)));
    };
    call("score", |tool| pages(tool, ListLineItems::new(), item));
    call("score", |tool| pages(tool, ListResults::new(), result));
    for granted in ["lineitem.readonly", &format!("lineitem.readonly {AGS}score")] {
        call(granted, |tool| tool.call(CreateLineItem::new(essay())).map(|created| item(&created)));
    }
}

#[test]
fn moodle_lists_line_items() {
    let essay = item_json(53, ESSAY);
    let all = || vec![list(&[item_json(28, LINKED), essay.clone()])];
    let seen = "28 Harbour/100 6 - -; 53 Essay 5/60 - essay-5 grade";
    let missing = "Not Found: Course 7 doesn't exist";
    play(
        &endpoint(),
        [
            ("24, 158", all(), Ok(seen)),
            // Whoever has a URL without a query gets the same.
            ("31", all(), Ok(seen)),
            (
                "140",
                vec![list(&[item_json(3, &LINKED.replacen("\"tag\"", "\"resourceId\":\"\",\"tag\"", 1))])],
                Ok("3 Harbour/100 6 - -"),
            ),
            (
                "131, 142",
                vec![unauthorized(), unauthorized()],
                Err((ErrorKind::Unauthorized, "Unauthorized")),
            ),
            ("144", vec![refused(404, missing)], Err((ErrorKind::NotFound, missing))),
            ("145", vec![unauthorized(), list(&[item_json(28, LINKED), essay.clone()])], Ok(seen)),
        ],
        |tool| pages(tool, ListLineItems::new(), item),
    );
    let odd = [
        item_json(55, r#""label":"float","scoreMaximum":12.5,"resourceId":"essay-5","tag":"grade""#),
        item_json(
            59,
            r#""label":"dates \u00e9\u65e5","scoreMaximum":60,"resourceId":"essay-5","tag":"grade""#,
        ),
        item_json(60, r#""label":"zero","scoreMaximum":0,"resourceId":"essay-5","tag":"grade""#),
        item_json(61, r#""label":"neg","scoreMaximum":-1,"resourceId":"essay-5","tag":"grade""#),
    ];
    let odd = || vec![list(&odd)];
    let seen = "55 float/12.5 - essay-5 grade; 59 dates é日/60 - essay-5 grade; 60 zero/0 - essay-5 grade; 61 neg/-1 - essay-5 grade";
    play(&endpoint(), [("60", odd(), Ok(seen)), ("63", vec![list(&[])], Ok(""))], |tool| {
        pages(tool, ListLineItems::new().tag("grade"), item)
    });
    play(&endpoint(), [("61", odd(), Ok(seen))], |tool| {
        pages(tool, ListLineItems::new().resource_id("essay-5"), item)
    });
    play(&endpoint(), [("64", odd(), Ok(seen))], |tool| {
        pages(tool, ListLineItems::new().resource_id("essay-5").tag("grade"), item)
    });
    let two = || {
        vec![list(&[
            item_json(28, LINKED),
            item_json(57, &LINKED.replace("Harbour", "Ours").replace("\"\"", "\"t2\"")),
        ])]
    };
    play(
        &endpoint(),
        [("62", two(), Ok("28 Harbour/100 6 - -; 57 Ours/100 6 - t2")), ("65", vec![list(&[])], Ok(""))],
        |tool| pages(tool, ListLineItems::new().resource_link_id("6"), item),
    );
}

#[test]
fn moodle_pages_line_items() {
    let page =
        |number: u32| item_json(number, r#""label":"p","scoreMaximum":10,"resourceId":"p","tag":"paged""#);
    let url = "/lineitems?tag=paged&amp;type_id=4&amp;limit=1";
    play(
        &endpoint(),
        [
            (
                "78, 80",
                vec![
                    linked(
                        list(&[page(63)]),
                        url,
                        &[("first", 0), ("canonical", 0), ("next", 1), ("last", 1)],
                    ),
                    linked(
                        list(&[page(64)]),
                        url,
                        &[("first", 0), ("prev", 0), ("canonical", 1), ("next", 2), ("last", 1)],
                    ),
                    list(&[]),
                ],
                Ok("63 p/10 - p paged; 64 p/10 - p paged"),
            ),
            (
                "151; raw 1, 2",
                vec![
                    linked(
                        list(&[page(5)]),
                        "/lineitems?type_id=4&amp;limit=1",
                        &[("first", 0), ("canonical", 0), ("next", 1), ("last", 45)],
                    ),
                    list(&[page(6)]),
                ],
                Ok("5 p/10 - p paged; 6 p/10 - p paged"),
            ),
        ],
        |tool| {
            let seen = pages(tool, ListLineItems::new().tag("paged").limit(1.try_into().unwrap()), item);
            let second = tool.requests[1].uri().to_string();
            assert!(second.ends_with("type_id=4&limit=1&from=1"), "{second}");
            seen
        },
    );
}

fn essay() -> NewLineItem {
    NewLineItem::new("Essay 5", 60.0).unwrap().with_resource_id("essay-5").with_tag("grade")
}

#[test]
fn moodle_creates_line_items() {
    let dated = r#""scoreMaximum":60,"label":"Dates \u00e9\u65e5","startDateTime":"2026-03-06T20:05:02Z","endDateTime":"2026-04-06T22:05:03.123+02:00","https://example.com/ext":{"a":1},"submissionReview":{"reviewableStatus":["InProgress"],"url":"https://tool.test/review","custom":{"a":"b"}},"gradesReleased":false"#;
    let unknown = || Err((ErrorKind::OutcomeUnknown, "502"));
    play(
        &endpoint(),
        [
            ("32, 161", vec![echo(201, 53, ESSAY)], Ok("53 Essay 5/60 - essay-5 grade")),
            ("33", vec![echo(201, 54, ESSAY)], Ok("54 Essay 5/60 - essay-5 grade")),
            ("34", vec![echo(201, 55, r#""scoreMaximum":12.5,"label":"float""#)], Ok("55 float/12.5 - - -")),
            ("35", vec![echo(201, 56, r#""scoreMaximum":10,"label":"bare""#)], Ok("56 bare/10 - - -")),
            (
                "36",
                vec![echo(201, 57, r#""scoreMaximum":10,"label":"bound","resourceLinkId":"6","tag":"t2""#)],
                Ok("57 bound/10 6 - t2"),
            ),
            // A link of another tool, or of none.
            ("37", vec![refused(403, "Forbidden")], Err((ErrorKind::Forbidden, "Forbidden"))),
            ("38, 44", vec![bad_gateway()], unknown()),
            ("41", vec![echo(201, 59, dated)], Ok("59 Dates é日/60 - - -")),
        ],
        |tool| tool.call(CreateLineItem::new(essay())).map(|created| item(&created)),
    );
}

#[test]
fn moodle_reads_line_items() {
    let gone = "Not Found: Grade item 53 doesn't exist";
    play(
        &endpoint(),
        [
            ("48", vec![read(53, ESSAY)], Ok("53 Essay 5/60 - essay-5 grade")),
            (
                "54",
                vec![read(53, r#""label":"Bare","scoreMaximum":80,"resourceId":"","tag":"""#)],
                Ok("53 Bare/80 - - -"),
            ),
            ("57, 147", vec![refused(404, gone)], Err((ErrorKind::NotFound, gone))),
            ("59, 150", vec![read(28, LINKED)], Ok("28 Harbour/100 6 - -")),
            ("143", vec![unauthorized(), unauthorized()], Err((ErrorKind::Unauthorized, "Unauthorized"))),
        ],
        |tool| tool.call(GetLineItem::new()).map(|read| item(&read)),
    );
}

#[test]
fn moodle_updates_line_items() {
    let bare = r#""label":"Bare","scoreMaximum":80"#;
    let own = r#""label":"Harbour","scoreMaximum":100,"tag":"coupled","resourceId":"rc""#;
    play(
        &endpoint(),
        [
            ("51, 55", vec![read(53, ESSAY), echo(200, 53, ESSAY)], Ok("53 Essay 5/60 - essay-5 grade")),
            ("53", vec![read(53, ESSAY), echo(200, 53, bare)], Ok("53 Bare/80 - - -")),
            // Tag and resource of an activity's own line item come back, and are not kept (59).
            ("58", vec![read(28, LINKED), echo(200, 28, own)], Ok("28 Harbour/100 - rc coupled")),
            (
                "153, 155",
                vec![read(28, LINKED), echo(200, 28, r#""label":"Harbour","scoreMaximum":50"#)],
                Ok("28 Harbour/50 - - -"),
            ),
        ],
        |tool| {
            tool.call(UpdateLineItem::new(|item| item.set_score_maximum(80.0)))
                .map(|updated| item(&updated.item))
        },
    );
}

#[test]
fn moodle_deletes_line_items() {
    let gone = "Not Found: Grade item 31 doesn't exist";
    let deleted = answer_with(204, &[("content-type", b"text/html; charset=utf-8")], b"");
    play(
        &endpoint(),
        [
            ("146", vec![reasoned(deleted, "OK")], Ok("deleted")),
            ("148", vec![refused(404, gone)], Err((ErrorKind::NotFound, gone))),
            ("149", vec![refused(403, "Forbidden")], Err((ErrorKind::CoupledLineItem, "Forbidden"))),
        ],
        |tool| tool.call(DeleteLineItem::new(OTHER).unwrap()).map(|()| "deleted".to_owned()),
    );
}

#[test]
fn moodle_takes_scores_and_refuses_them() {
    let taken = || vec![of_type("v1.score", 200, "")];
    let stale = "Refusing score with an earlier timestamp for item 53 and user 6";
    let echo = |comment: &str| {
        let echo = format!(
            r#"{{"timestamp":"2026-03-02T09:00:00Z","userId":"33","scoreGiven":8,"comment":"{comment}"}}"#
        );
        vec![reasoned(of_type("v1.score", 400, "[]"), &format!("Incorrect score received{echo}"))]
    };
    let refused = || Err((ErrorKind::UserNotGradable, "Incorrect score received"));
    let status = Score::ungraded("10", ActivityProgress::Started, GradingProgress::NotReady);
    let pending = graded().grading_progress(GradingProgress::Pending);
    let nanoseconds = graded().timestamp(time("2026-03-02T09:00:00.123456789Z"));
    for (exchange, score, answers, sees) in [
        ("81, 82, 83, 84, 88, 112, 113", graded().comment("Good."), taken(), Ok("Sent")),
        (
            "85, 86, 87",
            graded(),
            vec![reasoned(of_type("v1.score", 409, "[]"), stale)],
            Err((ErrorKind::StaleTimestamp, stale)),
        ),
        ("90", nanoseconds, taken(), Ok("Sent")),
        ("93", status, taken(), Ok("Sent")),
        ("96", Score::graded("13", 12.0, 10.0), taken(), Ok("Sent")),
        ("98", pending, taken(), Ok("Sent")),
        ("99, 100, 101; raw 3", graded().comment("hello"), echo("hello"), refused()),
        ("raw 4", graded().comment("é日本"), echo("é日本"), refused()),
        ("raw 5", graded().comment("x".repeat(9000)), echo(&"x".repeat(9000)), refused()),
        ("109, 110; raw 6", graded().comment("<b>é</b>\n日本 <script>x</script>"), taken(), Ok("Sent")),
        (
            "111",
            graded().submitted_at(common::noon()).extension("https://example.com/x", &1),
            taken(),
            Ok("Sent"),
        ),
        ("raw 7", graded(), vec![of_type("v1.score", 200, "[]")], Err((ErrorKind::ScoreRefused, "list"))),
    ] {
        let score = score.build().unwrap();
        play(&endpoint(), [(exchange, answers, sees)], |tool| {
            let receipt = tool.call(PostScore::new(score.clone()));
            if let (Err(error), Some(comment)) = (&receipt, score.comment()) {
                assert!(!common::shown(error).contains(comment), "#{exchange}");
            }
            receipt.map(|receipt| format!("{:?}", receipt.outcome))
        });
    }
}

#[test]
fn moodle_lists_results() {
    let three = result_json(3, r#""resultScore":66.4,"resultMaximum":80,"comment":"Good.""#);
    let four = result_json(4, r#""resultScore":58,"resultMaximum":80"#);
    let all = || results(&[three.clone(), four.clone(), result_json(10, "")]);
    let seen = "3 66.4/80 Good.; 4 58/80; 10 -/1";
    play(&endpoint(), [("116, 126, 154, 156, 282", vec![all()], Ok(seen))], |tool| {
        pages(tool, ListResults::new(), result)
    });
    let user = |exchange, user: &str, answer, sees| {
        play(&endpoint(), [(exchange, vec![answer], Ok(sees))], |tool| {
            let found = tool.call(GetResult::new(user))?;
            Ok(found.as_ref().map_or("nothing".to_owned(), result))
        });
    };
    user("118", "4", results(std::slice::from_ref(&four)), "4 58/80");
    user("119", "23", results(&[]), "nothing");
    // Moodle takes no user id but a number, and gives everybody's results instead.
    user("120", "nobody", all(), "nothing");
    let page = "<!DOCTYPE html>\n\n<html  dir=\"ltr\" lang=\"en\">\n<head>\n    <title>Error | Harbour</title>\n</head></html>";
    let failed = || answer_with(404, &[("content-type", b"text/html; charset=utf-8")], page.as_bytes());
    let url = "/lineitems/53/lineitem/results?limit=1";
    let first = linked(
        results(std::slice::from_ref(&three)),
        url,
        &[("first", 0), ("canonical", 0), ("next", 1), ("last", 1)],
    );
    play(
        &endpoint(),
        [
            // With a query and a limit it fails, and is asked again without the limit.
            ("121, 125", vec![failed(), all()], Ok(seen)),
            ("122, 127", vec![first, results(std::slice::from_ref(&four))], Ok("3 66.4/80 Good.; 4 58/80")),
        ],
        |tool| pages(tool, ListResults::new().limit(1.try_into().unwrap()), result),
    );
}
