//! What the command writes: tables and sentences for people, or JSON Lines for programs.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::ControlFlow;

use lti_ags_ureq::{Client, Extensions, Member, Page, printable};
use serde::{Serialize, Serializer};

use crate::failure::Failure;
use crate::table::Table;

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

    /// Tells one thing: as a line of JSON, or in words for people, which may have several lines. What of it is the platform's
    /// has been [redacted](Self::shown).
    pub(crate) fn tell(&self, record: &impl Serialize, words: &str) -> Result<(), Failure> {
        if self.json {
            return write(&line(record)?).map(drop);
        }
        let lines: Vec<_> = words.lines().map(clean).collect();
        write(&format!("{}\n", lines.join("\n"))).map(drop)
    }

    /// Tells one thing that is the platform's.
    pub(crate) fn tell_item(&self, item: &impl Member, words: &str) -> Result<(), Failure> {
        if self.json { write(&self.item(item)?).map(drop) } else { self.tell(&(), words) }
    }

    /// Tells a list as its pages come: as lines of JSON, or as a table for people, or what to say if it is empty.
    pub(crate) fn list<T: Member, const N: usize>(
        &self,
        pages: impl Iterator<Item = Result<Page<T>, Failure>>,
        mut table: Table<N>,
        empty: &str,
        row: impl Fn(&T) -> [String; N],
    ) -> Result<(), Failure> {
        let mut is_empty = true;
        for page in pages {
            let items = page?.items;
            is_empty &= items.is_empty();
            let text = if self.json {
                items.iter().map(|item| self.item(item)).collect::<Result<String, _>>()?
            } else {
                table.page(items.iter().map(|item| row(item).map(|cell| self.shown(&cell))))
            };
            if write(&text)?.is_break() {
                return Ok(());
            }
        }
        if is_empty && !self.json { write(&format!("{empty}\n")).map(drop) } else { Ok(()) }
    }

    /// Says on stderr what is good to know, and no failure.
    pub(crate) fn note(&self, text: &str) {
        stderr(&format!("ags: note: {}", self.shown(text)));
    }

    /// A text from outside, on one line and without secrets.
    pub(crate) fn shown(&self, text: &str) -> String {
        self.redact(&printable(text)).into_owned()
    }

    /// Whether it is for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// A line of JSON, of what is the platform's.
    fn item(&self, item: &impl Member) -> Result<String, Failure> {
        let line = serde_json::to_string(item).and_then(without_nulls);
        let line = line.and_then(|line| with_strings(&line, |text| self.redact(text)));
        Ok(tame(line.map_err(|error| Failure::output(&error.into()))?) + "\n")
    }

    fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.client.map_or(Cow::Borrowed(text), |client| client.redact(text))
    }
}

/// A line of JSON.
pub(crate) fn line(record: &impl Serialize) -> Result<String, Failure> {
    let line = serde_json::to_string(record).map_err(|error| Failure::output(&error.into()))?;
    Ok(tame(line) + "\n")
}

/// The same JSON with escapes for the characters beyond ASCII that drive a terminal, or that nobody sees: programs read it as
/// before, and people may look at it.
fn tame(json: String) -> String {
    let is_wild = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}')
            || !c.is_ascii() && !c.is_whitespace() && printable(c.encode_utf8(&mut [0; 4])).is_empty()
    };
    if !json.contains(is_wild) {
        return json;
    }
    let mut tamed = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_wild(c) {
            tamed.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            tamed.push(c);
        }
    }
    tamed
}

/// An object of JSON without its null members, whoever named them; those inside of its members are data.
fn without_nulls(line: String) -> serde_json::Result<String> {
    struct Members(Extensions);

    impl Serialize for Members {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().filter(|(_, value)| value.get() != "null"))
        }
    }

    if line.contains("null") {
        return serde_json::to_string(&Members(serde_json::from_str(&line)?));
    }
    Ok(line)
}

/// The names of members that the specification has (AGS 3.2.5, 3.3.4): a secret may be called so, too.
const NAMES: [&str; 15] = [
    "id",
    "label",
    "scoreMaximum",
    "resourceLinkId",
    "resourceId",
    "tag",
    "startDateTime",
    "endDateTime",
    "gradesReleased",
    "scoreOf",
    "userId",
    "resultScore",
    "resultMaximum",
    "comment",
    "scoringUserId",
];

/// JSON with each string changed, at any depth, but for the names that the specification has. All else stays byte for byte.
fn with_strings(json: &str, change: impl for<'t> Fn(&'t str) -> Cow<'t, str>) -> serde_json::Result<String> {
    let mut changed = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, from)) = rest.find('"').and_then(|at| rest.split_at_checked(at)) {
        let mut strings = serde_json::Deserializer::from_str(from).into_iter::<String>();
        let text = strings.next().transpose()?.unwrap_or_default();
        let (string, after) = from.split_at_checked(strings.byte_offset()).unwrap_or((from, ""));
        let is_fixed = after.trim_start().starts_with(':') && NAMES.contains(&&*text);
        changed.push_str(before);
        match change(&text) {
            Cow::Owned(text) if !is_fixed => changed.push_str(&serde_json::to_string(&text)?),
            _ => changed.push_str(string),
        }
        rest = after;
    }
    Ok(changed + rest)
}

/// Writes text as it is, and says whether to go on: a reader that has seen enough (`ags … | head`) is no failure.
pub(crate) fn write(text: &str) -> Result<ControlFlow<()>, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(Failure::output(&error)),
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

/// A number of things, in words.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, one: &str, many: &str) -> String {
    if number == N::from(1) { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_members_are_left_out_and_others_kept_byte_for_byte() {
        let line = r#"{"a":null,"b":{"c":null,"n":1.50},"null":"null","d":[null],"e":1e400,"f":null}"#;
        let kept = r#"{"b":{"c":null,"n":1.50},"null":"null","d":[null],"e":1e400}"#;
        assert_eq!(without_nulls(line.to_owned()).unwrap(), kept);
        assert_eq!(without_nulls(r#"{"a":1}"#.to_owned()).unwrap(), r#"{"a":1}"#);
    }

    #[test]
    fn strings_are_changed_and_the_specifications_names_are_not() {
        fn change(text: &str) -> Cow<'_, str> {
            if text.contains('a') { Cow::Owned(text.replace('a', "\"")) } else { Cow::Borrowed(text) }
        }
        let line = r#"{"tag":"a \"b","n":1.50,"a" :["a",{"tag" :"x\/a"},"b\/"],"t":true}"#;
        let changed = r#"{"tag":"\" \"b","n":1.50,"\"" :["\"",{"tag" :"x/\""},"b\/"],"t":true}"#;
        assert_eq!(with_strings(line, change).unwrap(), changed);
        assert_eq!(with_strings("{}", change).unwrap(), "{}");
    }

    #[test]
    fn columns_stay_where_nothing_else_is_to_change() {
        assert_eq!(clean("  label   maximum"), "  label   maximum");
        assert_eq!(clean("  a\u{1b}[31m   b\t"), "a b");
        assert_eq!(clean("  x   Bearer abcd"), "x Bearer [redacted]");
    }
}
