//! What a check found: a sentence each, as it is found, and in the end whether the platform can be used.

use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use crate::failure::Failure;
use crate::output::Output;

/// How many columns of a terminal a line of the report takes, and how many of them are left of the words.
const WIDTH: usize = 100;
const INDENT: usize = 9;

/// The findings so far.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    output: Output<'a>,
    findings: u32,
    failed: u32,
    /// The first thing that keeps a tool from using the platform.
    obstacle: Option<Failure>,
}

#[derive(Serialize)]
struct Finding<'a> {
    check: &'a str,
    ok: bool,
    detail: &'a str,
}

impl<'a> Report<'a> {
    pub(crate) fn new(output: Output<'a>) -> Self {
        Self { output, findings: 0, failed: 0, obstacle: None }
    }

    /// A text from the platform, on one line and without secrets.
    pub(crate) fn shown(&self, text: &str) -> String {
        self.output.shown(text)
    }

    /// It is as the specification has it, or cannot be judged here.
    pub(crate) fn fine(&mut self, check: &str, detail: &str) -> Result<(), Failure> {
        self.tell("ok", check, detail)
    }

    /// The platform has its own way there, and can be used all the same.
    pub(crate) fn differs(&mut self, check: &str, detail: &str) -> Result<(), Failure> {
        self.tell("differs", check, detail)
    }

    /// It does not work, and has to.
    pub(crate) fn fails(
        &mut self,
        check: &str,
        detail: &str,
        why: impl Into<Failure>,
    ) -> Result<(), Failure> {
        self.obstacle.get_or_insert(why.into());
        self.tell("FAILS", check, detail)
    }

    fn tell(&mut self, mark: &str, check: &str, detail: &str) -> Result<(), Failure> {
        let (ok, detail) = (mark == "ok", &*self.output.shown(detail));
        self.findings += 1;
        self.failed += u32::from(!ok);
        let words = wrapped(&format!("{mark:<INDENT$}{check}: {detail}"));
        self.output.tell(&Finding { check, ok, detail }, &words)
    }

    /// Tells what it comes to. Where the platform cannot be used, that is the failure of the command.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Line {
            summary: Summary,
        }
        #[derive(Serialize)]
        struct Summary {
            usable: bool,
            findings: u32,
            failed: u32,
        }
        let Self { output, findings, failed, obstacle } = self;
        let usable = obstacle.is_none();
        let words = match (usable, failed) {
            (true, 0) => "\nThe platform can be used, and is as the specification has it.".to_owned(),
            (true, _) => format!(
                "\nThe platform can be used. In {failed} of {findings} findings it has its own ways (\"differs\")."
            ),
            (false, _) => "\nThe platform cannot be used as it is: see what is marked \"FAILS\".".to_owned(),
        };
        output.tell(&Line { summary: Summary { usable, findings, failed } }, &words)?;
        obstacle.map_or(Ok(()), Err)
    }
}

/// Lines of a terminal, all but the first with room on the left. A word that is too long stays whole, so that a URL can be
/// copied.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 && width + 1 + word.width() > WIDTH {
            lines.extend(["\n", &" ".repeat(INDENT)]);
            width = INDENT;
        } else if index > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += word.width();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_findings_are_wrapped_at_words() {
        let text = format!("ok       paging: {}{}", "one two ".repeat(11), "x".repeat(120));
        let wrapped = wrapped(&text);
        assert_eq!(
            wrapped.split_whitespace().collect::<Vec<_>>(),
            text.split_whitespace().collect::<Vec<_>>()
        );
        assert_eq!(wrapped.lines().count(), 3, "{wrapped}");
        assert!(
            wrapped
                .lines()
                .skip(1)
                .all(|line| line.starts_with("         ") && !line.starts_with("          "))
        );
        assert!(wrapped.lines().take(2).all(|line| line.width() <= WIDTH));
    }
}
