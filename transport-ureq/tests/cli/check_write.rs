//! `ags check --write`: the line item that it makes does not stay, whatever happens.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, mpsc};

use lti_ags_testing::{Platform, Route, Script, Service};
use serde_json::Value;

use crate::check::{assert_says, finding};
use crate::platform::folder;
use crate::server::{Reply, Server};
use crate::tool::{Tool, signal};

/// What the platform holds in the end.
fn labels(platform: &Platform) -> Vec<String> {
    platform.gradebook().line_items().iter().map(|item| item.label.clone()).collect()
}

#[test]
fn a_line_item_is_deleted_again_whatever_fails() {
    let steps: [(Route, Script, &str); 5] = [
        // Its answer was lost, and so it is not known whether there is one.
        (Route::LineItems, Script::reset_after_acting(), "create"),
        (Route::LineItems, Script::reply(502).after_acting(), "create"),
        (Route::LineItem, Script::reply(500).times(2), "get"),
        (Route::LineItems, Script::normal().then(Script::reply(404)), "find"),
        (Route::LineItem, Script::normal().times(2).then(Script::reply(400)), "update"),
    ];
    for (route, script, check) in steps {
        let platform = Platform::start();
        let tool = folder(&platform);
        let before = labels(&platform);
        platform.script(route, script);
        let ran = tool.run(&["check", "--write", "--json"]);
        assert!(!finding(&ran, check).0, "{check}: {ran:?}");
        assert_says(&ran, "delete", true, &["gone"]);
        assert_eq!(labels(&platform), before, "{check}: {ran:?}");
        assert!(platform.gradebook().line_items().iter().all(|item| item.tag.is_none()));
    }
}

#[test]
fn what_cannot_be_deleted_is_named_for_a_person_to_delete() {
    let platform = Platform::start();
    let tool = folder(&platform);
    // The creation, a look, and a change are let through.
    platform.script(Route::LineItem, Script::normal().times(4).then(Script::reply(403).times(9)));
    let ran = tool.run(&["check", "--write", "--json"]);
    let left = platform.gradebook().line_items().last().unwrap().clone();
    assert_says(&ran, "delete", false, &["by hand", left.resource_id.as_deref().unwrap()]);
}

/// A platform that answers a creation with one URL and has the line item at another.
fn moving(items: &Arc<Mutex<Vec<Value>>>, created_at: &'static str, then_at: &'static str) -> Server {
    let items = Arc::clone(items);
    Server::start(move |request, _| {
        let place = |path: &str| path.replace("HOST", request.header("host").unwrap());
        let mut items = items.lock().unwrap();
        let path = request.path.split('?').next().unwrap_or_default();
        match (&*request.method, path) {
            (_, "/token") => Reply::token(),
            ("POST", "/items") => {
                let mut item = request.json();
                item["id"] = place(then_at).into();
                items.push(item.clone());
                item["id"] = place(created_at).into();
                Reply::new(201, item.to_string())
            }
            ("GET", "/items") => Reply::new(200, Value::from(items.clone()).to_string()),
            ("GET", "/moved/1" | "/items/1") => match items.first() {
                Some(item) => Reply::new(200, item.to_string()),
                None => Reply::new(404, ""),
            },
            ("PUT", "/moved/1") => Reply::new(200, request.body.clone()),
            ("DELETE", "/moved/1") if !items.is_empty() => {
                items.clear();
                Reply::new(204, "")
            }
            _ => Reply::new(404, ""),
        }
    })
}

#[test]
fn a_line_item_that_the_platform_moved_is_found_and_deleted() {
    for (created_at, then_at) in [
        ("http://HOST/items/1", "http://HOST/moved/1"),
        // Behind a proxy, the platform takes itself to be elsewhere.
        ("http://lms.example/moved/1", "http://lms.example/moved/1"),
    ] {
        let items = Arc::default();
        let server = moving(&items, created_at, then_at);
        let ran = Tool::in_course(&server).run(&["check", "--write", "--json"]);
        assert_eq!(items.lock().unwrap().len(), 0, "{ran:?}");
        assert_says(&ran, "get", false, &["new line item"]);
        assert_says(&ran, "delete", true, &["gone"]);
    }
}

#[test]
fn a_platform_that_names_another_line_item_loses_none() {
    for named in ["/items/5", "/items/9"] {
        let server = Server::start(move |request, _| match (&*request.method, &*request.path) {
            (_, "/token") => Reply::token(),
            ("POST", "/items") => Reply::new(201, "").header("location", named),
            ("GET", "/items/5" | "/items/9") => {
                Reply::new(200, r#"{"label":"Exam","scoreMaximum":10,"tag":"exam","resourceId":"e-1"}"#)
            }
            ("GET", _) => Reply::new(200, "[]"),
            ("PUT", _) => Reply::new(403, ""),
            _ => Reply::new(204, ""),
        });
        let ran = Tool::in_course(&server).run(&["check", "--write", "--json"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        let requests = server.service_requests();
        assert!(requests.iter().all(|request| request.method != "DELETE"), "{ran:?}");
        // Nor is it changed.
        assert!(requests.iter().all(|request| request.method != "PUT"), "{ran:?}");
    }
}

#[test]
fn ctrl_c_deletes_it_before_it_ends() {
    let (tell, came) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let platform = Platform::builder()
        .on_exchange(move |exchange| {
            if exchange.method == "POST" && exchange.service == Service::LineItems {
                tell.send(()).unwrap();
                // The answer goes out when the signal has been heard.
                gone.lock().unwrap().recv().unwrap();
            }
        })
        .start();
    let tool = folder(&platform);
    let before = labels(&platform);
    let mut child = tool.spawn(&["check", "--write", "--json"]);
    came.recv().unwrap();
    signal("INT", &child);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.starts_with("ags: note: stopping"), "{line}");
    go.send(()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let mut error = String::new();
    stderr.read_to_string(&mut error).unwrap();
    assert!(error.contains("\"kind\":\"outcome_unknown\""), "{error}");
    assert_eq!(labels(&platform), before);
}

#[test]
fn a_creation_whose_answer_was_lost_is_gone_on_with() {
    let platform = Platform::start();
    let tool = folder(&platform);
    platform.script(Route::LineItems, Script::reset_after_acting());
    let ran = tool.run(&["check", "--write", "--json"]);
    assert_says(&ran, "create", false, &["can be created", "lost"]);
    assert_says(&ran, "update", true, &["can be changed"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// A platform with one line item of the check's own, if it is listed, which refuses to delete it, or only says that it did.
fn keeping(is_listed: bool, create: u16, delete: u16) -> (Server, Arc<Mutex<Vec<Value>>>) {
    let items: Arc<Mutex<Vec<Value>>> = Arc::default();
    let held = Arc::clone(&items);
    let server = Server::start(move |request, _| {
        let mut items = held.lock().unwrap();
        let url = format!("http://{}/items/1", request.header("host").unwrap());
        let path = request.path.split('?').next().unwrap_or_default();
        match (&*request.method, path) {
            (_, "/token") => Reply::token(),
            ("POST" | "PUT", _) => {
                let mut item = request.json();
                item["id"] = url.into();
                *items = vec![item.clone()];
                Reply::new(if request.method == "POST" { create } else { 200 }, item.to_string())
            }
            ("DELETE", _) => Reply::new(delete, "user u-1001 may not"),
            ("GET", "/items") if is_listed => Reply::new(200, Value::from(items.clone()).to_string()),
            ("GET", "/items") => Reply::new(200, "[]"),
            ("GET", "/items/1") => Reply::new(200, items[0].to_string()),
            _ => Reply::new(404, ""),
        }
    });
    (server, items)
}

#[test]
fn what_stays_is_named_as_it_is_called_there() {
    for (is_listed, create, delete, words) in
        [(true, 201, 403, "403"), (true, 201, 204, "lists it all the same"), (false, 502, 204, "not listed")]
    {
        let (server, items) = keeping(is_listed, create, delete);
        let ran = Tool::in_course(&server).run(&["check", "--write", "--json"]);
        let item = items.lock().unwrap()[0].clone();
        let (label, resource_id) = (item["label"].to_string(), item["resourceId"].as_str().unwrap());
        assert_says(&ran, "delete", false, &["by hand", &label, resource_id, words]);
        if is_listed {
            assert_says(&ran, "delete", false, &["ags check, changed", item["id"].as_str().unwrap()]);
        } else {
            assert_says(&ran, "create", false, &["not known"]);
        }
        assert!(!ran.stdout.contains("u-1001"), "{ran:?}");
    }
}
