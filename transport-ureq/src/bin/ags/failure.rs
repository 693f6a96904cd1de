//! A failure of the command: what goes to stderr, and the exit code.

use std::error::Error as StdError;
use std::fmt::Display;
use std::process::ExitCode;

use lti_ags_ureq::{Error, ErrorKind, printable};
use serde::Serialize;

use crate::output;

/// Why the command did not do all that it was asked.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Of a CSV.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    /// Something had been sent by then, whatever it is about.
    #[serde(skip)]
    came_late: bool,
    /// Of wrong usage: what to read instead of the message, where nobody asked for JSON.
    #[serde(skip)]
    usage: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, message: impl Display) -> Self {
        Self {
            kind,
            message: printable(&message.to_string()),
            status: None,
            row: None,
            came_late: false,
            usage: None,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new("usage", message)
    }

    /// The configuration is.
    pub(crate) fn configuration(message: impl Display) -> Self {
        Self::new("configuration", message)
    }

    /// A key, the claims or a CSV are.
    pub(crate) fn input_file(message: impl Display) -> Self {
        Self::new("input_file", message)
    }

    /// Standard output does not take what there is to tell.
    pub(crate) fn output(error: &std::io::Error) -> Self {
        Self::new("output", format_args!("standard output cannot be written: {error}"))
    }

    /// In this row of a CSV.
    pub(crate) fn in_row(self, row: Option<u64>) -> Self {
        Self { row, ..self }
    }

    /// Found when something had been sent already.
    pub(crate) fn too_late(self) -> Self {
        Self { came_late: true, ..self }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// With another message, made of this one: without secrets that are known elsewhere.
    pub(crate) fn map(self, change: impl FnOnce(&str) -> String) -> Self {
        Self { message: change(&self.message), ..self }
    }

    /// Tells it on stderr, as JSON on the last line or as text.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        #[derive(Serialize)]
        struct Line<'a> {
            error: &'a Failure,
        }
        let text = match (&self.usage, serde_json::to_string(&Line { error: self })) {
            (_, Ok(line)) if json => line,
            (Some(usage), _) => usage.clone(),
            _ => format!("ags: {}", self.message),
        };
        output::stderr(&text);
        match self.kind {
            "usage" | "configuration" | "input_file" | "journal" if !self.came_late => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// What the library or a platform said, and what to do about it here.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::InvalidInput => "usage",
            ErrorKind::InvalidKey => "input_file",
            kind => kind.name(),
        };
        let mut message = chain(&error);
        if let Some(advice) = advice(&error) {
            message = format!("{message}; {advice}");
        }
        Self { status: error.status().map(|status| status.as_u16()), ..Self::new(kind, message) }
    }
}

impl From<&clap::Error> for Failure {
    fn from(error: &clap::Error) -> Self {
        let text = error.to_string();
        // clap tells what is wrong in its first paragraph; with no command at all, it is the help.
        let (first, _) = text.split_once("\n\n").unwrap_or((&text, ""));
        let message = match first.strip_prefix("error: ") {
            Some(message) => printable(message),
            None => "a command is needed; see --help".to_owned(),
        };
        let usage = text.trim_end().lines().map(output::clean).collect::<Vec<_>>().join("\n");
        Self { usage: Some(usage), ..Self::usage(message) }
    }
}

/// An error with its causes, each said once.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}

/// What can be done with this command's own means.
fn advice(error: &Error) -> Option<&'static str> {
    Some(match error.kind() {
        ErrorKind::ServiceNotAvailable => "URLs come from [endpoint], from --claims or from the command line",
        ErrorKind::MissingScope => {
            "`ags token` shows what the platform grants; scopes come from [endpoint] or from --claims"
        }
        ErrorKind::InsecureUrl => "the name goes into allow_http_hosts of [policy]",
        ErrorKind::ForeignOrigin => "if it is to go there, add the origin to allow_origins of [policy]",
        // What the platform itself refuses cannot be forced.
        ErrorKind::CoupledLineItem if error.status().is_none() => "`--force` deletes it",
        ErrorKind::AmbiguousLineItem => {
            "`ags line-items list` shows them; tell them apart by more ids, or by a tag"
        }
        ErrorKind::OutcomeUnknown => {
            "`ags line-items ensure`, with a resource id or a tag, never makes a second one"
        }
        ErrorKind::RateLimited { .. } => {
            "max_retry_after_seconds and deadline_seconds of [policy] set how long to wait"
        }
        ErrorKind::StaleTimestamp => {
            "it holds a later score, a person's perhaps, or one from a clock that is ahead: post again later, or with a \
             later --timestamp"
        }
        ErrorKind::ResponseTooLarge => "max_body_bytes of [policy] sets the limit",
        ErrorKind::TooManyPages => "max_pages of [policy] sets the limit",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::io::Error);

    impl Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "outer, disk full")
        }
    }

    impl StdError for Outer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_chain_says_each_cause_once() {
        assert_eq!(chain(&Outer(std::io::Error::other("disk full"))), "outer, disk full");
        assert_eq!(chain(&Outer(std::io::Error::other("no inode"))), "outer, disk full: no inode");
    }

    #[test]
    fn a_failure_is_one_line_of_json_without_what_is_not_known() {
        let failure = Failure::configuration("line 3:\n\u{1b}[31mbad");
        assert_eq!(
            serde_json::to_string(&failure).unwrap(),
            r#"{"kind":"configuration","message":"line 3: bad"}"#
        );
    }
}
