//! The platform like Moodle 4.5: exchanges seen on the wire, as cases.

mod support;

use lti_ags_testing::names::{MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, MEDIA_RESULTS, MEDIA_SCORE};
use lti_ags_testing::{LineItem, Personality, Platform};
use serde_json::{Value, json};
use support::{Answer, Connection, TokenRequest, at, builder, get, rules, send, status_line, token, writing};

fn moodle() -> Platform {
    builder().like(Personality::Moodle).start()
}

fn score(user: &str, points: f64, millis: i64) -> Value {
    json!({
        "userId": user, "scoreGiven": points, "scoreMaximum": 100, "activityProgress": "Completed",
        "gradingProgress": "FullyGraded", "timestamp": at(millis),
    })
}

fn post(platform: &Platform, token: &str, body: &str) -> Answer {
    let url = platform.line_item_url().replace('?', "/scores?");
    send(platform, "POST", &url, &support::score_headers(token), body)
}

#[test]
fn a_token_comes_as_html_and_errors_are_sentences() {
    let platform = moodle();
    let answer = TokenRequest::new(&platform, "a").send(&platform);
    assert_eq!(answer.header("content-type").unwrap(), "text/html; charset=utf-8");
    let reply = answer.json();
    assert_eq!((reply["access_token"].as_str().unwrap().len(), &reply["expires_in"]), (32, &json!(3600)));

    let error = |change: fn(&mut TokenRequest)| {
        let mut request = TokenRequest::new(&platform, "b");
        change(&mut request);
        let answer = request.send(&platform);
        (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
    };
    let seconds = platform.now().as_second();
    assert_eq!(seconds, 1_772_442_000);
    assert_eq!(error(|r| r.claims["exp"] = 1_772_441_999.into()), (400, "Expired token".into()));
    let ahead = "Cannot handle token with iat prior to 2026-03-02T09:00:30+0000";
    assert_eq!(error(|r| r.claims["iat"] = 1_772_442_030.into()), (400, ahead.into()));
    assert_eq!(
        error(|r| r.key = lti_ags_testing::ToolKey::rsa(r.key.id()).unwrap()),
        (400, "Signature verification failed".into())
    );
    assert_eq!(error(|r| r.claims["sub"] = "x".into()), (400, "invalid_client".into()));
    assert_eq!(error(|r| r.scope = "https://example.com/x".into()), (400, "invalid_scope".into()));
    // Neither the audience nor the replay is looked at; violations all the same.
    let before = rules(&platform).len();
    assert_eq!(error(|r| r.claims["aud"] = "x".into()).0, 200);
    assert_eq!(rules(&platform)[before..], ["AGS-TOKREQ-05", "AGS-TOKREQ-07"]);
}

#[test]
fn accept_is_compared_as_one_text() {
    let platform = moodle();
    let token = token(&platform);
    let list = |accept: &str| status_line(&get(&platform, &token, &platform.line_items_url(), accept));
    assert_eq!(list(MEDIA_LINE_ITEMS), "HTTP/1.1 200 OK");
    assert_eq!(list("*/*"), "HTTP/1.1 400 No context or unsupported content type");
    assert_eq!(list(MEDIA_LINE_ITEM), "HTTP/1.1 400 No context or unsupported content type");
    assert_eq!(list("application/json"), "HTTP/1.1 400 No handler found for /2/lineitems application/json");
    let both = format!("{MEDIA_LINE_ITEMS}, application/json;q=0.5");
    assert_eq!(list(&both), format!("HTTP/1.1 400 No handler found for /2/lineitems {both}"));
    assert_eq!(get(&platform, &token, &platform.line_item_url(), "*/*").status, 200);
    let wrong = get(&platform, &token, &platform.line_items_url(), "application/json").json();
    assert_eq!(wrong["request"]["url"], "/mod/lti/services.php/2/lineitems?type_id=1");
}

#[test]
fn line_items_are_echoed_and_put_clears() {
    let platform = moodle();
    let token = token(&platform);
    let body = json!({
        "label": "dates é", "scoreMaximum": 60, "resourceId": "a-9", "tag": "grade",
        "endDateTime": "2026-04-06T20:05:03Z", "https://example.com/ext": {"a": 1},
    });
    let made = send(&platform, "POST", &platform.line_items_url(), &writing(&token), &body.to_string());
    let mut echo = body.clone();
    let url = made.json()["id"].as_str().unwrap().to_owned();
    assert!(url.ends_with("/mod/lti/services.php/2/lineitems/13/lineitem?type_id=1"), "{url}");
    echo["id"] = url.as_str().into();
    assert_eq!((made.status, made.json(), made.header("location")), (201, echo, None));
    assert!(String::from_utf8_lossy(&made.body).contains(r"dates \u00e9"));

    let read = get(&platform, &token, &url, MEDIA_LINE_ITEM);
    let shown =
        json!({ "id": url, "label": "dates é", "scoreMaximum": 60, "resourceId": "a-9", "tag": "grade" });
    assert_eq!(read.json(), shown);
    assert!(String::from_utf8_lossy(&read.body).contains(r"http:\/\/"));

    let put = r#"{"label":"no ids","scoreMaximum":80}"#;
    assert_eq!(send(&platform, "PUT", &url, &writing(&token), put).status, 200);
    let read = get(&platform, &token, &url, MEDIA_LINE_ITEM).json();
    assert_eq!((&read["resourceId"], &read["tag"]), (&json!(""), &json!("")));
    platform.assert_no_violations();

    let post = |body: Value| {
        let answer = send(&platform, "POST", &platform.line_items_url(), &writing(&token), &body.to_string());
        status_line(&answer)
    };
    assert_eq!(post(json!({ "scoreMaximum": 1 })), "HTTP/1.1 400 No label or Score Maximum");
    let foreign = json!({ "label": "a", "scoreMaximum": 1, "resourceLinkId": "9999" });
    assert_eq!(post(foreign), "HTTP/1.1 403 Forbidden");
    let nonsense = json!({ "label": "a", "scoreMaximum": 1, "resourceLinkId": "nope" });
    assert_eq!(post(nonsense), "HTTP/1.1 502 Bad Gateway");
    assert_eq!(post(json!({ "label": "a", "scoreMaximum": -1 })), "HTTP/1.1 201 Created");
    assert_eq!(post(json!({ "label": "a", "scoreMaximum": "15" })), "HTTP/1.1 201 Created");

    let delete = || send(&platform, "DELETE", &url, &format!("Authorization: Bearer {token}\r\n"), "");
    assert_eq!(status_line(&delete()), "HTTP/1.1 204 OK");
    assert_eq!(status_line(&delete()), "HTTP/1.1 404 Not Found: Grade item 13 doesn't exist");
}

#[test]
fn the_next_link_has_to_be_unescaped() {
    let mut builder = builder().like(Personality::Moodle);
    for number in 0..12 {
        builder = builder.line_item(LineItem::new(format!("p{number}"), 10.0).tag("paged").unlinked());
    }
    let platform = builder.start();
    let token = token(&platform);
    let read = |url: &str| get(&platform, &token, url, MEDIA_LINE_ITEMS);
    let count = |answer: &Answer| answer.json().as_array().unwrap().len();
    let first = read(&(platform.line_items_url() + "&limit=5&tag=paged"));
    assert_eq!(count(&first), 5);
    let links = first.header("link").unwrap();
    let next = links.split(", ").find(|link| link.contains("rel=“next”")).unwrap();
    let next = next.split_once('<').unwrap().1.split_once('>').unwrap().0;
    assert!(next.ends_with("?tag=paged&amp;type_id=1&amp;limit=5&amp;from=5"), "{next}");
    assert!(links.contains("&amp;from=8>; rel=“last”"), "{links}");
    // As it stands, it asks for everything.
    let all = read(next);
    assert_eq!((count(&all), all.header("link")), (12, None));
    let second = read(&next.replace("&amp;", "&"));
    assert_eq!((count(&second), second.json()[0]["label"].as_str()), (5, Some("p5")));
    // Neither is the client's fault.
    platform.assert_no_violations();
}

#[test]
fn scores_are_compared_in_whole_seconds_and_refusals_are_in_the_reason() {
    let platform = moodle();
    let token = token(&platform);
    let fine = post(&platform, &token, &score("3", 83.0, 100).to_string());
    assert_eq!((status_line(&fine).as_str(), fine.body.len()), ("HTTP/1.1 200 OK", 0));
    assert_eq!(fine.header("content-type").unwrap(), format!("{MEDIA_SCORE}; charset=utf-8"));
    let later = post(&platform, &token, &score("3", 84.0, 600).to_string());
    let reason = "HTTP/1.1 409 Refusing score with an earlier timestamp for item 12 and user 3";
    assert_eq!((status_line(&later).as_str(), later.body.as_slice()), (reason, &b"[]"[..]));
    assert_eq!(post(&platform, &token, &score("3", 85.0, 1000).to_string()).status, 200);
    platform.assert_no_violations();

    let unknown = score("33333", 8.0, 0).to_string();
    let refused = post(&platform, &token, &unknown);
    assert_eq!(status_line(&refused), format!("HTTP/1.1 400 Incorrect score received{unknown}"));
    // The trap: the same with a line break is refused as well, with 200.
    let pretty = serde_json::to_string_pretty(&score("33333", 8.0, 0)).unwrap();
    let trapped = post(&platform, &token, &pretty);
    assert_eq!((trapped.status, trapped.body.as_slice()), (200, &b"[]"[..]));
    assert_eq!(rules(&platform), ["AGS-SCORE-22"]);
    let without = post(&platform, &token, r#"{"userId":"4","scoreGiven":8}"#);
    assert_eq!(without.status, 400);
}

#[test]
fn only_final_scores_count_and_they_are_cut() {
    let platform = moodle();
    let token = token(&platform);
    let kept = |change: fn(&mut Value), millis| {
        let mut body = score("4", 80.0, millis);
        change(&mut body);
        assert_eq!(post(&platform, &token, &body.to_string()).status, 200);
        platform.gradebook().result("li-1", "4").unwrap().score
    };
    assert_eq!(kept(|_| {}, 0), Some(80.0));
    assert_eq!(kept(|s| s["gradingProgress"] = "PendingManual".into(), 1000), None);
    assert_eq!(kept(|s| s["scoreGiven"] = 120.into(), 2000), Some(100.0));
    assert_eq!(kept(|s| s["scoreGiven"] = (-1).into(), 3000), Some(0.0));
    assert_eq!(kept(|s| s["userId"] = 4.into(), 4000), Some(80.0));
}

#[test]
fn results_with_a_limit_are_not_found() {
    let platform = moodle();
    let token = token(&platform);
    post(&platform, &token, &score("3", 83.0, 100).to_string());
    let mut started = score("4", 0.0, 0);
    started.as_object_mut().unwrap().retain(|name, _| !name.starts_with("score"));
    post(&platform, &token, &started.to_string());
    let url = platform.line_item_url().replace('?', "/results?");
    let read = |query: &str| get(&platform, &token, &format!("{url}{query}"), MEDIA_RESULTS);
    let id = |user: &str| format!("{url}&user_id={user}");
    let graded = json!({
        "id": id("3"), "userId": "3", "resultScore": 83, "resultMaximum": 100,
        "scoreOf": platform.line_item_url(), "timestamp": "2026-03-02T09:00:00+00:00",
    });
    let both = json!([graded, { "id": id("4"), "userId": "4" }]);
    assert_eq!(read("").json(), both);
    assert_eq!(read("&user_id=3").json(), json!([graded]));
    assert_eq!(read("&user_id=23").json(), json!([]));
    assert_eq!(read("&user_id=nobody").json(), both);
    let broken = read("&limit=5");
    assert_eq!(
        (broken.status, broken.header("content-type").unwrap().as_str()),
        (404, "text/html; charset=utf-8")
    );
    platform.assert_no_violations();
}

#[test]
fn every_trouble_with_a_token_is_401() {
    let platform = moodle();
    let token = token(&platform);
    let line = |headers: &str| {
        let headers = format!("{headers}Accept: {MEDIA_LINE_ITEMS}\r\n");
        let target = "/mod/lti/services.php/2/lineitems?type_id=1";
        Connection::open(&platform).send("GET", target, &headers, "").unwrap()
    };
    for headers in ["", "Authorization: Bearer x.y.z\r\n", &format!("Authorization: bearer {token}\r\n")] {
        let answer = line(headers);
        assert_eq!(status_line(&answer), "HTTP/1.1 401 Unauthorized");
        assert_eq!((answer.json()["status"].clone(), answer.header("www-authenticate")), (json!(401), None));
    }
    let mut request = TokenRequest::new(&platform, "score");
    request.scope = lti_ags_testing::names::SCOPE_SCORE.into();
    let narrow = request.send(&platform).json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(line(&format!("Authorization: Bearer {narrow}\r\n")).status, 401);
}
