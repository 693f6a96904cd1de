//! `ags check` against Open edX. What an administrator reads there is in `golden/`, to be read by people; with
//! `UPDATE_GOLDEN=1` in the environment, the files are written anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, process};

use lti_ags::{CreateLineItem, NewLineItem, Score};
use lti_ags_testing::ToolKey;
use serde_json::{Value, json};

use crate::campus::{Course, Opened};
use crate::common::OverUreq;
use crate::open_edx::OPEN_EDX;

/// A folder of its own, with what an administrator configures, and the claims of a launch; removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, opened: &Opened, key: &ToolKey) -> Self {
        let folder = Self(env::temp_dir().join(format!("ags-check-{}-{name}", process::id())));
        let text = |value: &str| Value::from(value).to_string();
        let mut configuration = format!(
            "[registration]\nclient_id = {}\ntoken_endpoint = {}\nprivate_key_file = \"tool.pem\"\nkey_id = {}\n\
             algorithm = {}\n",
            text(&opened.client_id),
            text(&opened.token_endpoint),
            text(key.id()),
            key.public_jwk()["alg"],
        );
        if let Some(endpoint) = opened.claims.get("https://purl.imsglobal.org/spec/lti-ags/claim/endpoint") {
            let urls = format!(
                "[endpoint]\nlineitems = {}\nlineitem = {}\n",
                endpoint["lineitems"], endpoint["lineitem"]
            );
            configuration.push_str(&urls);
        }
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(folder.0.join("ags.toml"), configuration).unwrap();
        fs::write(folder.0.join("tool.pem"), key.private_key_pem()).unwrap();
        fs::write(folder.0.join("claims.json"), opened.claims.to_string()).unwrap();
        folder
    }

    /// What stands on the terminal in the end, without what is another in each run.
    fn terminal(&self, opened: &Opened, line: &str) -> String {
        let program = env::var_os("LTI_AGS_INTEROP_AGS").expect("LTI_AGS_INTEROP_AGS is set by run.sh");
        let output = Command::new(program)
            .args(line.split(' '))
            .current_dir(&self.0)
            .env_remove("AGS_CONFIG")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let (_, passport) = opened.token_endpoint.rsplit_once('/').unwrap();
        let told = told
            .replace(&OPEN_EDX.url(), "http://127.0.0.1:PORT")
            .replace(passport, "PASSPORT")
            .replace(&opened.client_id, "CLIENT");
        format!("$ ags {line}\n{told}=> {}\n", output.status.code().unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs the command, line by line, for a tool with this key; each line's output and exit code are in the golden file.
#[track_caller]
fn is_golden(name: &str, opened: &Opened, key: &ToolKey, lines: &[&str]) {
    let folder = Folder::new(name, opened, key);
    let reports: Vec<String> = lines.iter().map(|line| folder.terminal(opened, line)).collect();
    let report = reports.join("\n");
    for secret in ["Planted", "eyJ"].into_iter().chain(opened.learners.iter().map(|id| &**id)) {
        assert!(!report.contains(secret), "{report}");
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../transport-ureq/tests/cli/golden");
    let golden = golden.join(format!("open-edx-11.4.4-{name}.txt"));
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &report).unwrap();
    }
    assert_eq!(report, fs::read_to_string(&golden).unwrap_or_default(), "{name}");
}

/// A unit with results of two learners, who were told something.
fn unit(mode: &str) -> Course<OverUreq> {
    let course = Course::with(OPEN_EDX, json!({"mode": mode}));
    for (at, comment) in [(0, "Planted comment"), (1, "Planted too")] {
        course.post(Score::graded(course.learner(at), 8.0, 10.0).comment(comment)).unwrap();
    }
    course
}

#[test]
#[ignore = "needs a platform, which tests/interop/run.sh starts"]
fn a_unit_is_reported_and_left_as_it_was() {
    for (name, mode, lines) in [
        ("programmatic", "programmatic", &["check", "check --write"][..]),
        ("declarative", "declarative", &["check --write --claims claims.json"]),
    ] {
        let course = unit(mode);
        if mode == "programmatic" {
            let lab = NewLineItem::new("Lab 2", 20.0).unwrap().with_resource_id("lab-2").with_tag("lab");
            course.call(CreateLineItem::new(lab)).unwrap();
        }
        let (grades, exchanges) = (course.grades(), course.exchanges().len());
        is_golden(name, &course.opened, ToolKey::shared(), lines);
        assert_eq!(course.grades(), grades, "{name}");
        // Nothing is made that could not be deleted again.
        let only_reads = |line: &String| line.starts_with("GET ") || line.starts_with("POST token ");
        assert!(
            course.exchanges().iter().skip(exchanges).all(only_reads),
            "{name}: {:?}",
            course.exchanges()
        );
    }
}

#[test]
#[ignore = "needs a platform, which tests/interop/run.sh starts"]
fn what_is_set_up_wrongly_is_named() {
    let open = |mode: &str| OPEN_EDX.open(ToolKey::shared(), json!({"mode": mode}));
    is_golden("disabled", &open("disabled"), ToolKey::shared(), &["check --claims claims.json"]);
    let another = ToolKey::rsa("tool-key-1").unwrap();
    is_golden("another-key", &open("programmatic"), &another, &["check"]);
    is_golden("elliptic-key", &open("programmatic"), &ToolKey::p256("tool-key-2").unwrap(), &["check"]);
    let mut nowhere = open("programmatic");
    nowhere.token_endpoint =
        format!("{}/api/lti_consumer/v1/token/{}", OPEN_EDX.url(), "00000000-0000-4000-8000-000000000000");
    is_golden("another-passport", &nowhere, ToolKey::shared(), &["check"]);
}
