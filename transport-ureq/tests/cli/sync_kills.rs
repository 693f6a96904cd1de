//! `ags scores sync` that is killed or stopped, and goes on: nothing is lost, and nothing is sent twice.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use lti_ags_testing::{Builder, Platform, Service};
use serde_json::Value;

use crate::platform::folder;
use crate::server::{Reply, Server};
use crate::sync::{arrivals, grades, outcomes, rows, sync};
use crate::tool::{Tool, signal};

const ARGUMENTS: [&str; 6] = ["scores", "sync", "grades.csv", "--json", "--journal", "grades.journal"];

/// So many rows, three for each learner. Each has points of its own, by which it is told apart.
fn file(platform: &Platform, rows: u32) -> String {
    let learners = platform.learners();
    let count = rows / 3;
    let user = |row: u32| &*learners[usize::try_from((row - 1) % count).unwrap()];
    grades((1..=rows).map(|row| (user(row), row))).replace(",100\n", ",1000\n")
}

/// A platform that says when a score has come.
fn telling(builder: Builder) -> (Platform, Receiver<()>) {
    let (tell, told) = mpsc::channel();
    let platform = builder.on_exchange(move |exchange| {
        if exchange.service == Service::Scores {
            let _ = tell.send(());
        }
    });
    (platform.start(), told)
}

/// Which row each score was of, and the timestamp that it had, in the order in which they came.
fn sent(platform: &Platform) -> Vec<(u64, String)> {
    let ledger = platform.ledger();
    let scores = ledger.iter().filter(|exchange| exchange.service == Service::Scores);
    scores
        .map(|exchange| {
            let score: Value = serde_json::from_slice(&exchange.body).unwrap();
            (score["scoreGiven"].as_u64().unwrap(), score["timestamp"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// The rows that a run has settled by its output, of which the last line may be torn.
fn settled(stdout: &[u8]) -> BTreeSet<u64> {
    let text = String::from_utf8_lossy(stdout);
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["row"].as_u64()).collect()
}

fn gradebook(platform: &Platform) -> BTreeMap<String, Option<f64>> {
    let gradebook = platform.gradebook();
    let score = |learner: &String| gradebook.result("li-1", learner).and_then(|entry| entry.score);
    platform.learners().into_iter().map(|learner| (learner.clone(), score(&learner))).collect()
}

#[test]
fn killed_fifty_times_it_comes_to_the_same_as_undisturbed() {
    const ROWS: u32 = 240;
    let undisturbed = Platform::start();
    assert_eq!(sync(&folder(&undisturbed), &file(&undisturbed, ROWS), &[]).code, 0);

    let (platform, came) = telling(Platform::builder());
    let tool = folder(&platform);
    tool.write("grades.csv", &file(&platform, ROWS));
    let mut random: u32 = 7;
    let mut known: Vec<(usize, BTreeSet<u64>)> = Vec::new();
    for _ in 0..50 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut child = tool.spawn(&ARGUMENTS);
        // After none to seven scores, wherever the run is then.
        let is_over = (0..random >> 29).any(|_| {
            while came.recv_timeout(Duration::from_millis(10)).is_err() {
                if child.try_wait().unwrap().is_some() {
                    return true;
                }
            }
            false
        });
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        known.push((sent(&platform).len(), settled(&output.stdout)));
        assert!(!is_over || output.status.success(), "{output:?}");
    }
    let last = tool.run(&ARGUMENTS);
    assert_eq!(last.code, 0, "{last:?}");
    assert!(outcomes(&last).iter().all(|outcome| ["sent", "superseded"].contains(&&**outcome)));

    assert_eq!(gradebook(&platform), gradebook(&undisturbed));
    let sent = sent(&platform);
    let mut timestamps: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    for (row, timestamp) in &sent {
        timestamps.entry(*row).or_default().insert(timestamp);
    }
    assert_eq!(timestamps.len(), ROWS as usize);
    assert!(timestamps.values().all(|of_row| of_row.len() == 1), "no row has two timestamps");
    for (before, settled) in known {
        let again = sent[before..].iter().find(|(row, _)| settled.contains(row));
        assert_eq!(again, None, "a row that was settled is not sent again");
    }
    platform.assert_no_violations();
}

/// A platform that takes so many scores and answers all of them but for the last four, until that is allowed by dropping what
/// comes with it: they are in the gradebook, and their answers do not get through.
fn holding(scores: usize) -> (Platform, Receiver<()>, Sender<()>) {
    let (tell, came) = mpsc::channel();
    let (release, held) = mpsc::channel::<()>();
    let (held, count) = (Mutex::new(held), AtomicUsize::new(0));
    let platform = Platform::builder().on_exchange(move |exchange| {
        if exchange.service == Service::Scores {
            let number = count.fetch_add(1, Ordering::Relaxed);
            let _ = tell.send(());
            if (scores - 4..scores).contains(&number) {
                let _ = held.lock().unwrap().recv();
            }
        }
    });
    (platform.start(), came, release)
}

#[test]
fn killed_in_the_middle_it_goes_on_with_the_same_timestamps() {
    let (platform, came, release) = holding(24);
    let tool = folder(&platform);
    tool.write("grades.csv", &file(&platform, 60));
    let mut child = tool.spawn(&ARGUMENTS);
    came.iter().take(24).count();
    let lines =
        BufReader::new(child.stdout.take().unwrap()).lines().take(20).map(|line| line.unwrap() + "\n");
    let settled = settled(lines.collect::<String>().as_bytes());
    child.kill().unwrap();
    child.wait().unwrap();
    drop(release);
    let before = sent(&platform);
    assert_eq!((settled.len(), before.len()), (20, 24));
    let in_doubt: Vec<_> = before.iter().filter(|(row, _)| !settled.contains(row)).collect();

    let again = tool.run(&ARGUMENTS);
    assert_eq!(again.code, 0, "{again:?}");
    let superseded = rows(&again).into_values().filter(|row| row["outcome"] == "superseded");
    let superseded: BTreeSet<_> = superseded.map(|row| row["row"].as_u64().unwrap()).collect();
    assert_eq!(superseded, in_doubt.iter().map(|(row, _)| *row).collect());
    let after = &sent(&platform)[24..];
    assert_eq!(after.len(), 40);
    for sent in in_doubt {
        assert!(after.contains(sent), "row and timestamp are the same: {sent:?}");
    }
}

/// Whether these tests run under `nohup`: what they start ignores it as well, then.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[test]
fn ctrl_c_lets_what_is_on_its_way_arrive_and_begins_nothing_more() {
    let names: &[_] = if is_hangup_ignored() { &["INT", "TERM"] } else { &["INT", "TERM", "HUP"] };
    for name in names {
        let (platform, came, release) = holding(13);
        let tool = folder(&platform);
        tool.write("grades.csv", &file(&platform, 60));
        let mut child = tool.spawn(&ARGUMENTS);
        came.iter().take(13).count();
        signal(name, &child);
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut note = String::new();
        stderr.read_line(&mut note).unwrap();
        assert!(note.starts_with("ags: note: stopping"), "{note}");
        drop(release);
        let output = child.wait_with_output().unwrap();
        let mut error = String::new();
        stderr.read_to_string(&mut error).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        let arrived: BTreeSet<_> = sent(&platform).into_iter().map(|(row, _)| row).collect();
        assert_eq!(
            (arrived.len(), settled(&output.stdout)),
            (13, arrived),
            "what arrived is told, and no more"
        );
        let error: Value = serde_json::from_str(&error).unwrap();
        assert_eq!(error["error"]["kind"], "rows_failed");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains("stopped with 47 rows to go; run the same command again"), "{message}");

        let again = tool.run(&ARGUMENTS);
        assert_eq!((again.code, outcomes(&again)), (0, vec!["sent".to_owned(); 60]));
        assert_eq!(arrivals(&platform).len(), 60);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn under_nohup_it_goes_on_without_its_terminal() {
    let (platform, came, release) = holding(13);
    let tool = folder(&platform);
    tool.write("grades.csv", &file(&platform, 30));
    let run = format!("trap '' HUP; exec {} {}", env!("CARGO_BIN_EXE_ags"), ARGUMENTS.join(" "));
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &run]).current_dir(&tool.folder).stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    came.iter().take(13).count();
    signal("HUP", &child);
    drop(release);
    assert!(child.wait().unwrap().success());
    assert_eq!(arrivals(&platform).len(), 30);
}

#[test]
fn ctrl_c_a_second_time_ends_it_at_once() {
    let (tell, came) = mpsc::channel();
    let (_answer, answers) = mpsc::channel::<()>();
    let server = Server::start(move |request, _| {
        if request.is_token() {
            return Reply::token();
        }
        tell.send(()).unwrap();
        // It never comes.
        let _ = answers.recv();
        Reply::new(200, "")
    });
    let tool = Tool::at(&server);
    tool.write("grades.csv", &grades([("u-1", 1), ("u-2", 2)]));
    let mut child = tool.spawn(&ARGUMENTS);
    came.recv().unwrap();
    signal("INT", &child);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("once more ends it at once"), "{line}");
    signal("INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let error: Value = serde_json::from_str(&rest).unwrap();
    assert_eq!(error["error"]["kind"], "rows_failed");
    assert!(error["error"]["message"].as_str().unwrap().contains("run the same command again"), "{rest}");
}
