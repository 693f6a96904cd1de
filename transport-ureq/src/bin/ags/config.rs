//! The configuration file: its tables, its defaults, and what is wrong with it, named by its key.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lti_ags_ureq::{Audience, Endpoint, Error, Policy, Registration, Scope};
use serde::Deserialize;

use crate::failure::{Failure, chain};
use crate::keys;

/// The longest time that can be configured, in seconds: a year.
const LONGEST: f64 = 31_536_000.0;

/// The longest run of letters and digits that is shown of a value; a line of a key has 64.
const LONGEST_WORD: usize = 40;

/// What the configuration says.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) registration: Registration,
    pub(crate) endpoint: Endpoint,
    /// Whether the scopes are those that the file names, and not all that there are.
    pub(crate) names_scopes: bool,
    pub(crate) policy: Policy,
    pub(crate) request_timeout: Duration,
    pub(crate) max_body_bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    registration: RegistrationTable,
    #[serde(default)]
    endpoint: EndpointTable,
    #[serde(default)]
    policy: PolicyTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistrationTable {
    client_id: String,
    token_endpoint: String,
    private_key_file: PathBuf,
    key_id: String,
    issuer: Option<String>,
    audience: Option<AudienceValue>,
    deployment_id: Option<String>,
    algorithm: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
enum AudienceValue {
    One(String),
    Many(Vec<String>),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointTable {
    lineitems: Option<String>,
    lineitem: Option<String>,
    scope: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PolicyTable {
    allow_http_hosts: Vec<String>,
    allow_origins: Vec<String>,
    max_body_bytes: u64,
    max_pages: u32,
    request_timeout_seconds: f64,
    deadline_seconds: f64,
    max_attempts: u32,
    max_retry_after_seconds: f64,
}

impl Default for PolicyTable {
    fn default() -> Self {
        Self {
            allow_http_hosts: Vec::new(),
            allow_origins: Vec::new(),
            max_body_bytes: 8_388_608,
            max_pages: 1000,
            request_timeout_seconds: 30.0,
            deadline_seconds: 120.0,
            max_attempts: 5,
            max_retry_after_seconds: 60.0,
        }
    }
}

impl Config {
    /// Reads the file given, else that of `$AGS_CONFIG`, else `ags.toml` here.
    pub(crate) fn read(given: Option<&Path>) -> Result<Self, Failure> {
        let named = std::env::var_os("AGS_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = given.or(named.as_deref());
        let text = fs::read_to_string(path.unwrap_or(Path::new("ags.toml")));
        let path = match (path, &text) {
            (Some(path), _) => path,
            (None, Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Failure::configuration(
                    "there is no configuration: no --config, no $AGS_CONFIG, and no ags.toml here",
                ));
            }
            (None, _) => Path::new("ags.toml"),
        };
        let shown = path.display();
        let text = text.map_err(|error| {
            Failure::configuration(format_args!("the configuration {shown} cannot be read: {error}"))
        })?;
        let file: File = toml::from_str(&text).map_err(|error| {
            Failure::configuration(format_args!("{shown}, {}", without_keys(&told(&text, &error))))
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        file.check(folder).map_err(|problem| match problem {
            Problem::At(key, what) => {
                Failure::configuration(format_args!("{shown}: {key}: {}", without_keys(&what)))
            }
            Problem::Key(failure) => failure,
        })
    }
}

/// What is wrong with a value, or with the private key that it names.
enum Problem {
    At(&'static str, String),
    Key(Failure),
}

fn at<E: std::error::Error + 'static>(key: &'static str) -> impl FnOnce(E) -> Problem {
    move |error| Problem::At(key, chain(&error))
}

fn unless(fine: bool, key: &'static str, what: &str) -> Result<(), Problem> {
    if fine { Ok(()) } else { Err(Problem::At(key, what.to_owned())) }
}

impl File {
    fn check(self, folder: &Path) -> Result<Config, Problem> {
        let names_scopes = self.endpoint.scope.is_some();
        let endpoint = self.endpoint.check()?;
        let request_timeout = seconds("request_timeout_seconds", self.policy.request_timeout_seconds, 0.001)?;
        let max_body_bytes = self.policy.max_body_bytes;
        let policy = self.policy.check()?;
        let registration = self.registration.check(folder)?;
        Ok(Config { registration, endpoint, names_scopes, policy, request_timeout, max_body_bytes })
    }
}

impl RegistrationTable {
    fn check(self, folder: &Path) -> Result<Registration, Problem> {
        let is_set = |text: &str| !text.trim().is_empty();
        unless(is_set(&self.client_id), "client_id", "it is blank")?;
        unless(is_set(&self.key_id), "key_id", "it is blank")?;
        unless(self.issuer.as_deref().is_none_or(is_set), "issuer", "it is blank; leave it out")?;
        unless(
            self.deployment_id.as_deref().is_none_or(is_set),
            "deployment_id",
            "it is blank; leave it out",
        )?;
        let audience = self.audience.map(|audience| match audience {
            AudienceValue::One(audience) => Audience::One(audience),
            AudienceValue::Many(audiences) => Audience::Many(audiences),
        });
        let is_audience = match &audience {
            None => true,
            Some(Audience::One(audience)) => is_set(audience),
            Some(Audience::Many(audiences)) => {
                !audiences.is_empty() && audiences.iter().all(|one| is_set(one))
            }
        };
        unless(is_audience, "audience", "it is blank; leave it out for the token endpoint")?;

        let algorithm = self.algorithm.as_deref().map(str::parse).transpose().map_err(at("algorithm"))?;
        let mut key = keys::read(&folder.join(&self.private_key_file)).map_err(Problem::Key)?;
        if let Some(algorithm) = algorithm {
            key = key.with_algorithm(algorithm).map_err(at("algorithm"))?;
        }
        let key = key.with_key_id(self.key_id);
        let mut registration =
            Registration::new(self.client_id, &self.token_endpoint, key).map_err(at("token_endpoint"))?;
        if let Some(audience) = audience {
            registration = registration.with_audience(audience);
        }
        if let Some(issuer) = self.issuer {
            registration = registration.with_issuer(issuer);
        }
        if let Some(deployment_id) = self.deployment_id {
            registration = registration.with_deployment_id(deployment_id);
        }
        Ok(registration)
    }
}

impl EndpointTable {
    fn check(self) -> Result<Endpoint, Problem> {
        let mut endpoint = match &self.scope {
            Some(scopes) => Endpoint::new(scopes.iter().map(|scope| Scope::from(&**scope))),
            None => Endpoint::new(Scope::AGS),
        };
        if let Some(url) = self.lineitems {
            endpoint = endpoint.with_line_items(url).map_err(at::<Error>("lineitems"))?;
        }
        if let Some(url) = self.lineitem {
            endpoint = endpoint.with_line_item(url).map_err(at::<Error>("lineitem"))?;
        }
        Ok(endpoint)
    }
}

impl PolicyTable {
    fn check(self) -> Result<Policy, Problem> {
        let is_host = |host: &String| !host.trim().is_empty() && !host.contains('/');
        unless(
            self.allow_http_hosts.iter().all(is_host),
            "allow_http_hosts",
            "these are names of hosts, such as lms.internal",
        )?;
        unless(self.max_body_bytes > 0, "max_body_bytes", "it must be above 0")?;
        unless(self.max_pages > 0, "max_pages", "it must be above 0")?;
        unless(self.max_attempts > 0, "max_attempts", "it must be above 0; the first attempt counts")?;
        let origins: Result<_, Error> = self.allow_origins.iter().map(|origin| origin.parse()).collect();

        let mut policy = Policy::default();
        policy.allow_http_hosts = self.allow_http_hosts;
        policy.allow_origins = origins.map_err(at("allow_origins"))?;
        policy.max_pages = self.max_pages;
        policy.max_attempts = self.max_attempts;
        policy.deadline = seconds("deadline_seconds", self.deadline_seconds, 0.001)?;
        policy.max_retry_after = seconds("max_retry_after_seconds", self.max_retry_after_seconds, 0.0)?;
        Ok(policy)
    }
}

fn seconds(key: &'static str, seconds: f64, least: f64) -> Result<Duration, Problem> {
    let is_time = seconds >= least && seconds <= LONGEST;
    unless(
        is_time,
        key,
        if least > 0.0 { "it must be above 0, and a year at most" } else { "it must be 0 to a year" },
    )?;
    Duration::try_from_secs_f64(seconds).map_err(at(key))
}

/// The text without what may be a line of a private key, which says nothing of being one: a long run of base64.
fn without_keys(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+/=".contains(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(if end == 0 { next.len_utf8() } else { end });
        shown.push_str(if run.len() < LONGEST_WORD { run } else { "[redacted]" });
        rest = after;
    }
    shown
}

/// What the parser found, with its line and key; without the line itself, which may hold anything.
fn told(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let key = text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
    match key.filter(|key| !key.is_empty() && !message.contains(&format!("`{key}`"))) {
        Some(key) => format!("line {line}: {key}: {message}"),
        None => format!("line {line}: {message}"),
    }
}
