//! What the command writes: tables and sentences for people, or JSON Lines for programs.

use std::borrow::Cow;
use std::io::{self, Write};

use lti_ags_ureq::{Client, printable};
use serde::Serialize;

use crate::failure::Failure;

/// Standard output, in one of its two manners.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output<'a> {
    json: bool,
    client: Option<&'a Client>,
}

impl<'a> Output<'a> {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, client: None }
    }

    /// Without the tokens of this client, should a platform have repeated one.
    pub(crate) fn of(json: bool, client: &'a Client) -> Self {
        Self { json, client: Some(client) }
    }

    /// Tells one thing: as a line of JSON, or in words for people, which may have several lines.
    pub(crate) fn tell(&self, record: &impl Serialize, words: &str) -> Result<(), Failure> {
        if self.json {
            let line = serde_json::to_string(record).map_err(|error| Failure::output(&error.into()))?;
            return write(&format!("{}\n", self.redact(&line)));
        }
        let lines: Vec<_> = words.lines().map(|line| self.redact(&clean(line)).into_owned()).collect();
        write(&format!("{}\n", lines.join("\n")))
    }

    fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.client.map_or(Cow::Borrowed(text), |client| client.redact(text))
    }
}

/// Writes text as it is. A reader that has seen enough (`ags … | head`) is no failure.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::output(&error)),
        _ => Ok(()),
    }
}

/// A line fit for a terminal: as [`printable`] makes it, its columns kept where nothing else is to change.
pub(crate) fn clean(line: &str) -> Cow<'_, str> {
    let words = |line: &str| line.split_whitespace().collect::<String>();
    let shown = printable(line);
    if words(&shown) == words(line) && !line.contains(char::is_control) {
        Cow::Borrowed(line)
    } else {
        Cow::Owned(shown)
    }
}

/// Says on stderr what is good to know, and no failure.
pub(crate) fn note(text: &str) {
    stderr(&format!("ags: note: {}", printable(text)));
}

/// Writes a text and a line break to stderr, in one piece. There is nobody left to tell if that fails.
pub(crate) fn stderr(text: &str) {
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stay_where_nothing_else_is_to_change() {
        assert_eq!(clean("  label   maximum"), "  label   maximum");
        assert_eq!(clean("  a\u{1b}[31m   b\t"), "a b");
        assert_eq!(clean("  x   Bearer abcd"), "x Bearer [redacted]");
    }
}
