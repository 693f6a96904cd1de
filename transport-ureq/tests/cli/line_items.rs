//! `ags line-items get`, `create`, `ensure`, `update` and `delete`: what is sent, and what is told of what came back.

use serde_json::{Value, json};

use crate::server::{Reply, Request, Server};
use crate::tool::{Ran, Tool};

/// A line item with more than the specification names.
const ITEM: &str = concat!(
    r#"{"label":"Lab 3","scoreMaximum":"20.0","resourceLinkId":null,"resourceId":"lab-3","tag":"grade","#,
    r#""gradesReleased":false,"ltiLinkId":null,"#,
    r#""https://lms.example/x":{"b" : [1.50,null,9007199254740993,1e400],"a":"\u00e9\/"}}"#
);

/// The same as it is printed, with this id.
fn printed(id: &str) -> String {
    format!(
        concat!(
            r#"{{"id":"{}","label":"Lab 3","scoreMaximum":20,"resourceId":"lab-3","tag":"grade","#,
            r#""gradesReleased":false,"#,
            r#""https://lms.example/x":{{"b" : [1.50,null,9007199254740993,1e400],"a":"\u00e9\/"}}}}"#,
            "\n"
        ),
        id
    )
}

/// A server that answers the tool's services; tokens it gives by itself.
fn serving(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> Server {
    Server::start(
        move |request, before| if request.is_token() { Reply::token() } else { answer(request, before) },
    )
}

/// Method and path of what was sent.
fn sent(server: &Server) -> Vec<String> {
    let requests = server.service_requests();
    requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

fn ags(tool: &Tool, command: &str, flags: &[&str]) -> Ran {
    tool.run(&[&["line-items", command, "--json"], flags].concat())
}

const LAB: [&str; 4] = ["--label", "Lab 3", "--score-maximum", "20"];

fn create(tool: &Tool, flags: &[&str]) -> Ran {
    ags(tool, "create", &[&LAB, flags].concat())
}

fn ensure(tool: &Tool, flags: &[&str]) -> Ran {
    ags(tool, "ensure", &[&LAB, flags].concat())
}

#[test]
fn get_shows_the_launchs_own_line_item_or_another() {
    let server = serving(|_, _| Reply::new(200, ITEM));
    let tool = Tool::in_course(&server);
    // It came without an id: the URL that was asked is its id.
    let own = ags(&tool, "get", &[]);
    assert_eq!((own.code, own.stdout), (0, printed(&server.url("/items/9"))));
    let url = server.url("/items/12/lineitem?type_id=1");
    assert_eq!(ags(&tool, "get", &[&url]).stdout, printed(&url));
    assert_eq!(sent(&server), ["GET /items/9", "GET /items/12/lineitem?type_id=1"]);
    let asked = &server.service_requests()[0];
    assert_eq!(asked.header("accept"), Some("application/vnd.ims.lis.v2.lineitem+json"));
}

#[test]
fn people_see_one_line_item_member_by_member() {
    let server = serving(|_, _| {
        Reply::new(
            200,
            r#"{"label":"Lab\u001b[31m 3\nx","scoreMaximum":20.5,"tag":"grade","endDateTime":"2026-03-02T09:00:00Z",
                "gradesReleased":true,"https://lms.example/x":{"a":"\u001b]0;x\u0007"}}"#,
        )
    });
    let ran = Tool::in_course(&server).run(&["line-items", "get"]);
    let expected = format!(
        "Lab 3 x, out of 20.5\n  URL              {}\n  tag              grade\n  \
         closes           2026-03-02T09:00:00Z\n  grades released  yes\n  \
         https://lms.example/x: {{\"a\":\"\\u001b]0;x\\u0007\"}}\n",
        server.url("/items/9")
    );
    assert_eq!((ran.code, ran.stdout, ran.stderr), (0, expected, String::new()));
}

#[test]
fn what_is_not_there_or_no_line_item_has_its_kind() {
    for (status, body, kind) in
        [(404, "", "not_found"), (200, "{}", "malformed_response"), (200, "", "malformed_response")]
    {
        let server = serving(move |_, _| Reply::new(status, body));
        let ran = ags(&Tool::in_course(&server), "get", &[]);
        ran.assert_failed(1, kind);
        assert_eq!(ran.error()["status"], status);
    }
}

#[test]
fn create_sends_every_flag_as_its_member_and_prints_what_the_platform_has() {
    let server = serving(|request, _| match &*request.method {
        // An echo, as of Moodle, with what the platform does not hold.
        "POST" => {
            let mut item = request.json();
            item["id"] = json!(format!("http://{}/items/31", request.header("host").unwrap()));
            Reply::new(201, item.to_string())
        }
        _ => Reply::new(200, r#"{"label":"Lab 3","scoreMaximum":20,"tag":"-t"}"#),
    });
    let ran = create(
        &Tool::in_course(&server),
        &[
            "--resource-link-id",
            "rl-1",
            "--resource-id",
            "lab-3",
            "--tag",
            "-t",
            "--start-date-time",
            "2026-03-02T10:00:00+01:00",
            "--end-date-time",
            "2026-03-09T10:00:00.5Z",
            "--grades-released",
            "false",
            "--extension",
            "https://tool.example/?a=b={ \"n\": 1.50 }",
        ],
    );
    let request = &server.service_requests()[0];
    assert_eq!(sent(&server), ["POST /items", "GET /items/31"]);
    assert_eq!(request.header("content-type"), Some("application/vnd.ims.lis.v2.lineitem+json"));
    assert_eq!(
        request.body,
        concat!(
            r#"{"label":"Lab 3","scoreMaximum":20,"resourceLinkId":"rl-1","resourceId":"lab-3","tag":"-t","#,
            r#""startDateTime":"2026-03-02T09:00:00.000Z","endDateTime":"2026-03-09T10:00:00.500Z","#,
            r#""gradesReleased":false,"https://tool.example/?a=b":{"n":1.50}}"#
        )
    );
    let id = server.url("/items/31");
    assert_eq!(ran.json(), json!({"id": id, "label": "Lab 3", "scoreMaximum": 20, "tag": "-t"}));
    let note = "resourceLinkId, resourceId, startDateTime, endDateTime, gradesReleased and https://tool.example/?a=b";
    assert!(ran.stderr.contains(note), "{ran:?}");
}

#[test]
fn a_line_item_that_was_created_without_an_id_has_its_location_resolved() {
    for (location, body) in [
        ("items/31?x=1", ITEM),
        ("/items/31?x=1", ""),
        ("//127.0.0.1:PORT/items/31?x=1", ""),
        ("http://127.0.0.1:PORT/items/31?x=1", ITEM),
    ] {
        let server = serving(move |request, _| match &*request.method {
            "POST" => {
                let port = request.header("host").unwrap().rsplit(':').next().unwrap();
                Reply::new(201, body).header("location", location.replace("PORT", port))
            }
            _ => Reply::new(200, ITEM),
        });
        let ran = create(&Tool::in_course(&server), &[]);
        assert_eq!((ran.code, ran.stdout), (0, printed(&server.url("/items/31?x=1"))), "{location}");
        assert_eq!(sent(&server), ["POST /items", "GET /items/31?x=1"]);
    }
}

#[test]
fn a_creation_does_not_fail_because_its_line_item_cannot_be_read_again() {
    let server = serving(|request, _| match &*request.method {
        "POST" => Reply::new(201, ITEM).header("location", "/items/31"),
        _ => Reply::new(404, ""),
    });
    let ran = create(&Tool::in_course(&server), &[]);
    assert_eq!((ran.code, ran.stdout), (0, printed(&server.url("/items/31"))));
    assert!(ran.stderr.starts_with("ags: note: the line item was created"), "{}", ran.stderr);
}

#[test]
fn a_creation_is_sent_again_only_when_the_first_try_was_certainly_not_acted_on() {
    let server = serving(|request, before| match (&*request.method, before) {
        ("POST", 0) => Reply::new(429, "").header("retry-after", "0"),
        ("POST", _) => Reply::new(201, ITEM).header("location", "/items/31"),
        _ => Reply::new(200, ITEM),
    });
    assert_eq!(create(&Tool::in_course(&server), &[]).code, 0);
    assert_eq!(sent(&server), ["POST /items", "POST /items", "GET /items/31"]);

    for status in [500, 502, 503, 504] {
        let server = serving(move |_, _| Reply::new(status, ""));
        let ran = create(&Tool::in_course(&server), &[]);
        ran.assert_failed(1, "outcome_unknown");
        assert!(ran.error()["message"].as_str().unwrap().contains("ags line-items ensure"), "{ran:?}");
        assert_eq!((&ran.error()["status"], sent(&server).len()), (&json!(status), 1));
    }
}

#[test]
fn a_refused_creation_has_its_kind() {
    for (status, kind) in [(400, "refused"), (403, "forbidden"), (404, "not_found"), (422, "refused")] {
        let server = serving(move |_, _| Reply::new(status, r#"{"error":"no"}"#));
        let ran = create(&Tool::in_course(&server), &[]);
        ran.assert_failed(1, kind);
        assert_eq!((&ran.error()["status"], sent(&server).len()), (&json!(status), 1));
    }
}

#[test]
fn ensure_prints_the_one_that_matches_exactly_as_it_is() {
    let server = serving(|request, _| {
        let url = |id| format!("http://{}/items/{id}", request.header("host").unwrap());
        let other = json!({"id": url(1), "label": "Lab 3", "scoreMaximum": 20, "resourceId": "LAB-3", "tag": "grade"});
        let match_ =
            json!({"id": url(2), "label": "Lab", "scoreMaximum": 10, "resourceId": "lab-3", "tag": "grade"});
        Reply::new(200, json!([other, match_]).to_string())
    });
    let tool = Tool::in_course(&server);
    let ran = ensure(&tool, &["--resource-id", "lab-3", "--tag", "grade"]);
    let found = json!({"id": server.url("/items/2"), "label": "Lab", "scoreMaximum": 10, "resourceId": "lab-3",
                       "tag": "grade"});
    assert_eq!(ran.json(), found);
    assert_eq!(ran.stderr.lines().count(), 1);
    assert!(ran.stderr.contains("label and scoreMaximum"), "{ran:?}");
    assert_eq!(sent(&server), ["GET /items?resource_id=lab-3&tag=grade"]);

    let same = ["line-items", "ensure", "--label", "Lab", "--score-maximum", "10", "--resource-id", "lab-3"];
    let ran = tool.run(&same);
    assert!(ran.stdout.starts_with("It was there already: Lab, out of 10\n"), "{ran:?}");
    assert_eq!(ran.stderr, "");
}

#[test]
fn ensure_creates_where_nothing_matches() {
    let server = serving(|request, _| match (&*request.method, &*request.path) {
        ("POST", _) => Reply::new(201, ITEM).header("location", "/items/31"),
        ("GET", "/items/31") => Reply::new(200, ITEM),
        _ => Reply::new(200, format!("[{}]", ITEM.replace("lab-3", "lab-33"))),
    });
    let ran = ensure(&Tool::in_course(&server), &["--resource-id", "lab-3"]);
    assert_eq!((ran.code, &*ran.stderr, ran.stdout), (0, "", printed(&server.url("/items/31"))));
    assert_eq!(sent(&server), ["GET /items?resource_id=lab-3", "POST /items", "GET /items/31"]);
}

#[test]
fn ensure_looks_again_after_an_unknown_outcome_and_creates_once() {
    for lands in [true, false] {
        let server = serving(move |request, before| match (&*request.method, before) {
            ("POST", _) => Reply::new(502, ""),
            (_, 0) => Reply::new(200, "[]"),
            _ if lands => {
                let id = format!("\"id\":\"http://{}/items/31\"", request.header("host").unwrap());
                Reply::new(200, format!("[{}]", ITEM.replacen('{', &format!("{{{id},"), 1)))
            }
            _ => Reply::new(200, "[]"),
        });
        let ran = ensure(&Tool::in_course(&server), &["--resource-id", "lab-3"]);
        let posts = sent(&server).iter().filter(|request| request.starts_with("POST")).count();
        assert_eq!(posts, 1, "{ran:?}");
        if lands {
            assert_eq!((ran.code, ran.stdout), (0, printed(&server.url("/items/31"))));
        } else {
            ran.assert_failed(1, "outcome_unknown");
        }
    }
}

#[test]
fn several_matches_are_ambiguous() {
    let server = serving(|_, _| {
        Reply::new(
            200,
            r#"[{"id":"https://lms.example/1","label":"a","scoreMaximum":1,"tag":"t"},
                {"id":"https://lms.example/2","label":"b","scoreMaximum":1,"tag":"t"}]"#,
        )
    });
    let ran = ensure(&Tool::in_course(&server), &["--tag", "t"]);
    ran.assert_failed(1, "ambiguous_line_item");
    assert!(ran.error()["message"].as_str().unwrap().contains("https://lms.example/2"));
    assert_eq!(sent(&server), ["GET /items?tag=t"]);
}

/// A platform with one line item, which it keeps as it is put.
fn keeping(item: &str) -> Server {
    let held = std::sync::Mutex::new(item.to_owned());
    serving(move |request, _| {
        let mut held = held.lock().unwrap();
        if request.method == "PUT" {
            held.clone_from(&request.body);
        }
        Reply::new(200, held.clone())
    })
}

#[test]
fn update_reads_changes_writes_back_and_loses_nothing() {
    let server = keeping(ITEM);
    let tool = Tool::in_course(&server);
    let ran = ags(
        &tool,
        "update",
        &["--label", "Lab 3b", "--grades-released", "true", "--extension", "https://tool.example/y=[ 1 ]"],
    );
    let expected = printed("ID")
        .replace("Lab 3", "Lab 3b")
        .replace("false", "true")
        .replace("}}\n", "},\"https://tool.example/y\":[1]}\n");
    // The platform's own null goes back, and is not printed.
    let body = expected
        .replace(r#""id":"ID","#, "")
        .replace(r#","https://lms"#, r#","ltiLinkId":null,"https://lms"#);
    assert_eq!(server.service_requests()[1].body, body.trim_end());
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    assert_eq!(ran.stdout, expected.replace("ID", &server.url("/items/9")));
    assert_eq!(sent(&server), ["GET /items/9", "PUT /items/9", "GET /items/9"]);
}

#[test]
fn an_empty_value_unsets_the_member() {
    let full = concat!(
        r#"{"id":"ID","label":"a","scoreMaximum":1,"resourceLinkId":"rl","resourceId":"r","tag":"t","#,
        r#""startDateTime":"2026-03-02T09:00:00Z","endDateTime":"2026-03-02T10:00:00Z","gradesReleased":true,"#,
        r#""https://tool.example/x":1,"https://tool.example/y":2}"#
    );
    for (flag, value, member) in [
        ("--resource-link-id", "", "resourceLinkId"),
        ("--resource-id", "", "resourceId"),
        ("--tag", "", "tag"),
        ("--tag", " ", "tag"),
        ("--start-date-time", "", "startDateTime"),
        ("--end-date-time", "", "endDateTime"),
        ("--grades-released", "", "gradesReleased"),
        ("--extension", "https://tool.example/x=", "https://tool.example/x"),
    ] {
        let server = keeping(full);
        let url = server.url("/items/31");
        let ran = ags(&Tool::in_course(&server), "update", &[&url, flag, value]);
        let mut expected: Value = serde_json::from_str(full).unwrap();
        expected.as_object_mut().unwrap().remove(member).unwrap();
        expected["id"] = json!(url);
        assert_eq!((ran.json(), &*ran.stderr), (expected, ""), "{flag}");
        assert!(server.service_requests()[1].json().get(member).is_none(), "{flag}");
    }
}

#[test]
fn update_prints_what_the_platform_made_of_it() {
    let server = serving(|_, _| Reply::new(200, ITEM));
    let ran =
        Tool::in_course(&server).run(&["line-items", "update", "--score-maximum", "80", "--tag", "grade"]);
    assert!(ran.stdout.starts_with("Updated: Lab 3, out of 20\n"), "{ran:?}");
    assert_eq!(ran.stderr, "ags: note: the platform does not have it with the scoreMaximum asked for\n");
}

#[test]
fn delete_tells_what_it_deleted() {
    let server = serving(|_, _| Reply::new(204, ""));
    let tool = Tool::in_course(&server);
    let url = server.url("/items/12/lineitem?type_id=1");
    let ran = ags(&tool, "delete", &[&url]);
    assert_eq!((ran.code, ran.stdout), (0, format!("{{\"deleted\":\"{url}\"}}\n")));
    assert_eq!(tool.run(&["line-items", "delete", &url]).stdout, format!("Deleted: {url}\n"));
    let request = "DELETE /items/12/lineitem?type_id=1";
    assert_eq!(sent(&server), [request, request]);
}

#[test]
fn the_launchs_own_line_item_is_deleted_by_force_alone() {
    let server = serving(|_, _| Reply::new(204, ""));
    let tool = Tool::in_course(&server);
    let own = server.url("/items/9");
    let ran = ags(&tool, "delete", &[&own]);
    ran.assert_failed(1, "coupled_line_item");
    assert!(ran.error()["message"].as_str().unwrap().contains("--force"));
    assert!(ran.error().get("status").is_none());
    assert_eq!(server.requests().len(), 0);
    assert_eq!(ags(&tool, "delete", &[&own, "--force"]).json()["deleted"], own);
    assert_eq!(sent(&server), ["DELETE /items/9"]);
}

#[test]
fn a_line_item_that_the_platform_keeps_is_coupled() {
    for (status, kind) in [(403, "coupled_line_item"), (405, "coupled_line_item"), (404, "not_found")] {
        let server = serving(move |_, _| Reply::new(status, ""));
        let ran = ags(&Tool::in_course(&server), "delete", &[&server.url("/items/31"), "--force"]);
        ran.assert_failed(1, kind);
        assert_eq!(ran.error()["status"], status);
        assert!(!ran.error()["message"].as_str().unwrap().contains("--force"));
    }
}

#[test]
fn a_url_on_the_command_line_is_trusted_only_where_no_other_is_known() {
    let other = serving(
        |request, _| {
            if request.method == "DELETE" { Reply::new(204, "") } else { Reply::new(200, ITEM) }
        },
    );
    let server = serving(|_, _| Reply::new(200, ""));
    let url = other.url("/items/3");
    let commands: [(&str, &[&str]); 3] =
        [("get", &[&url]), ("update", &[&url, "--label", "Lab 3"]), ("delete", &[&url])];
    for (command, flags) in commands {
        ags(&Tool::in_course(&server), command, flags).assert_failed(1, "foreign_origin");
        assert_eq!((server.requests().len(), other.requests().len()), (0, 0));
    }
    for (command, flags) in commands {
        // It is not the launch's own for that: deleting it needs no force.
        assert_eq!(ags(&Tool::configured(&server, ""), command, flags).code, 0, "{command}");
    }
    assert_eq!(other.requests().len(), 5);
}

#[test]
fn what_the_launch_does_not_offer_is_known_before_anything_is_sent() {
    let server = serving(|_, _| Reply::new(200, "[]"));
    let no_container = Tool::at(&server);
    for ran in [
        ags(&no_container, "list", &[]),
        create(&no_container, &[]),
        ensure(&no_container, &["--tag", "t"]),
        ags(&Tool::configured(&server, ""), "get", &[]),
        ags(&Tool::configured(&server, ""), "update", &["--label", "x"]),
    ] {
        ran.assert_failed(1, "service_not_available");
    }
    let readonly = "scope = [\"https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly\"]\n";
    let tool = Tool::in_course_with(&server, readonly);
    create(&tool, &[]).assert_failed(1, "missing_scope");
    ags(&tool, "delete", &[&server.url("/items/31")]).assert_failed(1, "missing_scope");
    assert_eq!(server.requests().len(), 0);
    assert_eq!(ags(&tool, "list", &[]).code, 0);
}
