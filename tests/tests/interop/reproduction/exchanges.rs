//! What is asked of both platforms, in turn: each service, right and wrong.

use lti_ags::http::request::Builder;
use lti_ags::http::{Request, header};
use lti_ags_testing::ToolKey;
use lti_ags_testing::names::{
    ALL_SCOPES, MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, MEDIA_RESULTS, MEDIA_SCORE, SCOPE_LINE_ITEM_READONLY,
    SCOPE_SCORE,
};
use serde_json::{Value, json};

use super::Side;

pub(super) fn play(side: &mut Side) {
    tokens(side);
    side.bearer = token(side, "a token", &ALL_SCOPES.join(" "));
    line_items(side);
    scores(side);
    results(side);
    authorization(side);
    deletion(side);
    // Last come those after which the two may hold different things.
    odd_line_items(side);
    odd_scores(side);
}

/// Header, claims and form of a token request.
struct Asked {
    key: ToolKey,
    header: Value,
    claims: Value,
    form: Vec<(&'static str, String)>,
}

impl Asked {
    fn new(side: &Side) -> Self {
        let now = jiff::Timestamp::now().as_second();
        let key = ToolKey::shared().clone();
        Self {
            header: json!({"typ": "JWT", "alg": "RS256", "kid": key.id()}),
            key,
            claims: json!({
                "iss": side.client_id, "sub": side.client_id, "aud": side.token_endpoint,
                "iat": now, "exp": now + 300, "jti": format!("jti-{}", side.answers.len()),
            }),
            form: vec![
                ("grant_type", "client_credentials".into()),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into()),
                ("client_assertion", String::new()),
                ("scope", ALL_SCOPES.join(" ")),
            ],
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.form.iter_mut().find(|(given, _)| *given == name).unwrap().1 = value.into();
    }

    fn request(mut self, side: &Side) -> Request<String> {
        let assertion = self.key.sign(&self.header, &self.claims).unwrap();
        if self.form[2].1.is_empty() {
            self.form[2].1 = assertion;
        }
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.extend_pairs(self.form.iter().filter(|(_, value)| !value.is_empty())).finish();
        Request::post(&side.token_endpoint)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .unwrap()
    }
}

fn ask(side: &mut Side, name: &'static str, change: impl FnOnce(&mut Asked)) -> Value {
    let mut asked = Asked::new(side);
    change(&mut asked);
    let request = asked.request(side);
    side.send(name, request)
}

fn token(side: &mut Side, name: &'static str, scope: &str) -> String {
    ask(side, name, |asked| asked.set("scope", scope))["access_token"].as_str().unwrap().to_owned()
}

fn tokens(side: &mut Side) {
    ask(side, "token", |_| ());
    ask(side, "token: a scope nobody knows among others", |asked| {
        asked.set("scope", &format!("{SCOPE_SCORE} https://example.com/x"));
    });
    ask(side, "token: only a scope nobody knows", |asked| asked.set("scope", "https://example.com/x"));
    ask(side, "token: no scope", |asked| asked.set("scope", ""));
    ask(side, "token: another grant type", |asked| asked.set("grant_type", "password"));
    ask(side, "token: another assertion type", |asked| asked.set("client_assertion_type", "x"));
    ask(side, "token: expired assertion", |asked| asked.claims["exp"] = 1.into());
    ask(side, "token: an assertion without end", |asked| {
        asked.claims.as_object_mut().unwrap().remove("exp");
    });
    ask(side, "token: issued in an hour", |asked| {
        asked.claims["iat"] = (asked.claims["iat"].as_i64().unwrap() + 3600).into();
    });
    ask(side, "token: another audience", |asked| asked.claims["aud"] = "x".into());
    ask(side, "token: another issuer", |asked| asked.claims["iss"] = "x".into());
    ask(side, "token: another subject", |asked| asked.claims["sub"] = "x".into());
    ask(side, "token: no jti", |asked| drop(asked.claims.as_object_mut().unwrap().remove("jti")));
    ask(side, "token: a jti again", |asked| asked.claims["jti"] = "jti-0".into());
    ask(side, "token: no kid", |asked| drop(asked.header.as_object_mut().unwrap().remove("kid")));
    ask(side, "token: RS384", |asked| asked.header["alg"] = "RS384".into());
    ask(side, "token: RS512", |asked| asked.header["alg"] = "RS512".into());
    ask(side, "token: garbage for an assertion", |asked| asked.set("client_assertion", "not.a.jwt"));
    let other = ToolKey::rsa(ToolKey::shared().id()).unwrap();
    ask(side, "token: another key", |asked| asked.key = other);
    let get = Request::get(&side.token_endpoint).body(String::new()).unwrap();
    side.send("token: GET", get);
}

/// A request with the token.
fn to(side: &Side, method: &str, url: impl AsRef<str>) -> Builder {
    let bearer = format!("Bearer {}", side.bearer);
    Request::builder().method(method).uri(url.as_ref()).header(header::AUTHORIZATION, bearer)
}

fn read(side: &mut Side, name: &'static str, url: impl AsRef<str>, accept: &str) -> Value {
    let request = to(side, "GET", url).header(header::ACCEPT, accept).body(String::new()).unwrap();
    side.send(name, request)
}

fn write(side: &mut Side, name: &'static str, method: &str, url: &str, of_type: &str, body: &str) -> Value {
    let request = to(side, method, url).header(header::ACCEPT, MEDIA_LINE_ITEM);
    let request = request.header(header::CONTENT_TYPE, of_type).body(body.to_owned()).unwrap();
    side.send(name, request)
}

fn create(side: &mut Side, name: &'static str, body: &Value) -> Value {
    let url = side.line_items.clone();
    write(side, name, "POST", &url, MEDIA_LINE_ITEM, &body.to_string())
}

fn lab() -> Value {
    json!({"label": "Lab", "scoreMaximum": 60, "resourceId": "lab", "tag": "grade"})
}

/// A line item with another value of this member; without it, where that is null.
fn lab_with(name: &str, value: Value) -> Value {
    let mut body = lab();
    match value {
        Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
        value => body[name] = value,
    }
    body
}

fn line_items(side: &mut Side) {
    let (items, item) = (side.line_items.clone(), side.line_item.clone());
    read(side, "list", &items, MEDIA_LINE_ITEMS);
    read(side, "list: */*", &items, "*/*");
    read(side, "list: application/json", &items, "application/json");
    read(side, "list: as a line item", &items, MEDIA_LINE_ITEM);
    read(side, "list: two types", &items, &format!("application/json, {MEDIA_LINE_ITEMS}"));

    let made = create(side, "create", &lab())["id"].as_str().unwrap().to_owned();
    let unit = side.unit.clone();
    for (name, member, value) in [
        ("create: a maximum with a fraction", "scoreMaximum", json!(12.5)),
        ("create: a maximum of 20.0", "scoreMaximum", json!(20.0)),
        ("create: a maximum of 0", "scoreMaximum", json!(0)),
        ("create: a maximum below 0", "scoreMaximum", json!(-1)),
        ("create: no maximum", "scoreMaximum", Value::Null),
        ("create: no label", "label", Value::Null),
        ("create: an empty label", "label", json!("")),
        ("create: a long label", "label", json!("x".repeat(101))),
        ("create: a long tag", "tag", json!("x".repeat(51))),
        ("create: no resource", "resourceId", Value::Null),
        ("create: bound to the unit", "resourceLinkId", json!(unit)),
        ("create: bound to nothing there is", "resourceLinkId", json!("nope")),
        ("create: no date", "endDateTime", json!("soon")),
        ("create: with an id", "id", json!("https://example.com/1")),
    ] {
        create(side, name, &lab_with(member, value));
    }
    let mut dated = lab_with("endDateTime", "2026-04-06T20:05:03.123Z".into());
    dated["startDateTime"] = "2026-04-06T22:05:03+02:00".into();
    dated["https://example.com/x"] = json!({"a": 1});
    create(side, "create: dates and a member of its own", &dated);
    let body = lab().to_string();
    write(side, "create: application/json", "POST", &items, "application/json", &body);
    let charset = format!("{MEDIA_LINE_ITEM}; charset=utf-8");
    write(side, "create: with a charset", "POST", &items, &charset, &body);
    write(side, "create: no JSON", "POST", &items, MEDIA_LINE_ITEM, "{\"label\":");

    read(side, "get", &made, MEDIA_LINE_ITEM);
    read(side, "get: */*", &made, "*/*");
    read(side, "get: application/json", &made, "application/json");
    read(side, "get: the unit's", &item, MEDIA_LINE_ITEM);
    read(side, "get: none", format!("{items}/987654"), MEDIA_LINE_ITEM);
    read(side, "get: a slash more", format!("{made}/"), MEDIA_LINE_ITEM);
    let renamed = lab_with("label", "Lab (final)".into()).to_string();
    write(side, "put", "PUT", &made, MEDIA_LINE_ITEM, &renamed);
    write(side, "put: application/json", "PUT", &made, "application/json", &renamed);
    write(side, "put: none", "PUT", &format!("{items}/987654"), MEDIA_LINE_ITEM, &renamed);

    read(side, "list: by tag", format!("{items}?tag=grade"), MEDIA_LINE_ITEMS);
    read(side, "list: by a tag of none", format!("{items}?tag=none"), MEDIA_LINE_ITEMS);
    read(side, "list: by resource", format!("{items}?resource_id=lab"), MEDIA_LINE_ITEMS);
    let query = url::form_urlencoded::byte_serialize(unit.as_bytes()).collect::<String>();
    read(side, "list: by link", format!("{items}?resource_link_id={query}"), MEDIA_LINE_ITEMS);
    read(side, "list: by no link", format!("{items}?resource_link_id=zzz"), MEDIA_LINE_ITEMS);
    read(side, "list: limited", format!("{items}?limit=2"), MEDIA_LINE_ITEMS);
}

fn odd_line_items(side: &mut Side) {
    create(side, "create: a maximum as text", &lab_with("scoreMaximum", "60".into()));
    let mut null = lab();
    null["startDateTime"] = Value::Null;
    create(side, "create: a null", &null);
    let made = side.items[OWN].clone();
    let bare = lab_with("tag", Value::Null).to_string();
    write(side, "put: without a tag", "PUT", &made, MEDIA_LINE_ITEM, &bare);
    null["resourceLinkId"] = Value::Null;
    null["endDateTime"] = Value::Null;
    write(side, "put: what is shown", "PUT", &made, MEDIA_LINE_ITEM, &null.to_string());
}

fn score(side: &Side, learner: usize, points: f64, time: &str) -> Value {
    json!({
        "userId": side.learners[learner], "scoreGiven": points, "scoreMaximum": 100, "timestamp": time,
        "activityProgress": "Completed", "gradingProgress": "FullyGraded",
    })
}

fn post(side: &mut Side, name: &'static str, line_item: usize, body: &Value) {
    let url = format!("{}/scores", side.items[line_item]);
    write(side, name, "POST", &url, MEDIA_SCORE, &body.to_string());
}

/// Of the line items, the first is that of the unit, the next was created by the tool.
const LINKED: usize = 0;
const OWN: usize = 1;

fn scores(side: &mut Side) {
    for (name, points, time) in [
        ("score", 83.0, "2026-03-02T09:00:00.250Z"),
        ("score: again", 83.0, "2026-03-02T09:00:00.250Z"),
        ("score: older", 84.0, "2026-03-02T08:59:59.999Z"),
        ("score: a microsecond newer", 84.5, "2026-03-02T09:00:00.250001Z"),
        ("score: nanoseconds", 84.0, "2026-03-02T09:00:01.123456789Z"),
        ("score: another zone", 84.0, "2026-03-02T11:00:02+02:00"),
        ("score: no zone", 84.0, "2026-03-02T09:00:03.5"),
        ("score: no time", 84.0, "yesterday"),
    ] {
        let body = score(side, 0, points, time);
        post(side, name, OWN, &body);
    }
    for (second, (name, member, value)) in (10..).zip([
        ("score: a comment", "comment", json!("Good. <b>ü</b>")),
        ("score: another comment", "comment", json!("")),
        ("score: no user", "userId", Value::Null),
        ("score: no timestamp", "timestamp", Value::Null),
        ("score: no activity", "activityProgress", Value::Null),
        ("score: no maximum", "scoreMaximum", Value::Null),
        ("score: a maximum of 0", "scoreMaximum", json!(0)),
        ("score: below 0", "scoreGiven", json!(-1)),
        ("score: an activity nobody knows", "activityProgress", json!("Doing")),
        ("score: a grading nobody knows", "gradingProgress", json!("Done")),
    ]) {
        let body = score_with(side, second, member, value);
        post(side, name, OWN, &body);
    }
    for (second, (name, member, value)) in (20..).zip([
        ("score: above the maximum", "scoreGiven", json!(110)),
        ("score: a member of its own", "https://example.com/x", json!({"a": 1})),
        ("score: none given", "scoreGiven", Value::Null),
        ("score: a user nobody knows", "userId", json!("nobody")),
    ]) {
        let mut body = score_with(side, second, member, value);
        body["comment"] = "Seen.".into();
        post(side, name, OWN, &body);
    }
    let own = format!("{}/scores", side.items[OWN]);
    let body = score(side, 2, 1.0, "2026-03-02T09:00:30.250Z");
    write(side, "score: application/json", "POST", &own, "application/json", &body.to_string());
    write(side, "score: a slash more", "POST", &format!("{own}/"), MEDIA_SCORE, &body.to_string());
    write(side, "score: no JSON", "POST", &own, MEDIA_SCORE, "{");
    write(side, "score: PUT", "PUT", &own, MEDIA_SCORE, &body.to_string());

    let time = |second: u32| format!("2026-03-02T09:00:{second:02}.250Z");
    let body = score(side, 0, 83.0, &time(0));
    post(side, "score, linked", LINKED, &body);
    let body = score(side, 0, 0.0, &time(1));
    post(side, "score, linked: 0", LINKED, &body);
    for (name, points, grading) in [
        ("score, linked: a user nobody knows", 83.0, "FullyGraded"),
        ("score, linked: pending, for a user nobody knows", 83.0, "Pending"),
    ] {
        let mut body = score(side, 0, points, &time(2));
        body["userId"] = "nobody".into();
        body["gradingProgress"] = grading.into();
        post(side, name, LINKED, &body);
    }
}

/// A score of the second learner with another value of this member; without it, where that is null.
fn score_with(side: &Side, second: u32, name: &str, value: Value) -> Value {
    let mut body = score(side, 1, 84.0, &format!("2026-03-02T09:00:{second:02}.250Z"));
    match value {
        Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
        value => body[name] = value,
    }
    body
}

fn odd_scores(side: &mut Side) {
    let mut body = score(side, 0, 85.0, "2026-03-02T09:00:40.250Z");
    body["comment"] = "Good.".into();
    post(side, "score: a comment, later", OWN, &body);
    let body = score(side, 0, 86.0, "2026-03-02T09:00:41.250Z");
    post(side, "score: no comment after one", OWN, &body);
    let body = score_with(side, 42, "scoreGiven", "7".into());
    post(side, "score: as text", OWN, &body);
    let mut body = score(side, 0, 0.0, "2026-03-02T09:00:43.250Z");
    body["userId"] = "nobody-else".into();
    post(side, "score, linked: 0 for a user nobody knows", LINKED, &body);
}

fn results(side: &mut Side) {
    let own = format!("{}/results", side.items[OWN]);
    let linked = format!("{}/results", side.line_item);
    let learner = side.learners[0].clone();
    read(side, "results", &own, MEDIA_RESULTS);
    read(side, "results: */*", &own, "*/*");
    read(side, "results: application/json", &own, "application/json");
    read(side, "results: of one user", format!("{own}?user_id={learner}"), MEDIA_RESULTS);
    read(side, "results: of one user, in the path", format!("{own}/{learner}"), MEDIA_RESULTS);
    read(side, "results: of nobody, in the path", format!("{own}/none"), MEDIA_RESULTS);
    read(side, "results: limited", format!("{own}?limit=1"), MEDIA_RESULTS);
    read(side, "results: limited to 0", format!("{own}?limit=0"), MEDIA_RESULTS);
    read(side, "results: limited to words", format!("{own}?limit=abc"), MEDIA_RESULTS);
    read(side, "results: limited below 0", format!("{own}?limit=-1"), MEDIA_RESULTS);
    read(side, "results, linked", &linked, MEDIA_RESULTS);
}

fn authorization(side: &mut Side) {
    let item = side.line_item.clone();
    let full = side.bearer.clone();
    let bare = Request::get(&item).header(header::ACCEPT, MEDIA_LINE_ITEM).body(String::new()).unwrap();
    side.send("no token", bare);
    let lower = Request::get(&item).header(header::ACCEPT, MEDIA_LINE_ITEM);
    let lower = lower.header(header::AUTHORIZATION, format!("bearer {full}")).body(String::new()).unwrap();
    side.send("a token after `bearer`", lower);
    side.bearer = "x.y.z".into();
    read(side, "garbage for a token", &item, MEDIA_LINE_ITEM);
    side.bearer = token(side, "a token for scores", SCOPE_SCORE);
    read(side, "get with a token for scores", &item, MEDIA_LINE_ITEM);
    read(side, "results with a token for scores", format!("{item}/results"), MEDIA_RESULTS);
    side.bearer = token(side, "a token to read line items", SCOPE_LINE_ITEM_READONLY);
    read(side, "get with a token to read", &item, MEDIA_LINE_ITEM);
    create(side, "create with a token to read", &json!({"label": "a", "scoreMaximum": 1, "resourceId": "r"}));
    side.bearer = token(side, "a token for nothing", "https://example.com/x");
    read(side, "get with a token for nothing", &item, MEDIA_LINE_ITEM);
    side.bearer = full;
}

fn deletion(side: &mut Side) {
    let made = side.items[OWN].clone();
    let none = format!("{}/987654", side.line_items);
    for (name, url) in [("delete", &made), ("delete: none", &none)] {
        let delete = to(side, "DELETE", url).body(String::new()).unwrap();
        side.send(name, delete);
    }
    read(side, "get after the deletion", &made, MEDIA_LINE_ITEM);
    let items = side.line_items.clone();
    let options = to(side, "OPTIONS", &items).header(header::ACCEPT, MEDIA_LINE_ITEMS);
    side.send("OPTIONS", options.body(String::new()).unwrap());
    let head = to(side, "HEAD", &items).header(header::ACCEPT, MEDIA_LINE_ITEMS);
    side.send("HEAD", head.body(String::new()).unwrap());
}
