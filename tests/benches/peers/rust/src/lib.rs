//! What the clients written in Rust share: what they are told, and what they tell.

use std::fs;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde::Deserialize;

/// The file that the harness writes: what a tool knows of a platform.
#[derive(Debug, Deserialize)]
pub struct Registration {
    pub client_id: String,
    pub token_endpoint: String,
    pub key_id: String,
    pub private_key: String,
    pub scopes: Vec<String>,
    pub learners: Vec<String>,
}

/// `CLIENT REGISTRATION TASK LINE_ITEM SCORE AT_ONCE`.
#[derive(Debug)]
pub struct Job {
    pub registration: Registration,
    pub task: String,
    pub line_item: String,
    pub score: f64,
    pub at_once: usize,
}

impl Job {
    pub fn from_arguments() -> Self {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        let [registration, task, line_item, score, at_once] = &arguments[..] else {
            panic!("REGISTRATION TASK LINE_ITEM SCORE AT_ONCE");
        };
        Self {
            registration: serde_json::from_slice(&fs::read(registration).unwrap()).unwrap(),
            task: task.clone(),
            line_item: line_item.clone(),
            score: score.parse().unwrap(),
            at_once: at_once.parse().unwrap(),
        }
    }
}

/// From the first call to the last answer, by the clock and by the processor.
#[derive(Debug)]
pub struct Meter {
    begun: Instant,
    cpu: f64,
}

impl Meter {
    #[expect(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { cpu: cpu(), begun: Instant::now() }
    }

    /// Says it all, and how many of what was to be done came of it.
    pub fn tell(self, done: usize, failure: Option<&str>) {
        let (seconds, cpu) = (self.begun.elapsed().as_secs_f64(), cpu() - self.cpu);
        let told = serde_json::json!({
            "seconds": seconds, "cpu": cpu, "peak_kib": peak(), "done": done, "failure": failure,
        });
        println!("{told}");
    }
}

/// Of all threads, in user and in system mode.
fn cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
        .iter()
        .sum()
}

/// The most memory that was resident: `ru_maxrss` would count what the process that started this one held.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
