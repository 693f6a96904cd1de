//! The platform that a command is for: a client and an endpoint, out of the configuration, the claims and the flags.

use std::error::Error as StdError;
use std::fs;
use std::path::Path;

use lti_ags_ureq::{
    Client, Endpoint, Error, ErrorKind, Event, EventKind, Grant, Launch, Member, Operation, Page,
    Registration, ServiceUrl, printable,
};

use crate::args::Global;
use crate::config::Config;
use crate::failure::{Failure, chain};
use crate::output::{self, Output};

/// A client of one registration, and the endpoint that it works on.
#[derive(Debug)]
pub(crate) struct Platform {
    client: Client,
    endpoint: Endpoint,
    names_scopes: bool,
    json: bool,
}

/// What is told each event.
type Watch = dyn Fn(&Event) + Send + Sync;

impl Platform {
    /// Reads the configuration and the claims. `url` is the one on the command line: where no other is known, its origin
    /// is the one to trust.
    pub(crate) fn open(global: &Global, url: Option<&ServiceUrl>) -> Result<Self, Failure> {
        Self::assemble(global, url, None)
    }

    /// The same, with each event told.
    pub(crate) fn watched(
        global: &Global,
        url: Option<&ServiceUrl>,
        watch: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        Self::assemble(global, url, Some(Box::new(watch)))
    }

    fn assemble(
        global: &Global,
        url: Option<&ServiceUrl>,
        watch: Option<Box<Watch>>,
    ) -> Result<Self, Failure> {
        let Config {
            mut registration,
            mut endpoint,
            mut names_scopes,
            mut policy,
            request_timeout,
            max_body_bytes,
        } = Config::read(global.config.as_deref())?;
        if let Some(path) = &global.claims {
            let launch = launch(path, &registration)?;
            if let (None, Some(deployment_id)) = (registration.deployment_id(), launch.deployment_id()) {
                registration = registration.with_deployment_id(deployment_id);
            }
            // A difference has been noted; the claims are of the platform that is meant.
            if let Some(issuer) = launch.issuer() {
                registration = registration.with_issuer(issuer);
            }
            endpoint = launch.endpoint().map_err(|error| in_claims(path, error))?;
            names_scopes = true;
        }
        if let (Some(url), Err(_), Err(_)) = (url, endpoint.line_items(), endpoint.line_item()) {
            policy.allow_origins.push(url.origin().clone());
        }
        let mut client = Client::builder(registration)
            .policy(policy)
            .request_timeout(request_timeout)
            .max_body_bytes(max_body_bytes);
        client = match (global.trace, watch) {
            (false, None) => client,
            (true, None) => client.observe(trace),
            (false, Some(watch)) => client.observe(watch),
            (true, Some(watch)) => client.observe(move |event| {
                trace(event);
                watch(event);
            }),
        };
        Ok(Self { client: client.build(), endpoint, names_scopes, json: global.json })
    }

    /// Performs an operation.
    pub(crate) fn call<O: Operation>(&self, operation: O) -> Result<O::Output, Failure> {
        self.client.call(&self.endpoint, operation).map_err(|error| self.failure(error))
    }

    /// The pages of a list, read one by one as they are asked for. It ends after a failure.
    pub(crate) fn pages<O, T>(&self, first: O) -> impl Iterator<Item = Result<Page<T>, Failure>>
    where
        O: Operation<Output = Page<T>>,
        T: Member,
    {
        self.client.pages(&self.endpoint, first).map(|page| page.map_err(|error| self.failure(error)))
    }

    /// Gets a token.
    pub(crate) fn authorize(&self) -> Result<Grant, Failure> {
        self.client.authorize(&self.endpoint).map_err(|error| self.failure(error))
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the scopes of the endpoint are named by the configuration or the claims, and not just all that there are.
    pub(crate) fn names_scopes(&self) -> bool {
        self.names_scopes
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn output(&self) -> Output<'_> {
        Output::of(self.json, &self.client)
    }

    /// The failure that an error is, without secrets.
    pub(crate) fn failure(&self, error: Error) -> Failure {
        Failure::from(error).map(|message| self.client.redact(message).into_owned())
    }
}

/// A URL on the command line, which an error does not repeat: it may hold a password.
pub(crate) fn url(flag: &str, text: Option<&str>) -> Result<Option<ServiceUrl>, Failure> {
    text.map(str::parse)
        .transpose()
        .map_err(|error: Error| Failure::usage(format_args!("{flag}: {}", chain(&error))))
}

fn launch(path: &Path, registration: &Registration) -> Result<Launch, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::input_file(format_args!("the claims in {shown} cannot be read: {error}"))
    })?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with("eyJ") {
        return Err(Failure::input_file(format_args!(
            "{shown} holds a token, not claims: verify it, and give the JSON object that it carries"
        )));
    }
    let launch = Launch::from_json(text).map_err(|error| in_claims(path, error))?;
    launch.client_id(Some(registration.client_id())).map_err(|error| in_claims(path, error))?;
    if let (Some(issuer), Some(configured)) = (launch.issuer(), registration.issuer())
        && issuer != configured
    {
        output::note(&format!("the claims in {shown} are of the issuer {issuer}, not of {configured}"));
    }
    Ok(launch)
}

/// What is wrong with claims is a bad file; that they offer nothing is the platform's word.
fn in_claims(path: &Path, error: Error) -> Failure {
    match error.kind() {
        ErrorKind::InvalidInput => Failure::input_file(format_args!("{}: {}", path.display(), chain(&error))),
        _ => error.into(),
    }
}

/// One line an exchange.
fn trace(event: &Event) {
    let EventKind::Exchange { outcome, .. } = &event.kind else { return };
    let mut line = printable(&format!("ags: trace: {event}"));
    // The event says what became of the request; its source says why.
    if let Some(source) = outcome.as_ref().err().and_then(StdError::source) {
        line = format!("{line}: {}", printable(&chain(source)));
    }
    output::stderr(&line);
}
