//! `ags scores sync --journal`: a run that goes on where another one stood, and journals that are refused.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;

use lti_ags_testing::{Personality, Platform, Route, Script};
use lti_ags_ureq::{
    Client, Endpoint, JournalFile, JournalHeader, Passback, Policy, Registration, Score, SigningKey,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::platform::folder;
use crate::server::{Reply, Server};
use crate::sync::{arrivals, grades, outcomes, rows, summary, sync};
use crate::tool::{KEY, Tool};

const JOURNAL: [&str; 2] = ["--journal", "grades.journal"];

#[test]
fn a_rerun_prints_every_row_and_sends_none_again() {
    let platform = Platform::builder().like(Personality::Canvas).start();
    let (tool, learners) = (folder(&platform), platform.learners());
    let file = grades([(&*learners[0], 1), ("nobody", 2), (&*learners[2], 3)]);
    let first = sync(&tool, &file, &JOURNAL);
    assert_eq!(outcomes(&first), ["sent", "rejected user_not_gradable", "sent"]);
    let mode = fs::metadata(tool.path("grades.journal")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it names people");
    let sent = platform.ledger().len();
    let again = sync(&tool, &file, &JOURNAL);
    assert_eq!((again.code, rows(&again)), (1, rows(&first)));
    assert_eq!(platform.ledger().len(), sent);
    assert_eq!((&summary(&again)["requests"], &summary(&again)["token_requests"]), (&json!(0), &json!(0)));
    platform.assert_no_violations();
}

#[test]
fn what_was_skipped_or_given_up_is_tried_again_with_its_timestamp() {
    let server = Server::start(|request, before| match (&*request.path, before) {
        ("/token", _) => Reply::token(),
        (_, 1) => Reply::new(503, ""),
        (_, 2) | ("/items/9", 0..8) => Reply::new(404, ""),
        _ => Reply::new(200, ""),
    });
    let tool = Tool::with(&server, "[policy]\nmax_attempts = 1\n");
    let file = grades([("u-1", 1), ("u-2", 2), ("u-3", 3), ("u-4", 4)]);
    let flags = [&JOURNAL[..], &["--concurrency", "1"]].concat();
    let first = sync(&tool, &file, &flags);
    assert_eq!(outcomes(&first), ["sent", "gave_up server_error", "skipped not_found", "skipped not_found"]);
    assert!(first.last_error()["message"].as_str().unwrap().contains("run the same command again"));
    let again = sync(&tool, &file, &flags);
    assert_eq!((again.code, outcomes(&again)), (0, vec!["sent".to_owned(); 4]), "{again:?}");
    let timestamps = |user: &str| {
        let requests = server.service_requests().into_iter().filter(|request| request.method == "POST");
        let scores = requests.map(|request| request.json()).filter(|score| score["userId"] == user);
        scores.map(|score| score["timestamp"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for user in ["u-2", "u-3"] {
        let timestamps = timestamps(user);
        assert!(timestamps.len() == 2 && timestamps[0] == timestamps[1], "{user}: {timestamps:?}");
    }
    assert_eq!((timestamps("u-1").len(), timestamps("u-4").len()), (1, 1));
}

#[test]
fn a_journal_of_something_else_is_refused_and_stays_as_it_is() {
    let platform = Platform::builder()
        .line_item(lti_ags_testing::LineItem::new("li-1", 100.0))
        .line_item(lti_ags_testing::LineItem::new("li-2", 100.0))
        .start();
    let tool = folder(&platform);
    let file = grades([("u-1001", 1), ("u-1002", 2)]);
    assert_eq!(sync(&tool, &file, &JOURNAL).code, 0);
    let journal = fs::read(tool.path("grades.journal")).unwrap();
    let sent = platform.ledger().len();
    let other = platform.line_item_url_of("li-2").unwrap();
    for (text, flags) in [
        (grades([("u-1001", 1), ("u-1002", 3)]), vec![]),
        (format!("{file}\n"), vec![]),
        (file.clone(), vec!["--line-item", &*other]),
        (grades([("u-1001", 1), ("u-1002", 3)]), vec!["--dry-run"]),
    ] {
        let ran = sync(&tool, &text, &[&JOURNAL[..], &flags].concat());
        ran.assert_failed(2, "journal");
        assert!(ran.error()["message"].as_str().unwrap().contains("grades.journal"), "{ran:?}");
        assert_eq!(fs::read(tool.path("grades.journal")).unwrap(), journal);
    }
    // The same content by another name is the same input.
    fs::rename(tool.path("grades.csv"), tool.path("old.csv")).unwrap();
    tool.write("same.csv", &file);
    let ran = tool.run(&["scores", "sync", "same.csv", "--json", "--journal", "grades.journal"]);
    assert_eq!((ran.code, platform.ledger().len()), (0, sent), "{ran:?}");
}

#[test]
fn a_file_that_is_no_journal_stays_untouched() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    for text in ["my notes\n", "{\"a\":1}\n", "u-1001,85,100", "\0\0\0"] {
        tool.write("grades.journal", text);
        sync(&tool, &grades([("u", 1)]), &JOURNAL).assert_failed(2, "journal");
        assert_eq!(fs::read_to_string(tool.path("grades.journal")).unwrap(), text);
    }
    assert!(std::process::Command::new("mkfifo").arg(tool.path("pipe")).status().unwrap().success());
    for journal in [".", "pipe", "/dev/null", "/dev/full", "/dev/zero"] {
        sync(&tool, &grades([("u", 1)]), &["--journal", journal]).assert_failed(2, "journal");
        sync(&tool, &grades([("u", 1)]), &["--journal", journal, "--dry-run"]).assert_failed(2, "journal");
    }
    sync(&tool, &grades([("u", 1)]), &["--journal", "nowhere/grades.journal"]).assert_failed(2, "journal");
    // The input itself is none either.
    sync(&tool, &grades([("u", 1)]), &["--journal", "grades.csv"]).assert_failed(2, "journal");
    assert_eq!(fs::read_to_string(tool.path("grades.csv")).unwrap(), grades([("u", 1)]));
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_journal_in_use_by_another_run_is_refused() {
    let (answer, answers) = std::sync::mpsc::channel::<()>();
    let server = Server::start(move |request, _| {
        if !request.is_token() {
            answers.recv().unwrap();
        }
        if request.is_token() { Reply::token() } else { Reply::new(200, "") }
    });
    let tool = Tool::at(&server);
    tool.write("grades.csv", &grades([("u", 1), ("u", 2)]));
    let arguments = ["scores", "sync", "grades.csv", "--json", "--journal", "grades.journal"];
    let mut other = tool.spawn(&arguments);
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    answer.send(()).unwrap();
    lines.next().unwrap().unwrap();
    // The second row is not answered yet.
    let before = server.requests().len();
    tool.run(&arguments).assert_failed(2, "journal");
    tool.run(&[&arguments[..], &["--dry-run"]].concat()).assert_failed(2, "journal");
    assert!(server.requests().len() <= before + 1, "only the other one has gone on");
    answer.send(()).unwrap();
    assert!(other.wait().unwrap().success());
    assert_eq!(outcomes(&tool.run(&arguments)), ["sent", "sent"]);
}

#[test]
fn a_torn_last_line_is_set_aside_and_damage_elsewhere_is_refused() {
    let platform = Platform::start();
    let tool = folder(&platform);
    let file = grades([("u-1001", 1), ("u-1002", 2), ("u-1003", 3)]);
    assert_eq!(sync(&tool, &file, &JOURNAL).code, 0);
    let journal = fs::read(tool.path("grades.journal")).unwrap();
    let torn = &journal[..journal.len() - 5];
    fs::write(tool.path("grades.journal"), torn).unwrap();
    let ran = sync(&tool, &file, &JOURNAL);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        rows(&ran).values().all(|row| ["sent", "superseded"].contains(&row["outcome"].as_str().unwrap()))
    );
    assert!(ran.stderr.contains("note: the last line of the journal"), "{ran:?}");
    for learner in ["u-1001", "u-1002", "u-1003"] {
        let mut times: Vec<_> = arrivals(&platform)
            .into_iter()
            .filter(|(user, _)| user == learner)
            .map(|(_, time)| time)
            .collect();
        times.dedup();
        assert_eq!(times.len(), 1, "a row has one timestamp");
    }

    let mut damaged = journal.clone();
    let middle = journal.iter().position(|byte| *byte == b'\n').unwrap() + 30;
    damaged[middle] ^= 1;
    fs::write(tool.path("grades.journal"), &damaged).unwrap();
    sync(&tool, &file, &JOURNAL).assert_failed(2, "journal");
    assert_eq!(fs::read(tool.path("grades.journal")).unwrap(), damaged);
}

#[test]
fn a_dry_run_settles_nothing_in_a_journal() {
    let platform = Platform::start();
    let tool = folder(&platform);
    let file = grades([("u-1001", 1), ("u-1002", 2)]);
    let dry = [&JOURNAL[..], &["--dry-run"]].concat();
    let ran = sync(&tool, &file, &dry);
    assert_eq!((ran.code, outcomes(&ran)), (0, vec!["skipped dry_run".to_owned(); 2]));
    assert!(!tool.path("grades.journal").exists());

    platform.script(Route::Scores, Script::reply(400));
    let first = sync(&tool, &file, &[&JOURNAL[..], &["--concurrency", "1"]].concat());
    assert_eq!(outcomes(&first), ["rejected score_refused", "sent"]);
    let journal = fs::read(tool.path("grades.journal")).unwrap();
    let ran = sync(&tool, &file, &dry);
    assert_eq!((ran.code, outcomes(&ran)), (0, vec!["rejected score_refused".to_owned(), "sent".to_owned()]));
    assert_eq!(fs::read(tool.path("grades.journal")).unwrap(), journal);
}

#[test]
fn a_run_that_goes_on_begins_no_earlier_than_the_one_before_whatever_the_clock_says() {
    let server = Server::start(|request, before| match (&*request.path, before) {
        ("/token", _) => Reply::token(),
        (_, 0) => Reply::new(503, ""),
        _ => Reply::new(200, ""),
    });
    let tool = Tool::with(&server, "[policy]\nmax_attempts = 1\n");
    let file = grades([("u", 1)]);
    assert_eq!(sync(&tool, &file, &JOURNAL).code, 1);
    // Nothing is left of it but the first line, and the clock has been set back since.
    let path = tool.path("grades.journal");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.split_inclusive('\n').next().unwrap()).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    fs::File::options().append(true).open(&path).unwrap().set_modified(later).unwrap();
    assert_eq!(outcomes(&sync(&tool, &file, &JOURNAL)), ["sent"]);
    let sent = server.service_requests().pop().unwrap().json()["timestamp"].as_str().unwrap().to_owned();
    let sent: lti_ags_ureq::Timestamp = sent.parse().unwrap();
    assert_eq!(sent.as_millisecond(), lti_ags_ureq::Timestamp::try_from(later).unwrap().as_millisecond());
}

/// A run of long ago, of this input, which gave its one row up.
fn begun_long_ago(tool: &Tool, server: &Server, input: &str) {
    let key = SigningKey::from_pem(&*KEY).unwrap();
    let registration = Registration::new("tool-7f3a", &server.url("/token"), key).unwrap();
    let mut policy = Policy::default();
    policy.max_attempts = 1;
    let client = Client::builder(registration).policy(policy).build();
    let endpoint = Endpoint::for_line_item(server.url("/items/9")).unwrap();
    let digest = format!("sha256:{:x}", Sha256::digest(input));
    let header = JournalHeader::new(digest, [endpoint.line_item().unwrap()]);
    let journal = JournalFile::open(tool.path("grades.journal"), header).unwrap();
    let score =
        Score::graded("u", 1.0, 2.0).timestamp("2020-03-02T09:00:00Z".parse().unwrap()).build().unwrap();
    let mut run = client.pass_back(Passback::new(&endpoint), [score]).journal(journal);
    assert_eq!(run.next().unwrap().unwrap().outcome.name(), "gave_up");
    assert!(run.next().is_none());
}

#[test]
fn an_input_that_was_begun_is_gone_on_with_whatever_the_time_is() {
    let server = Server::start(|request, before| match (&*request.path, before) {
        ("/token", _) => Reply::token(),
        (_, 0) => Reply::new(503, ""),
        _ => Reply::new(200, ""),
    });
    let tool = Tool::at(&server);
    // Begun today, the first row would get a timestamp that is later than the second one's.
    let text = "user_id,score_given,score_maximum,timestamp\nu,1,2,\nu,2,2,2020-06-01T00:00:00Z\n";
    sync(&tool, text, &JOURNAL).assert_failed(2, "input_file");
    begun_long_ago(&tool, &server, text);
    let ran = sync(&tool, text, &JOURNAL);
    assert_eq!((ran.code, outcomes(&ran)), (0, vec!["sent".to_owned(); 2]), "{ran:?}");
    assert_eq!(server.service_requests()[1].json()["timestamp"], "2020-03-02T09:00:00.000Z");
}

#[test]
fn a_disk_that_is_full_ends_it_and_the_journal_is_named() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    tool.write("grades.csv", &grades((0..200).map(|row| ("u", row))));
    // No file may grow beyond a block or two.
    let run = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} scores sync grades.csv --json --journal grades.journal",
        env!("CARGO_BIN_EXE_ags")
    );
    let output =
        std::process::Command::new("sh").args(["-c", &run]).current_dir(&tool.folder).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let error: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!(error["error"]["kind"], "journal");
    assert!(error["error"]["message"].as_str().unwrap().starts_with("grades.journal: "), "{stderr}");
    assert_eq!(server.service_requests().len(), 0, "nothing is sent that is not recorded");
}
