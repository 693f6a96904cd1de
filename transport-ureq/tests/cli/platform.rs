//! The command as a user meets it: against the embedded platform, in a folder with configuration, key and claims.

use lti_ags_testing::{LineItem, Personality, Platform};
use serde_json::{Value, json};

use crate::tool::Tool;

/// The folder that `ags-platform --write` makes.
pub(crate) fn folder(platform: &Platform) -> Tool {
    let tool = Tool::bare();
    let text = |text: &str| Value::from(text).to_string();
    let configuration = format!(
        "[registration]\nclient_id = {}\ntoken_endpoint = {}\nprivate_key_file = \"tool.pem\"\nkey_id = {}\n\
         issuer = {}\ndeployment_id = {}\naudience = {}\n[endpoint]\nlineitems = {}\nlineitem = {}\n",
        text(&platform.client_id()),
        text(&platform.token_endpoint()),
        text(platform.key_id()),
        text(&platform.issuer()),
        text(&platform.deployment_id()),
        text(&platform.audience()),
        text(&platform.line_items_url()),
        text(&platform.line_item_url()),
    );
    tool.write("ags.toml", &configuration);
    tool.write("tool.pem", platform.private_key_pem());
    tool.write("claims.json", &platform.claims("u-1001").to_string());
    tool
}

#[test]
fn a_token_is_got_and_scores_are_posted_and_cleared() {
    let platform = Platform::start();
    let tool = folder(&platform);
    assert_eq!(tool.run(&["token", "--json"]).json()["granted_scopes"].as_array().unwrap().len(), 4);
    for launch in [&[][..], &["--claims", "claims.json"]] {
        assert_eq!(tool.post(&[&["--json", "--comment", "fine"], launch].concat()).json()["outcome"], "sent");
        let entry = platform.gradebook().result("li-1", "u-1001").unwrap().clone();
        assert_eq!((entry.score, entry.comment.as_deref()), (Some(85.0), Some("fine")));
        let clear = ["scores", "clear", "--user-id", "u-1001", "--json"];
        assert_eq!(tool.run(&[&clear, launch].concat()).json()["outcome"], "sent");
        assert_eq!(platform.gradebook().result("li-1", "u-1001").unwrap().score, None);
    }
    platform.assert_no_violations();
    let old = tool.post(&["--json", "--timestamp", "2020-03-02T09:00:00Z"]);
    old.assert_failed(1, "stale_timestamp");
}

#[test]
fn a_line_item_lives_from_ensure_to_delete() {
    let platform = Platform::builder().line_item(LineItem::new("li-1", 100.0)).page_size(1, 1).start();
    let tool = folder(&platform);
    let lab = ["--label", "Lab 3", "--score-maximum", "20", "--resource-id", "lab-3", "--tag", "grade"];
    let ensure = [&["line-items", "ensure", "--json"], &lab[..]].concat();
    let made = tool.run(&ensure).json();
    assert_eq!((&made["label"], &made["scoreMaximum"]), (&json!("Lab 3"), &json!(20)));
    assert_eq!(tool.run(&ensure).json(), made, "the second time it is found");
    let url = made["id"].as_str().unwrap().to_owned();
    assert_eq!(tool.run(&["line-items", "get", "--json", &url]).json(), made);
    assert_eq!(tool.run(&["line-items", "list", "--json"]).lines().len(), 2);
    assert_eq!(tool.run(&["line-items", "list", "--json", "--tag", "grade"]).json(), made);

    let update = ["line-items", "update", &url, "--json", "--label", "Lab 3 (final)", "--tag", ""];
    let mut expected = made.clone();
    expected["label"] = json!("Lab 3 (final)");
    expected.as_object_mut().unwrap().remove("tag");
    assert_eq!(tool.run(&update).json(), expected);

    for (user_id, given) in [("u-1001", "10"), ("u-1002", "15.5")] {
        let post = ["scores", "post", "--user-id", user_id, "--score-given", given, "--score-maximum", "20"];
        assert_eq!(tool.run(&[&post[..], &["--line-item", &url]].concat()).code, 0);
    }
    let results = tool.run(&["results", "list", "--json", "--line-item", &url]).lines();
    assert_eq!(results.len(), 2);
    let one = tool.run(&["results", "list", "--json", "--line-item", &url, "--user-id", "u-1002"]).json();
    assert_eq!((&one["resultScore"], &one["resultMaximum"]), (&json!(15.5), &json!(20)));

    assert_eq!(tool.run(&["line-items", "delete", "--json", &url]).json(), json!({"deleted": url}));
    tool.run(&["line-items", "get", "--json", &url]).assert_failed(1, "not_found");
    platform.assert_no_violations();
}

#[test]
fn it_works_as_well_on_platforms_that_have_their_own_ways() {
    for personality in Personality::ALL {
        let platform = Platform::builder().like(personality).start();
        let tool = folder(&platform);
        let listed = tool.run(&["line-items", "list", "--json"]);
        assert_eq!(listed.code, 0, "{personality}: {listed:?}");
        let own = tool.run(&["line-items", "get", "--json"]);
        assert_eq!(own.code, 0, "{personality}: {own:?}");
        let results = tool.run(&["results", "list", "--json"]);
        assert_eq!(results.code, 0, "{personality}: {results:?}");
        let lab = ["--label", "Lab 3", "--score-maximum", "20", "--resource-id", "lab-3", "--tag", "grade"];
        let ensure = [&["line-items", "ensure", "--json"], &lab[..]].concat();
        let made = tool.run(&ensure).json();
        let url = made["id"].as_str().unwrap();
        assert_eq!(tool.run(&ensure).json()["id"], url, "{personality}: the second time it is found");
        let updated = tool.run(&["line-items", "update", "--json", url, "--label", "Lab 3 (final)"]).json();
        assert_eq!((&updated["label"], &updated["tag"]), (&json!("Lab 3 (final)"), &json!("grade")));
        let deleted = tool.run(&["line-items", "delete", "--json", url]);
        match personality {
            Personality::OpenEdx => deleted.assert_failed(1, "coupled_line_item"),
            _ => assert_eq!(deleted.json(), json!({"deleted": url}), "{personality}"),
        }
        assert_eq!(platform.violations().len(), 0, "{personality}");
    }
}
