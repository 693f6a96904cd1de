//! `ags line-items list` and `ags results list`: all pages, as they come.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use serde_json::json;

use crate::server::{Reply, Request, Server, TOKEN};
use crate::tool::Tool;

fn item(id: u32) -> String {
    format!(r#"{{"id":"https://lms.example/li/{id}","label":"Lab {id}","scoreMaximum":{id}0}}"#)
}

/// A list of pages at `?page=2` and so on; the number of the page is the function's.
fn paged(page: impl Fn(usize) -> Reply + Send + 'static) -> Server {
    Server::start(move |request, _| if request.is_token() { Reply::token() } else { page(number(request)) })
}

fn number(request: &Request) -> usize {
    request.path.split_once("page=").map_or(1, |(_, number)| number.parse().unwrap())
}

fn next(reply: Reply, page: usize) -> Reply {
    reply.header("link", format!("</items?page={page}>; rel=\"next\""))
}

#[test]
fn all_pages_are_followed_and_the_limit_is_a_hint() {
    let server = paged(|page| {
        let reply = Reply::new(200, format!("[{}]", item(u32::try_from(page).unwrap())));
        if page < 3 { next(reply, page + 1) } else { reply }
    });
    let ran = Tool::in_course(&server).run(&["line-items", "list", "--json", "--limit", "50"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.stdout, [1, 2, 3].map(|id| item(id) + "\n").concat());
    let requests = server.service_requests();
    let paths: Vec<_> = requests.iter().map(|request| &*request.path).collect();
    assert_eq!(paths, ["/items?limit=50", "/items?page=2", "/items?page=3"]);
    assert_eq!(requests[2].header("accept"), Some("application/vnd.ims.lis.v2.lineitemcontainer+json"));
}

#[test]
fn filters_are_sent_and_what_comes_back_is_filtered_again() {
    let server = Server::answering(Reply::new(
        200,
        r#"[{"id":"https://a.example/1","scoreMaximum":1,"tag":"a b","resourceId":"r","resourceLinkId":"7"},
            {"id":"https://a.example/2","scoreMaximum":1,"tag":"A b","resourceId":"r","resourceLinkId":"7"},
            {"id":"https://a.example/3","scoreMaximum":1,"tag":"a b","resourceId":"r","resourceLinkId":7},
            {"id":"https://a.example/4","scoreMaximum":1,"tag":"a b","resourceLinkId":"7"}]"#,
    ));
    let filters = ["--tag", "a b", "--resource-id", "r", "--resource-link-id", "7"];
    let ran = Tool::in_course(&server).run(&[&["line-items", "list", "--json"][..], &filters].concat());
    let ids: Vec<_> = ran.lines().iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, ["https://a.example/1", "https://a.example/3"]);
    assert_eq!(server.service_requests()[0].path, "/items?resource_link_id=7&resource_id=r&tag=a%20b");
}

#[test]
fn a_failure_on_a_later_page_comes_behind_what_was_read() {
    let failures: [(u16, &'static str, &str); 4] = [
        (404, "", "not_found"),
        (200, "[{\"label\":", "malformed_response"),
        (200, "<html>", "malformed_response"),
        (503, "", "server_error"),
    ];
    for (status, body, kind) in failures {
        let server = paged(move |page| match page {
            3 => Reply::new(status, body).header("retry-after", "0"),
            _ => next(Reply::new(200, format!("[{}]", item(u32::try_from(page).unwrap()))), page + 1),
        });
        let tool = Tool::in_course_with(&server, "[policy]\nmax_attempts = 2\n");
        let ran = tool.run(&["line-items", "list", "--json"]);
        assert_eq!((ran.code, &*ran.stdout), (1, &*[1, 2].map(|id| item(id) + "\n").concat()), "{ran:?}");
        assert_eq!((&ran.last_error()["kind"], &ran.last_error()["status"]), (&json!(kind), &json!(status)));
        let ran = tool.run(&["line-items", "list"]);
        assert_eq!((ran.code, ran.stdout.lines().count()), (1, 3), "{ran:?}");
        assert!(ran.stderr.starts_with("ags: list line items: "), "{ran:?}");
    }
}

#[test]
fn pages_in_a_circle_and_too_many_of_them_are_errors() {
    let server =
        paged(|page| next(Reply::new(200, format!("[{}]", item(u32::try_from(page).unwrap()))), 3 - page));
    let ran = Tool::in_course(&server).run(&["line-items", "list", "--json"]);
    assert_eq!((ran.code, &ran.last_error()["kind"]), (1, &json!("page_loop")), "{ran:?}");

    let endless =
        paged(|page| next(Reply::new(200, format!("[{}]", item(u32::try_from(page).unwrap()))), page + 1));
    let tool = Tool::in_course_with(&endless, "[policy]\nmax_pages = 4\n");
    let ran = tool.run(&["line-items", "list", "--json"]);
    assert_eq!((ran.code, ran.lines().len(), endless.service_requests().len()), (1, 4, 4));
    assert_eq!(ran.last_error()["kind"], "too_many_pages");
    assert!(ran.last_error()["message"].as_str().unwrap().contains("max_pages"));
}

#[test]
fn the_token_goes_to_no_foreign_page() {
    let other = Server::willing();
    let foreign = format!("<{}>; rel=\"next\"", other.url("/items?page=2"));
    let server = Server::answering(Reply::new(200, format!("[{}]", item(1))).header("link", foreign));
    let ran = Tool::in_course(&server).run(&["line-items", "list", "--json"]);
    assert_eq!((ran.code, &ran.last_error()["kind"]), (1, &json!("foreign_origin")));
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn a_page_is_written_before_the_next_one_is_asked_for() {
    let (allow, allowed) = mpsc::channel::<()>();
    let server = paged(move |page| {
        if page == 1 {
            return next(Reply::new(200, format!("[{},{}]", item(1), item(2))), 2);
        }
        allowed.recv().unwrap();
        Reply::new(200, format!("[{}]", item(3)))
    });
    let tool = Tool::in_course(&server);
    let mut child = Command::new(env!("CARGO_BIN_EXE_ags"))
        .args(["line-items", "list", "--json"])
        .current_dir(&tool.folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The second page is not answered before both are read.
    assert_eq!(lines.next().unwrap().unwrap(), item(1));
    assert_eq!(lines.next().unwrap().unwrap(), item(2));
    allow.send(()).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), item(3));
    assert!(lines.next().is_none() && child.wait().unwrap().success());
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_list() {
    let server =
        paged(|page| next(Reply::new(200, format!("[{}]", item(u32::try_from(page).unwrap()))), page + 1));
    let tool = Tool::in_course(&server);
    let mut child = Command::new(env!("CARGO_BIN_EXE_ags"))
        .args(["line-items", "list", "--json"])
        .current_dir(&tool.folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(server.service_requests().len() < 900);
}

#[test]
fn people_read_a_table() {
    let server = paged(|page| match page {
        1 => next(
            Reply::new(
                200,
                r#"[{"id":"https://lms.example/1","label":"Lab \u001b[31m1","scoreMaximum":20,"tag":"grade"},
                    {"id":"https://lms.example/2","label":"試験","scoreMaximum":7.5,"resourceId":"q-9"}]"#,
            ),
            2,
        ),
        _ => Reply::new(200, format!(r#"[{{"label":"{}","scoreMaximum":1}}]"#, "long ".repeat(20))),
    });
    let ran = Tool::in_course(&server).run(&["line-items", "list"]);
    let expected = "LABEL  MAXIMUM  RESOURCE ID  TAG    RESOURCE LINK  URL\n\
                    Lab 1       20  -            grade  -              https://lms.example/1\n\
                    試験       7.5  q-9          -      -              https://lms.example/2\n\
                    long long long long long long long long…        1  -            -      -              -\n";
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, expected, ""));
}

#[test]
fn an_empty_list_is_said_to_people_and_nothing_to_programs() {
    let server = Server::answering(Reply::new(200, "[]"));
    let tool = Tool::in_course(&server);
    for (list, words) in
        [("line-items", "There are no line items.\n"), ("results", "There are no results.\n")]
    {
        assert_eq!(tool.run(&[list, "list"]).stdout, words);
        let ran = tool.run(&[list, "list", "--json"]);
        assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "", ""));
    }
}

#[test]
fn results_are_printed_as_they_are_but_for_nulls() {
    let server = Server::answering(Reply::new(
        200,
        r#"[{"id":"https://lms.example/r/1","scoreOf":"https://lms.example/9","userId":1001,"resultScore":"83.330",
             "resultMaximum":100.0,"comment":"","scoringUserId":null,"https://lms.example/x":{"n":1.50,"z":null}},
            {"userId":"u-2","resultScore":null,"comment":"\u001b[1mé\n"},
            {"userId":"u-3","resultScore":0}]"#,
    ));
    let ran = Tool::in_course(&server).run(&["results", "list", "--json"]);
    assert_eq!(
        ran.stdout,
        concat!(
            r#"{"id":"https://lms.example/r/1","scoreOf":"https://lms.example/9","userId":"1001","resultScore":83.33,"#,
            r#""resultMaximum":100,"comment":"","https://lms.example/x":{"n":1.50,"z":null}}"#,
            "\n{\"userId\":\"u-2\",\"comment\":\"\\u001b[1mé\\n\"}\n{\"userId\":\"u-3\",\"resultScore\":0}\n"
        )
    );
    let request = &server.service_requests()[0];
    assert_eq!((&*request.method, &*request.path), ("GET", "/items/9/results"));
    assert_eq!(request.header("accept"), Some("application/vnd.ims.lis.v2.resultcontainer+json"));
    let ran = Tool::in_course(&server).run(&["results", "list"]);
    let expected = "USER  SCORE  MAXIMUM  COMMENT\n1001  83.33      100  -\nu-2       -        1  é\nu-3       0        1  -\n";
    assert_eq!(ran.stdout, expected);
}

#[test]
fn results_of_a_line_item_and_a_user_are_filtered_again() {
    let server = Server::answering(Reply::new(
        200,
        r#"[{"userId":"u-1","resultScore":1},{"userId":"u 2","resultScore":2},{"userId":"u-3"}]"#,
    ));
    let url = server.url("/items/12/lineitem?type_id=1");
    for tool in [Tool::in_course(&server), Tool::configured(&server, "")] {
        let ran =
            tool.run(&["results", "list", "--json", "--line-item", &url, "--user-id", "u 2", "--limit", "5"]);
        assert_eq!(ran.json(), json!({"userId": "u 2", "resultScore": 2}));
    }
    let path = "/items/12/lineitem/results?type_id=1&user_id=u%202&limit=5";
    assert!(server.service_requests().iter().all(|request| request.path == path));
    let other = Server::willing();
    let foreign = ["results", "list", "--json", "--line-item", &other.url("/items/9")];
    Tool::in_course(&server).run(&foreign).assert_failed(1, "foreign_origin");
    Tool::configured(&server, "")
        .run(&["results", "list", "--json"])
        .assert_failed(1, "service_not_available");
}

#[test]
fn a_token_in_a_list_is_not_repeated() {
    let escaped = TOKEN.replace('/', "\\/");
    let body = format!(
        r#"[{{"label":"{TOKEN}","scoreMaximum":1,"tag":"{escaped}","https://a.example/{TOKEN}":"{escaped}"}}]"#
    );
    let server = Server::answering(Reply::new(200, body));
    for arguments in [&["line-items", "list", "--json"][..], &["line-items", "list"]] {
        let ran = Tool::in_course(&server).run(arguments);
        assert!(ran.code == 0 && ran.stdout.contains("[redacted]"), "{ran:?}");
        ran.assert_hides(&[TOKEN, &escaped, "Planted"]);
    }
}
