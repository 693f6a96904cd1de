//! `ags check --write` against every platform that is reproduced. What it reports is in `golden/`, to be read by people; with
//! `UPDATE_GOLDEN=1` in the environment, the files are written anew.

use std::path::PathBuf;
use std::{env, fs};

use lti_ags_testing::{LineItem, Personality, Platform, names};
use serde_json::json;

use crate::check::assert_says;
use crate::platform::folder;
use crate::tool::Tool;

/// A course with two columns, and results of two learners, one of whom was told something.
fn course(personality: Personality) -> (Platform, Tool) {
    let platform = Platform::builder()
        .like(personality)
        .line_item(LineItem::new("li-1", 100.0).label("Quiz 1"))
        .line_item(LineItem::new("li-2", 20.0).label("Lab 2").tag("lab").resource_id("lab-2").unlinked())
        .start();
    let tool = folder(&platform);
    let learners = platform.learners();
    for (learner, comment) in [(&learners[0], "Planted comment"), (&learners[1], "Planted too")] {
        let post = ["scores", "post", "--user-id", learner, "--score-given", "8", "--score-maximum", "10"];
        let ran = tool.run(&[&post[..], &["--comment", comment]].concat());
        assert_eq!(ran.code, 0, "{personality}: {ran:?}");
    }
    (platform, tool)
}

fn golden(personality: Personality) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/cli/golden", &format!("{personality}.txt")].iter().collect()
}

#[test]
fn each_platform_is_reported_as_its_golden_file_has_it() {
    for personality in Personality::ALL {
        let (platform, tool) = course(personality);
        let before = platform.gradebook();
        let ran = tool.run(&["check", "--write"]);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{personality}: {ran:?}");
        let report = ran.stdout.replace(&platform.address().port().to_string(), "PORT");
        let path = golden(personality);
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &report).unwrap();
        }
        assert_eq!(report, fs::read_to_string(&path).unwrap_or_default(), "{personality}");

        ran.assert_hides(&["Planted", "eyJ"]);
        // Short ids are numbers like any other.
        for learner in platform.learners().iter().filter(|learner| learner.len() > 5) {
            assert!(!ran.stdout.contains(&**learner), "{personality}: {ran:?}");
        }
        let ids = |book: &lti_ags_testing::Gradebook| {
            book.line_items().iter().map(|item| item.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&platform.gradebook()), ids(&before), "{personality}: nothing is left behind");
        platform.assert_no_violations();
    }
}

/// Open edX: its words are those of the block's settings in its Studio.
#[test]
fn where_a_platform_is_set_up_is_named_in_its_own_words() {
    let platform = Platform::builder().like(Personality::OpenEdx).start();
    let tool = folder(&platform);
    let ran = tool.run(&["check", "--json"]);
    assert_says(&ran, "delete", false, &["Open edX lets no tool delete a line item", "stays"]);

    let mut claims = platform.claims(&platform.learners()[0]);
    claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]["scope"] = json!([names::SCOPE_SCORE]);
    tool.write("claims.json", &claims.to_string());
    let ran = tool.run(&["check", "--write", "--json", "--claims", "claims.json"]);
    assert_says(&ran, "create", true, &["Not tried", "Programmatic: line items, too"]);
    assert!(!ran.stdout.contains(r#""check":"delete""#), "{ran:?}");

    tool.write("tool.pem", &crate::tool::KEY);
    let ran = tool.run(&["check", "--json"]);
    let words =
        ["neither client id, key id nor audience", "Tool Public Key", "Tool Keyset URL", "RS256 and RS512"];
    assert_says(&ran, "token", false, &words);
}
