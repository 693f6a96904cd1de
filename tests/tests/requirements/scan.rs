//! Finds the requirements that tests name, by reading their sources.
//!
//! What counts as naming, all of it:
//!
//! - The place is a line comment (`//`, neither `///` nor `//!`) inside a test, or directly above its attributes
//!   and its `fn`, with no blank line between.
//! - A test is a function under `#[test]` (or `#[tokio::test]`) that is not under `#[ignore]`, or a scenario:
//!   `fn name<T: Tool>()`, or `fn name<T: Tool>(like: Personality)`.
//! - A requirement is written in full, `AGS-PAGE-05`; several are written one after the other with anything
//!   between them; `AGS-SUBM-01..04` is 01 to 04, the last one included.
//! - Anything shorter or looser (`AGS-TS-02, 04`, `AGS-PAGE-01 to 03`, `AGS-PAGE`) is an error, since it would
//!   be read as something else than was meant.

/// How a scenario's signature goes on behind its name.
const SCENARIOS: [&str; 2] = ["<T: Tool>()", "<T: Tool>(like: Personality)"];

/// What one test names, in the order of its comments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) function: String,
    pub(crate) ids: Vec<String>,
}

/// The tests of a source file that name requirements.
///
/// # Errors
///
/// The comment that cannot be read.
pub(crate) fn tests(source: &str) -> Result<Vec<Test>, String> {
    let mut found = Vec::new();
    let mut above = Above::default();
    let mut inside: Option<(Test, Extent)> = None;
    for line in lines(source) {
        let code = line.code.trim();
        if let Some((test, _)) = &mut inside {
            test.ids.extend(ids(&line.comment)?);
        } else if code.is_empty() && line.comment.is_empty() {
            above = Above::default();
        } else if code.is_empty() || above.in_attribute || code.starts_with("#[") {
            above.read(code, &line.comment);
        } else {
            let above = std::mem::take(&mut above);
            if let Some(function) = function_name(code)
                && (above.is_test && !above.is_ignored
                    || SCENARIOS.iter().any(|signature| code.contains(signature)))
            {
                let ids = ids(&(above.comments + &line.comment))?;
                inside = Some((Test { function: function.to_owned(), ids }, Extent::default()));
            }
        }
        if let Some((_, extent)) = &mut inside
            && extent.ends_with(code)
        {
            found.extend(inside.take().map(|(test, _)| test).filter(|test| !test.ids.is_empty()));
        }
    }
    Ok(found)
}

/// What stands directly above a function.
#[derive(Default)]
struct Above {
    comments: String,
    in_attribute: bool,
    is_test: bool,
    is_ignored: bool,
}

impl Above {
    fn read(&mut self, code: &str, comment: &str) {
        self.comments += comment;
        self.comments.push('\n');
        if let Some(attribute) = code.strip_prefix("#[") {
            let path = attribute.split([']', '(', ' ']).next().unwrap_or_default();
            self.is_test |= path == "test" || path.ends_with("::test");
            self.is_ignored |= path == "ignore";
        }
        if !code.is_empty() {
            self.in_attribute = !code.ends_with(']');
        }
    }
}

/// How far a function goes: to the brace that closes its first one.
#[derive(Default)]
struct Extent {
    open: usize,
}

impl Extent {
    fn ends_with(&mut self, code: &str) -> bool {
        for character in code.chars() {
            match character {
                '{' => self.open += 1,
                '}' if self.open == 1 => return true,
                '}' => self.open = self.open.saturating_sub(1),
                _ => {}
            }
        }
        false
    }
}

fn function_name(code: &str) -> Option<&str> {
    let signature =
        ["pub ", "async "].iter().fold(code, |code, word| code.strip_prefix(word).unwrap_or(code));
    let name = signature.strip_prefix("fn ")?.split(['(', '<']).next()?;
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some(name)
}

/// The requirements a comment names.
fn ids(comment: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for line in comment.lines() {
        let mut rest = line;
        while let Some((_, from)) = rest.split_once("AGS-") {
            let malformed = || format!("`{}` is not read: write requirements in full", line.trim());
            let (group, after) = split_while(from, |c| c.is_ascii_uppercase());
            let (first, mut after) =
                number(after.strip_prefix('-').ok_or_else(malformed)?).ok_or_else(malformed)?;
            let mut last = first;
            if let Some(end) = after.strip_prefix("..") {
                (last, after) = number(end).ok_or_else(malformed)?;
            }
            if group.is_empty() || last < first || continues(after) {
                return Err(malformed());
            }
            found.extend((first..=last).map(|number| format!("AGS-{group}-{number:02}")));
            rest = after;
        }
    }
    Ok(found)
}

/// Whether more numbers are meant by what follows a requirement.
fn continues(rest: &str) -> bool {
    let next = rest.trim_start_matches([' ', ',', '/', '&', '-', '–', '.', '=']);
    let next_word = next.strip_prefix("and ").unwrap_or(next);
    next_word.starts_with(|c: char| c.is_ascii_digit()) || next.starts_with("to ")
}

/// A number of exactly two digits, and what follows.
fn number(text: &str) -> Option<(u8, &str)> {
    let (digits, rest) = split_while(text, |c| c.is_ascii_digit());
    if digits.len() == 2 { Some((digits.parse().ok()?, rest)) } else { None }
}

fn split_while(text: &str, accept: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !accept(c)).unwrap_or(text.len()))
}

/// One line of a source: its code without literals, and its line comment.
#[derive(Debug, Default, PartialEq, Eq)]
struct Line {
    code: String,
    comment: String,
}

/// Takes a source apart, so that neither a brace nor a slash within a literal is mistaken for the real thing.
fn lines(source: &str) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let length = literal(rest, lines.last().map_or("", |line| &line.code))
            .or_else(|| block_comment(rest))
            .or_else(|| rest.starts_with("//").then(|| rest.find('\n').unwrap_or(rest.len())))
            .unwrap_or(character.len_utf8());
        let (piece, after) = rest.split_at(length);
        let is_doc = piece.starts_with("//!") || piece.starts_with("///");
        if let Some(line) = lines.last_mut() {
            match piece.strip_prefix("//") {
                Some(text) if !is_doc => line.comment.push_str(text),
                // A doc comment is part of its item, so that its line is not taken for a blank one.
                Some(_) => line.comment.push(' '),
                None if length == character.len_utf8() && character != '\n' => line.code.push(character),
                None => {}
            }
        }
        lines.extend(piece.matches('\n').map(|_| Line::default()));
        rest = after;
    }
    lines
}

/// The length of the string or character that begins here, if one does.
fn literal(rest: &str, before: &str) -> Option<usize> {
    if let Some(text) = rest.strip_prefix('"') {
        return Some(1 + quoted(text, '"'));
    }
    if let Some(text) = rest.strip_prefix('\'') {
        // Anything else is a lifetime.
        let is_character = text.starts_with('\\') || text.chars().nth(1) == Some('\'');
        return is_character.then(|| 1 + quoted(text, '\''));
    }
    let within_a_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_') && !before.ends_with('b');
    let (hashes, text) = split_while(rest.strip_prefix('r').filter(|_| !within_a_word)?, |c| c == '#');
    let end = format!("\"{hashes}");
    let content = text.strip_prefix('"')?;
    let opening = rest.len() - content.len();
    Some(opening + content.find(&end).map_or(content.len(), |at| at + end.len()))
}

/// The length up to and with the closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if character == quote && !escaped {
            return at + 1;
        }
        escaped = character == '\\' && !escaped;
    }
    text.len()
}

fn block_comment(rest: &str) -> Option<usize> {
    let mut at = rest.starts_with("/*").then_some(2)?;
    let mut depth = 1;
    while depth > 0 {
        let text = rest.get(at..)?;
        if text.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += text.chars().next().map_or(rest.len(), char::len_utf8);
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<(String, String)> {
        tests(source).unwrap().into_iter().map(|test| (test.function, test.ids.join(" "))).collect()
    }

    fn one(function: &str, ids: &str) -> Vec<(String, String)> {
        vec![(function.to_owned(), ids.to_owned())]
    }

    #[test]
    fn full_ids_and_ranges_are_read() {
        assert_eq!(ids(" AGS-PAGE-05").unwrap(), ["AGS-PAGE-05"]);
        assert_eq!(ids("AGS-TS-02, AGS-TS-04: why").unwrap(), ["AGS-TS-02", "AGS-TS-04"]);
        assert_eq!(
            ids("AGS-SUBM-09..11, AGS-TS-01.").unwrap(),
            ["AGS-SUBM-09", "AGS-SUBM-10", "AGS-SUBM-11", "AGS-TS-01"]
        );
        assert_eq!(ids("AGS 3.2.4: one, two").unwrap(), [""; 0]);
        assert_eq!(ids("AGS-TS-08, then 409").unwrap(), ["AGS-TS-08"]);
    }

    #[test]
    fn anything_looser_is_an_error() {
        for comment in [
            "AGS-TS-02, 04",
            "AGS-TS-02 and 04",
            "AGS-TS-02/04",
            "AGS-PAGE-01 to 03",
            "AGS-PAGE-01 to AGS-PAGE-03",
            "AGS-PAGE-01-03",
            "AGS-PAGE-01...03",
            "AGS-PAGE-01..=03",
            "AGS-PAGE-03..01",
            "AGS-PAGE-01..3",
            "AGS-PAGE",
            "AGS-PAGE-1",
            "AGS-PAGE-001",
            "AGS-page-01",
            "AGS-TS-01, AGS-TS-x",
        ] {
            assert!(ids(comment).unwrap_err().contains(comment), "{comment}");
        }
    }

    #[test]
    fn comments_above_and_inside_belong_to_the_test() {
        let source = r"
// AGS-A-01
#[test]
// AGS-A-02
fn sums() {
    // AGS-A-03
    if x {
    }
    y(); // AGS-A-04
}
// AGS-A-05
";
        assert_eq!(found(source), one("sums", "AGS-A-01 AGS-A-02 AGS-A-03 AGS-A-04"));
    }

    #[test]
    fn tests_within_modules_and_macros_are_found() {
        let source = r"
mod tests {
    proptest! {
        #[test]
        fn holds(
            x in 0..9,
        ) {
            // AGS-A-01
        }
    }
}
";
        assert_eq!(found(source), one("holds", "AGS-A-01"));
        assert_eq!(
            found("// AGS-A-01\n#[tokio::test(\n    x = 1\n)]\nasync fn waits() {}\n"),
            one("waits", "AGS-A-01")
        );
    }

    #[test]
    fn a_scenario_is_a_test() {
        assert_eq!(found("// AGS-A-01\nfn posts<T: Tool>() {\n}\n"), one("posts", "AGS-A-01"));
        let on_platforms = "// AGS-A-01\nfn posts<T: Tool>(like: Personality) {\n}\n";
        assert_eq!(found(on_platforms), one("posts", "AGS-A-01"));
        assert_eq!(found("// AGS-A-01\nfn posts_to<T: Tool>(url: &str) {\n}\n"), []);
    }

    #[test]
    fn what_is_not_run_names_nothing() {
        assert_eq!(found("// AGS-A-01\nfn helper() {\n    // AGS-A-02\n}\n"), []);
        assert_eq!(found("// AGS-A-01\n#[test]\n#[ignore = \"slow\"]\nfn sleeps() {\n}\n"), []);
        assert_eq!(found("#[test]\n/// AGS-A-01\nfn documented() {\n}\n//! AGS-A-02\n"), []);
        assert_eq!(found("#[test]\nfn a() {\n}\n// AGS-A-01\nconst A: u8 = 1;\n#[test]\nfn b() {\n}\n"), []);
        assert_eq!(found("// AGS-A-01\n\n#[test]\nfn apart() {\n}\n"), []);
    }

    #[test]
    fn helpers_within_a_test_do_not_end_it() {
        let source = "#[test]\nfn outer() {\n    fn inner() {\n    }\n    // AGS-A-01\n}\n";
        assert_eq!(found(source), one("outer", "AGS-A-01"));
    }

    #[test]
    fn literals_are_neither_code_nor_comment() {
        for literal in [
            r#""}""#,
            r#""// AGS-A-02""#,
            r#""\"} // AGS-A-02""#,
            "r#\"\"} // AGS-A-02\n}\"#",
            "br\"} \\\"",
            "\"first {\n// AGS-A-02\n\"",
            "'}'",
            r"'\''",
            r#"'"'"#,
            "/* } /* } */ AGS-A-02 */",
        ] {
            let source =
                format!("#[test]\nfn reads<'a>() {{\n    see::<'a>({literal});\n    // AGS-A-01\n}}\n");
            assert_eq!(found(&source), one("reads", "AGS-A-01"), "{literal}");
        }
    }
}
