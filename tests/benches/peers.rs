//! What others use today, and ours, against one embedded platform over loopback: 2,000 scores one after another, 2,000 many at
//! a time, and a list of 10,000 results in pages of 100. `tests/benchmarks.sh peers` installs the clients and runs this.
//!
//! Each client is a process of its own for each task, and the platform is in this one, which does nothing else meanwhile.
//! Which core the kernel gives to whom decides more than any client does, so it has no choice: the platform has the first,
//! and the clients have it too, or all others. Rounds are interleaved. A client tells its time and memory; whether its
//! scores arrived, and how many tokens it asked for, is what the platform saw.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it measured")]

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

#[path = "plot/bars.rs"]
mod bars;

use bars::Bar;
use lti_ags_testing::names::ALL_SCOPES;
use lti_ags_testing::{LineItem, Platform, Service};
use serde::Deserialize;
use serde_json::json;

const SCORES: usize = 2_000;
const RESULTS: usize = 10_000;
const PAGE: u64 = 100;
const ROUNDS: usize = 3;
/// Results are listed of this line item.
const LISTED: &str = "listed";

/// What is done, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Task {
    /// As the clients know it.
    name: &'static str,
    title: &'static str,
    /// At most.
    scores: usize,
    /// On the platform's core.
    shares: bool,
}

const TASKS: [Task; 5] = [
    Task {
        name: "sequential",
        title: "2,000 scores, one after another, on one core with the platform",
        scores: SCORES,
        shares: true,
    },
    Task {
        name: "sequential",
        title: "2,000 scores, one after another, on another core",
        scores: SCORES,
        shares: false,
    },
    Task {
        name: "concurrent",
        title: "2,000 scores, many at a time, on other cores",
        scores: SCORES,
        shares: false,
    },
    Task {
        name: "list",
        title: "10,000 results in pages of 100, on another core",
        scores: SCORES,
        shares: false,
    },
    Task { name: "sequential", title: "The first score of a process", scores: 1, shares: true },
];

impl Task {
    fn is_list(self) -> bool {
        self.name == "list"
    }
}

struct Client {
    name: &'static str,
    /// Below the folder that `peers/install.sh` fills.
    program: &'static str,
    script: Option<&'static str>,
    at_once: usize,
    /// How many it is given to post.
    scores: usize,
}

const fn client(
    name: &'static str,
    program: &'static str,
    script: Option<&'static str>,
    at_once: usize,
) -> Client {
    Client { name, program, script, at_once, scores: SCORES }
}

/// A twentieth of the scores: all of them take minutes.
const ATOMIC_LTI: Client =
    Client { scores: 100, ..client("atomic-lti", "atomic-lti/release/peer-atomic-lti", None, 64) };

/// 64 at a time where a call is a future, and 16 where it takes a thread.
const CLIENTS: [Client; 8] = [
    client("lti-ags-hyper", "rust/release/lti-ags-hyper", None, 64),
    client("lti-ags-ureq", "rust/release/lti-ags-ureq", None, 16),
    client("reqwest loop", "rust/release/reqwest-loop", None, 64),
    client("PyLTI1p3", "pylti1p3/bin/python", Some("python/pylti1p3_client.py"), 16),
    client("pylti1p3next", "pylti1p3next/bin/python", Some("python/pylti1p3_client.py"), 16),
    client("@lti-tool/core", "node/node", Some("node/lti-tool.bundle.mjs"), 64),
    client("ltijs", "node/node", Some("node/ltijs.mjs"), 64),
    ATOMIC_LTI,
];
const OURS: [&str; 2] = ["lti-ags-hyper", "lti-ags-ureq"];
/// How many times the other's time over ours is to be, one score after another.
const GOALS: [(&str, f64); 4] =
    [("PyLTI1p3", 10.0), ("@lti-tool/core", 3.0), ("atomic-lti", 1.5), ("reqwest loop", 0.95)];

/// What a client tells, and what the platform saw.
#[derive(Clone, Deserialize)]
struct Run {
    seconds: f64,
    cpu: f64,
    peak_kib: f64,
    done: usize,
    failure: Option<String>,
    #[serde(skip)]
    tokens: usize,
    #[serde(skip)]
    connections: usize,
    /// Scores in the gradebook; results that were counted.
    #[serde(skip)]
    arrived: usize,
}

/// What the platform saw of a run.
#[derive(Default)]
struct Seen {
    tokens: usize,
    connections: HashSet<u64>,
}

struct Bench {
    installed: PathBuf,
    platform: Platform,
    seen: Arc<Mutex<Seen>>,
    cores: Option<String>,
    runs: u32,
}

impl Client {
    fn line_item(&self, task: Task) -> String {
        let name = self.name.replace(['@', '/', ' '], "-");
        if task.is_list() { LISTED.to_owned() } else { format!("{name}-{}", task.name) }
    }

    /// How many it would be if it did all of the task.
    fn all(&self, task: Task) -> usize {
        if task.is_list() { RESULTS } else { self.scores.min(task.scores) }
    }
}

impl Bench {
    fn new(installed: PathBuf) -> Self {
        let cores = pin();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let counted = Arc::clone(&seen);
        let mut builder = Platform::builder()
            .learners((0..SCORES).map(|number| format!("s-{number:04}")))
            .line_item(LineItem::new(LISTED, 100.0))
            .results_for(LISTED, RESULTS as u64)
            .page_size(PAGE, PAGE)
            .ledger_limit(16)
            .on_exchange(move |exchange| {
                let mut seen = counted.lock().unwrap();
                seen.tokens += usize::from(exchange.service == Service::Token);
                seen.connections.insert(exchange.connection);
            });
        for client in &CLIENTS {
            for task in &TASKS[1..3] {
                builder = builder.line_item(LineItem::new(client.line_item(*task), 100.0));
            }
        }
        let platform = builder.start();
        Self { installed, platform, seen, cores, runs: 0 }
    }

    /// The file that tells a client what a tool knows of its platform, and whom to post scores for.
    fn registration(&self, scores: usize) -> PathBuf {
        let platform = &self.platform;
        let known = json!({
            "issuer": platform.issuer(),
            "client_id": platform.client_id(),
            "deployment_id": platform.deployment_id(),
            "token_endpoint": platform.token_endpoint(),
            "key_id": platform.key_id(),
            "private_key": platform.private_key_pem(),
            "scopes": ALL_SCOPES,
            "learners": platform.learners()[..scores],
        });
        let file = self.installed.join("registration.json");
        std::fs::write(&file, known.to_string()).unwrap();
        file
    }

    /// One client at one task, or why it could not do it.
    fn run(&mut self, client: &Client, task: Task) -> Result<Run, String> {
        let program = self.installed.join(client.program);
        if !program.exists() {
            return Err("not installed here".to_owned());
        }
        self.runs += 1;
        // Of no other run, so that what stands in the gradebook afterwards is of this one.
        let score = f64::from(self.runs) / 4.0;
        let item = client.line_item(task);
        let mut command = match &self.cores {
            Some(cores) => {
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", if task.shares { "0" } else { cores }]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(client.script.map(|script| self.installed.join(script)));
        command
            .arg(self.registration(client.scores.min(task.scores)))
            .arg(task.name)
            .arg(self.platform.line_item_url_of(&item).unwrap());
        command.arg(score.to_string()).arg(client.at_once.to_string());
        *self.seen.lock().unwrap() = Seen::default();
        let output = command.output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("failed").to_owned());
        }
        let told =
            output.stdout.rsplit(|byte| *byte == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
        let mut run: Run = serde_json::from_slice(told).map_err(|error| error.to_string())?;
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        (run.tokens, run.connections) = (seen.tokens, seen.connections.len());
        run.arrived = if task.is_list() { run.done } else { self.held(&item, score) };
        Ok(run)
    }

    /// Learners whose result is of this run.
    fn held(&self, item: &str, score: f64) -> usize {
        let lms = self.platform.lms();
        let results = lms.gradebook().results();
        results.filter(|(of, _, entry)| *of == item && entry.score == Some(score)).count()
    }
}

/// Keeps this process, and so the platform, on the first core; the others are the clients'.
fn pin() -> Option<String> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pinned =
        |pid: u32| Command::new("taskset").args(["--cpu-list", "--pid", "0", &pid.to_string()]).output().ok();
    (cores > 1 && pinned(std::process::id())?.status.success()).then(|| format!("1-{}", cores - 1))
}

fn median(runs: &[Run], of: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<_> = runs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

type Measured = HashMap<(&'static str, Task), Result<Vec<Run>, String>>;

/// How long one score, or all results, took this client, if it did the whole task, or was refused all of it.
fn time(measured: &Measured, name: &str, task: Task) -> Option<f64> {
    let client = CLIENTS.iter().find(|client| client.name == name)?;
    let runs = measured.get(&(client.name, task))?.as_ref().ok()?;
    let all = client.all(task);
    let whole = |run: &Run| run.arrived == all || (!task.is_list() && run.arrived == 0);
    runs.iter().all(whole).then(|| median(runs, |run| run.seconds) / count(all))
}

/// How many times as long another took as one of ours.
fn ratio(measured: &Measured, ours: &str, other: &str, task: Task) -> Option<f64> {
    Some(time(measured, other, task)? / time(measured, ours, task)?)
}

/// Whether the platform took nothing of it.
fn is_refused(runs: &[Run]) -> bool {
    runs.iter().all(|run| run.arrived == 0)
}

fn table(measured: &Measured, task: Task, versions: &HashMap<String, String>) {
    println!(
        "| client | its time / hyper's | / ureq's | seconds | CPU seconds | peak MiB | token requests | connections | arrived | at once |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for client in &CLIENTS {
        let version = versions.get(client.name).map_or("", String::as_str);
        let name = format!("{} {version}", client.name);
        let runs = match &measured[&(client.name, task)] {
            Ok(runs) => runs,
            Err(reason) => {
                println!("| {name} | | | {reason} | | | | | | |");
                continue;
            }
        };
        let refused = if is_refused(runs) { " (refused)" } else { "" };
        let by = |ours| match ratio(measured, ours, client.name, task) {
            Some(ratio) => format!("{ratio:.2}{refused}"),
            None => "—".to_owned(),
        };
        let seconds = |pick: fn(f64, f64) -> f64, from| runs.iter().map(|run| run.seconds).fold(from, pick);
        println!(
            "| {name} | {} | {} | {:.3} ({:.3} to {:.3}) | {:.3} | {:.0} | {:.0} | {:.0} | {:.0} of {} | {} |",
            by(OURS[0]),
            by(OURS[1]),
            median(runs, |run| run.seconds),
            seconds(f64::min, f64::MAX),
            seconds(f64::max, 0.0),
            median(runs, |run| run.cpu),
            median(runs, |run| run.peak_kib / 1024.0),
            median(runs, |run| count(run.tokens)),
            median(runs, |run| count(run.connections)),
            median(runs, |run| count(run.arrived)),
            client.all(task),
            if task.name == "concurrent" { client.at_once } else { 1 },
        );
    }
}

/// What the platform said to whom it refused.
fn refusals(measured: &Measured) {
    for client in &CLIENTS {
        let mut runs =
            TASKS.iter().filter_map(|task| measured.get(&(client.name, *task))?.as_ref().ok()).flatten();
        if let Some(failure) = runs.find_map(|run| run.failure.as_ref()) {
            let failure: String = failure.chars().take(200).collect();
            println!("\n{} was refused: `{}`", client.name, failure.replace('`', "'"));
        }
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn goals(measured: &Measured) {
    println!(
        "| goal, one score after another | hyper, one core | ureq, one core | hyper, two cores | ureq, two cores |"
    );
    println!("|---|---|---|---|---|");
    for (other, goal) in GOALS {
        let refused = |task| measured[&(other, task)].as_ref().is_ok_and(|runs| is_refused(runs));
        let met = |ours, task| match ratio(measured, ours, other, task) {
            Some(ratio) if refused(task) => format!("{ratio:.2}, of scores that are refused"),
            Some(ratio) if ratio >= goal => format!("{ratio:.2}: met"),
            Some(ratio) => format!("{ratio:.2}: **not met**"),
            None => "not measured".to_owned(),
        };
        let [one, two] = [TASKS[0], TASKS[1]].map(|task| OURS.map(|ours| met(ours, task)).join(" | "));
        println!("| {goal} times {other} | {one} | {two} |");
    }
}

/// Of each client that did the whole task and was not refused, what one score took it.
fn plot(measured: &Measured, task: Task) {
    let arrived = |client: &&Client| {
        measured[&(client.name, task)].as_ref().is_ok_and(|runs| runs.iter().all(|run| run.arrived > 0))
    };
    let bar = |client: &Client| {
        let microseconds = time(measured, client.name, task)? * 1e6;
        Some(Bar {
            name: client.name.to_owned(),
            length: microseconds,
            told: format!("{microseconds:.0} µs"),
            ours: OURS.contains(&client.name),
        })
    };
    let bars: Vec<_> = CLIENTS.iter().filter(arrived).filter_map(bar).collect();
    bars::draw("peers", "Time of each score, one after another, on one core with the platform", &bars);
}

/// `NAME<tab>VERSION`, as installed.
fn versions(installed: &Path) -> HashMap<String, String> {
    let told = std::fs::read_to_string(installed.join("versions")).unwrap_or_default();
    told.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect()
}

fn main() {
    let Some(installed) = std::env::var_os("LTI_AGS_PEERS").map(PathBuf::from) else {
        eprintln!("tests/benchmarks.sh peers installs the clients, and names their folder in LTI_AGS_PEERS");
        return;
    };
    let mut bench = Bench::new(installed);
    let mut measured = Measured::new();
    for round in 1..=ROUNDS {
        for task in TASKS {
            for client in &CLIENTS {
                let outcome = bench.run(client, task);
                if let Ok(run) = &outcome {
                    eprintln!(
                        "round {round}: {}, {}: {:.3} s, {} arrived",
                        client.name, task.title, run.seconds, run.arrived
                    );
                }
                let runs = measured.entry((client.name, task)).or_insert_with(|| Ok(Vec::new()));
                match (&mut *runs, outcome) {
                    (Ok(runs), Ok(run)) => runs.push(run),
                    (_, Err(reason)) => *runs = Err(reason),
                    (Err(_), Ok(_)) => {}
                }
            }
        }
    }
    let versions = versions(&bench.installed);
    goals(&measured);
    plot(&measured, TASKS[0]);
    for task in TASKS {
        println!("\n### {}\n", task.title);
        table(&measured, task, &versions);
    }
    refusals(&measured);
    if bench.cores.is_none() {
        println!("\nNo process was kept to a core: all of them shared what there is.");
    }
}
