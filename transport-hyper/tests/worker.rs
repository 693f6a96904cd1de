//! The worker of the examples is killed in the middle of its work, and another one goes on: no grade is lost, and none is
//! doubled.
#![cfg(all(feature = "redis", feature = "rustls", feature = "aws-lc-rs"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

#[path = "../../tests/tests/redis/mod.rs"]
mod redis;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use lti_ags_hyper::{Endpoint, Launch, Registration, Score, SigningKey, StoredRegistration, Timestamp};
use lti_ags_testing::{Platform, Route, Script};
use redis::Redis;

const GRADES: usize = 24;

fn user(number: usize) -> String {
    format!("u-{}", 1001 + number)
}

fn points(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap()) + 0.5
}

/// When the grades were earned: long ago.
fn earned() -> Timestamp {
    "2026-03-02T09:00:00.250Z".parse().unwrap()
}

/// The jobs, a line each.
fn jobs(platform: &Platform) -> String {
    let key = SigningKey::from_pem(platform.private_key_pem()).unwrap().with_key_id(platform.key_id());
    let registration = Registration::new(platform.client_id(), &platform.token_endpoint(), key).unwrap();
    let registration = StoredRegistration::from(&registration.with_deployment_id(platform.deployment_id()));
    let endpoint: Endpoint = Launch::from_claims(platform.claims("u-1001")).unwrap().endpoint().unwrap();
    let job = |number| {
        let score = Score::graded(user(number), points(number), 100.0).timestamp(earned()).build().unwrap();
        let job = serde_json::json!(
            { "version": 1, "registration": registration, "endpoint": endpoint, "score": score }
        );
        job.to_string() + "\n"
    };
    (0..GRADES).map(job).collect()
}

/// The example as a process.
struct Worker {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    fn start(redis: &Redis, key: &PathBuf, arguments: &[&str]) -> Self {
        let mut program = std::env::current_exe().unwrap();
        program.pop();
        program.pop();
        program.push("examples");
        program.push(format!("worker{}", std::env::consts::EXE_SUFFIX));
        assert!(
            program.exists(),
            "{} is not there: `cargo build --examples --features redis`",
            program.display()
        );
        let mut process = Command::new(program)
            .args(arguments)
            .env("REDIS_URL", redis.url())
            .env("TOOL_KEY", key)
            .env("HEARTBEAT_SECONDS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Ends it, and gives it no time to do anything about it. What it had said by then.
    fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.lines.by_ref().map_while(Result::ok).collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn user_of(line: &str) -> String {
    line.split_once(": ").unwrap().0.to_owned()
}

#[test]
fn a_worker_that_is_killed_loses_no_grade_and_doubles_none() {
    let Some(redis) = Redis::start() else { return };
    let (asked, heard) = mpsc::channel();
    let platform = Platform::builder().on_exchange(move |exchange| drop(asked.send(exchange.path()))).start();
    let key = std::env::temp_dir().join(format!("lti-ags-worker-{}.pem", std::process::id()));
    std::fs::write(&key, platform.private_key_pem()).unwrap();

    let mut pushing = Worker::start(&redis, &key, &["push"]);
    pushing.process.stdin.take().unwrap().write_all(jobs(&platform).as_bytes()).unwrap();
    assert!(pushing.process.wait().unwrap().success());

    // The platform acts on some, and is slow to say so on the last of them: by then the worker is dead.
    platform.script(Route::Scores, Script::normal().times(GRADES / 4));
    platform.script(Route::Scores, Script::normal().delay(Duration::from_millis(1500)).times(GRADES / 4));
    let first = Worker::start(&redis, &key, &["run", "first"]);
    let scores = heard.iter().filter(|path| path.ends_with("/scores"));
    assert_eq!(scores.take(GRADES / 4 + 1).count(), GRADES / 4 + 1);
    let said = first.kill();
    let delivered = platform.gradebook().results().count();
    assert!(said.len() < delivered && delivered < GRADES, "{said:?}");

    let mut second = Worker::start(&redis, &key, &["run", "second"]);
    let mut done: BTreeSet<_> = said.iter().map(|line| user_of(line)).collect();
    let mut superseded = 0;
    while done.len() < GRADES {
        let line = second.lines.next().unwrap().unwrap();
        superseded += usize::from(line.ends_with(": Superseded"));
        done.insert(user_of(&line));
    }
    second.kill();
    let _ = std::fs::remove_file(key);

    let gradebook = platform.gradebook();
    assert_eq!(gradebook.results().count(), GRADES);
    for number in 0..GRADES {
        let entry = gradebook.result("li-1", &user(number)).unwrap();
        assert_eq!((entry.score, entry.posts), (Some(points(number)), 1));
        assert_eq!(entry.timestamp, earned());
    }
    // What the first worker was not there to hear of.
    assert!(superseded >= delivered - said.len(), "{superseded}");
    platform.assert_no_violations();
}
