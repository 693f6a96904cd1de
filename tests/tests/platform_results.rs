//! The results service, as the specification has it, over real HTTP.

mod support;

use lti_ags_testing::names::MEDIA_RESULTS;
use lti_ags_testing::{LineItem, Platform};
use serde_json::json;
use support::{Answer, at, builder, get, link, platform, post, rules, score, token};

fn results(platform: &Platform, token: &str, query: &str) -> Answer {
    get(platform, token, &format!("{}/results{query}", platform.line_item_url()), MEDIA_RESULTS)
}

#[test]
fn results_are_scaled_and_one_has_a_url_of_its_own() {
    // AGS-RESULT-02, AGS-RESULT-04, AGS-RESULT-05
    let platform = platform();
    let token = token(&platform);
    post(&platform, &token, &score(17.5, 0).to_string());
    let cleared = json!({
        "userId": "u-1002", "activityProgress": "Initialized", "gradingProgress": "NotReady", "timestamp": at(0),
    });
    post(&platform, &token, &cleared.to_string());
    let answer = results(&platform, &token, "");
    let url = platform.line_item_url();
    let first = json!({
        "id": format!("{url}/results/u-1001"), "scoreOf": url, "userId": "u-1001", "resultScore": 87.5,
        "resultMaximum": 100, "comment": "Clear plots.",
    });
    let second = json!({
        "id": format!("{url}/results/u-1002"), "scoreOf": url, "userId": "u-1002", "resultMaximum": 100,
    });
    assert_eq!((answer.status, answer.json()), (200, json!([first, second])));
    assert_eq!(results(&platform, &token, "?user_id=u-1001").json(), json!([first]));
    assert_eq!(results(&platform, &token, "?user_id=u-1003").json(), json!([]));
    let one = get(&platform, &token, first["id"].as_str().unwrap(), MEDIA_RESULTS);
    assert_eq!(one.json(), first);
    assert_eq!(results(&platform, &token, "/u-1003").status, 404);
    platform.assert_no_violations();
}

#[test]
fn the_line_items_query_stays_in_the_results_url() {
    // AGS-URL-01, AGS-URL-04
    let item = LineItem::new("li-1", 20.0).at("/88/lineitems/12/lineitem?type_id=1");
    let platform = builder().line_item(item).results_for("li-1", 3).start();
    let token = token(&platform);
    let read = |target: &str| {
        let url = format!("{}/88/lineitems/12/lineitem{target}", platform.base_url());
        get(&platform, &token, &url, MEDIA_RESULTS)
    };
    let pages = read("/results?type_id=1&limit=2");
    let rest = get(&platform, &token, &link(&pages, "next").unwrap(), MEDIA_RESULTS);
    assert_eq!((pages.json().as_array().unwrap().len(), rest.json().as_array().unwrap().len()), (2, 1));
    let id = rest.json()[0]["id"].as_str().unwrap().to_owned();
    assert!(id.ends_with("/results/1000003?type_id=1"), "{id}");
    platform.assert_no_violations();
    assert_eq!(read("/results").status, 404);
    assert_eq!(rules(&platform), ["AGS-URL-04"]);
}

#[test]
fn a_million_results_come_in_pages() {
    let platform = builder().results_for("li-1", 1_000_000).page_size(1000, 1000).ledger_limit(10).start();
    let token = token(&platform);
    let mut url = format!("{}/results", platform.line_item_url());
    let (mut pages, mut bytes) = (0, 0);
    let mut connection = support::Connection::open(&platform);
    loop {
        let target = url.strip_prefix(&platform.base_url()).unwrap();
        let headers = support::reading(&token, MEDIA_RESULTS);
        let answer = connection.send("GET", target, &headers, "").unwrap();
        pages += 1;
        bytes += answer.body.len();
        match link(&answer, "next") {
            Some(next) => url = next,
            None => break,
        }
    }
    assert_eq!((pages, platform.ledger().len()), (1000, 10));
    assert!(bytes > 100_000_000);
    platform.assert_no_violations();
}
