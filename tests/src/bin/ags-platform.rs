//! `ags-platform`: the embedded platform as a program, to try a tool against by hand or from a script.
#![expect(clippy::print_stderr, reason = "a program talks")]

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use lti_ags_testing::names::ALL_SCOPES;
use lti_ags_testing::{Gradebook, LineItem, Personality, Plan, Platform, Throttle};

/// A strict LTI platform with Assignment and Grade Services on loopback, for trying tools against.
///
/// It runs until Ctrl-C, the end of standard input, or the time given with --for (standard input is not looked at
/// then). At the end it prints the gradebook and every rule the tool broke; the exit code is 1 if there is one.
/// Meanwhile GET /_/gradebook, /_/ledger and /_/violations show its state as JSON.
#[derive(Debug, Parser)]
#[command(name = "ags-platform", version)]
struct Arguments {
    /// Writes ags.toml, tool.pem and claims.json into this folder
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
    /// Listens on this port of 127.0.0.1 instead of a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// Stops after this time
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Behaves like spec, canvas, moodle, open-edx, sakai, blackboard, brightspace or schoology
    #[arg(long = "as", value_name = "PLATFORM", default_value_t = Personality::Spec)]
    personality: Personality,
    /// The learner whose launch the claims are; the first one unless given
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// The maximum of the line item
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    score_maximum: f64,
    /// Throttles by a leaky bucket, as Canvas does: 403 where a request would fill it beyond the mark (Canvas: 600);
    /// it leaks DRAIN a second (10), and a request costs COST (0.05) and holds 50 while it is in flight
    #[arg(long, value_name = "MARK[,DRAIN[,COST]]", value_parser = throttle)]
    throttle: Option<Throttle>,
    /// Fails about one request in six, the same ones for the same seed: broken connections, lost and cut answers, 502,
    /// 503 and 504, revoked tokens, throttling
    #[arg(long, value_name = "SEED")]
    faults: Option<u64>,
}

fn throttle(text: &str) -> Result<Throttle, String> {
    let amounts: Option<Vec<f64>> = text.split(',').map(|amount| amount.parse().ok()).collect();
    let usable = amounts.filter(|amounts| amounts.iter().all(|amount| amount.is_finite() && *amount >= 0.0));
    let throttle = Throttle::canvas();
    match usable.as_deref() {
        Some([mark]) => Ok(throttle.high_water(*mark)),
        Some([mark, drain]) => Ok(throttle.high_water(*mark).drain(*drain)),
        Some([mark, drain, cost]) => Ok(throttle.high_water(*mark).drain(*drain).cost(*cost)),
        _ => Err("one to three numbers with commas between, none of them negative".to_owned()),
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ags-platform: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let mut builder = Platform::builder()
        .like(arguments.personality)
        .line_item(LineItem::new("li-1", arguments.score_maximum).label("Exercise 1"))
        .port(arguments.port)
        .on_exchange(|exchange| say(&exchange.to_string()));
    let plan = arguments.faults.map(Plan::random);
    if let Some(plan) = &plan {
        builder = builder.plan(plan.clone());
    }
    if let Some(throttle) = &arguments.throttle {
        builder = builder.throttle(throttle.clone());
    }
    let platform = builder.try_start()?;
    introduce(&platform);
    if let Some(plan) = plan {
        say(&format!("faults          {plan}"));
    }
    if let Some(folder) = &arguments.write {
        let first = || platform.learners().into_iter().next().unwrap_or_default();
        let user_id = arguments.user_id.clone().unwrap_or_else(first);
        write_files(&platform, folder, &user_id)?;
    }
    say("");
    wait(arguments.seconds.map(Duration::from_secs), &stop);
    Ok(report(&platform))
}

/// One line, at once: whoever reads through a pipe must not wait for a full buffer. A reader that went away is no
/// reason to stop.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn introduce(platform: &Platform) {
    say(&format!("platform        {}", platform.base_url()));
    say(&format!("token endpoint  {}", platform.token_endpoint()));
    say(&format!("audience        {}", platform.audience()));
    say(&format!("line items      {}", platform.line_items_url()));
    say(&format!("line item       {}", platform.line_item_url()));
    say(&format!("client id       {}", platform.client_id()));
    say(&format!("deployment id   {}", platform.deployment_id()));
    say(&format!("key id          {}", platform.key_id()));
    for scope in ALL_SCOPES {
        say(&format!("scope           {scope}"));
    }
}

fn write_files(platform: &Platform, folder: &Path, user_id: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let file = |name: &str| folder.join(name);
    fs::write(file("ags.toml"), configuration(platform))?;
    let claims = serde_json::to_string_pretty(&platform.claims(user_id))?;
    fs::write(file("claims.json"), claims + "\n")?;
    // Created anew, so that the mode holds whatever was there before.
    let key = file("tool.pem");
    if key.exists() {
        fs::remove_file(&key)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut key = options.open(key)?;
    key.write_all(platform.private_key_pem().as_bytes())?;
    for name in ["ags.toml", "tool.pem", "claims.json"] {
        say(&format!("written         {}", file(name).display()));
    }
    Ok(())
}

/// The configuration of the `ags` command. JSON strings and lists are TOML ones too.
fn configuration(platform: &Platform) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "[registration]\nclient_id = {}\ntoken_endpoint = {}\nprivate_key_file = \"tool.pem\"\nkey_id = {}\n\
         issuer = {}\ndeployment_id = {}\naudience = {}\n\n[endpoint]\nlineitems = {}\nlineitem = {}\nscope = {}\n",
        text(&platform.client_id()),
        text(&platform.token_endpoint()),
        text(platform.key_id()),
        text(&platform.issuer()),
        text(&platform.deployment_id()),
        text(&platform.audience()),
        text(&platform.line_items_url()),
        text(&platform.line_item_url()),
        serde_json::Value::from(ALL_SCOPES.to_vec()),
    )
}

/// Returns on a signal, at the end of the time given, or without one at the end of standard input.
fn wait(time: Option<Duration>, stop: &Arc<AtomicBool>) {
    let end = time.and_then(|time| Instant::now().checked_add(time));
    if time.is_none() {
        let stop = Arc::clone(stop);
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            while input.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
            stop.store(true, Ordering::Relaxed);
        });
    }
    while !stop.load(Ordering::Relaxed) && end.is_none_or(|end| Instant::now() < end) {
        thread::sleep(Duration::from_millis(20));
    }
}

fn report(platform: &Platform) -> ExitCode {
    say("");
    print_gradebook(&platform.gradebook());
    let violations = platform.violations();
    say(&format!("violations: {}", violations.len()));
    for violation in &violations {
        say(&format!("  {violation}"));
    }
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_gradebook(gradebook: &Gradebook) {
    say(&format!("gradebook: {} results", gradebook.results().count()));
    for (line_item, user_id, entry) in gradebook.results() {
        let score =
            entry.score.map_or("no score".to_owned(), |score| format!("{score} of {}", entry.maximum));
        let comment = if entry.comment.is_some() { ", with a comment" } else { "" };
        let (activity, grading) = (&entry.activity_progress, &entry.grading_progress);
        say(&format!(
            "  {line_item} {user_id}: {score}, {activity}, {grading}, posts: {}{comment}",
            entry.posts
        ));
    }
}
