//! A cursor over the bytes of a header field: the tokens and quoted strings of RFC 9110 §5.6, which `Link`
//! and `WWW-Authenticate` share.

use std::borrow::Cow;

/// U+201C and U+201D, which Moodle 4.5 puts where straight quotes belong, share all but the last byte.
const CURLY: &[u8] = "\u{201c}\u{201d}".as_bytes();

/// What is left to read of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

/// The value of a parameter, as it stands in the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A token, or what stands in its place.
    Token(&'a [u8]),
    /// The inside of a quoted string, its escapes not yet removed.
    Quoted(&'a [u8]),
    /// A quoted string whose closing quote is missing: where it ends is anybody's guess.
    Unclosed(&'a [u8]),
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(field: &'a [u8]) -> Self {
        Self { rest: field }
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Steps over the next byte if it is `byte`.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.peek() == Some(byte);
        if eaten {
            self.skip(1);
        }
        eaten
    }

    pub(crate) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// Takes the bytes up to, not including, the first one of which `stop` holds.
    pub(crate) fn take_until(&mut self, stop: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| stop(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Steps over optional whitespace (RFC 9110 §5.6.3).
    pub(crate) fn skip_space(&mut self) {
        self.take_until(|byte| !is_space(byte));
    }

    /// Reads a value after its `=`: a quoted string, or everything up to one of `ends` or whitespace.
    pub(crate) fn value(&mut self, ends: &[u8]) -> Value<'a> {
        if self.eat(b'"') {
            return self.quoted(|at| match at {
                [b'\\', _, ..] => Mark::Skip(2),
                [b'"', ..] => Mark::End(1),
                _ => Mark::Skip(1),
            });
        }
        // Moodle 4.5: rel=“next”. No escapes here: nobody writes them.
        if is_curly(self.rest) {
            self.skip(3);
            return self.quoted(|at| if is_curly(at) { Mark::End(3) } else { Mark::Skip(1) });
        }
        Value::Token(self.take_until(|byte| is_space(byte) || ends.contains(&byte)))
    }

    /// Reads up to the closing quote that `mark` recognises, and steps over it.
    fn quoted(&mut self, mark: impl Fn(&[u8]) -> Mark) -> Value<'a> {
        let text = self.rest;
        let mut end = 0;
        while let Some(at @ [_, ..]) = text.get(end..) {
            match mark(at) {
                Mark::Skip(width) => end += width,
                Mark::End(width) => {
                    self.skip(end + width);
                    return Value::Quoted(text.get(..end).unwrap_or_default());
                }
            }
        }
        self.rest = &[];
        Value::Unclosed(text)
    }
}

enum Mark {
    Skip(usize),
    End(usize),
}

impl<'a> Value<'a> {
    /// The value meant: without quotes and escapes.
    pub(crate) fn text(self) -> Cow<'a, [u8]> {
        match self {
            Self::Quoted(raw) if raw.contains(&b'\\') => {
                let mut escaped = false;
                let unescape = |&byte: &u8| {
                    escaped = byte == b'\\' && !escaped;
                    (!escaped).then_some(byte)
                };
                raw.iter().filter_map(unescape).collect()
            }
            Self::Token(raw) | Self::Quoted(raw) | Self::Unclosed(raw) => Cow::Borrowed(raw),
        }
    }
}

pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_curly(bytes: &[u8]) -> bool {
    bytes.get(..3).is_some_and(|head| CURLY.chunks(3).any(|quote| quote == head))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(field: &str) -> (String, &[u8]) {
        let mut cursor = Cursor::new(field.as_bytes());
        let value = cursor.value(b";,").text().into_owned();
        (String::from_utf8(value).unwrap(), cursor.rest())
    }

    #[test]
    fn a_value_is_a_token_or_a_quoted_string() {
        assert_eq!(value("next;x"), ("next".into(), &b";x"[..]));
        assert_eq!(value(r#""a, \"b\" \\ c";x"#), (r#"a, "b" \ c"#.into(), &b";x"[..]));
        assert_eq!(value("\u{201c}prev next\u{201d}, x"), ("prev next".into(), &b", x"[..]));
    }

    #[test]
    fn a_quoted_string_without_end_is_told_apart() {
        assert_eq!(Cursor::new(b"\"a, b").value(b","), Value::Unclosed(b"a, b"));
        assert_eq!(Cursor::new(b"\"a\\\"").value(b","), Value::Unclosed(b"a\\\""));
        assert_eq!(Cursor::new(b"\"").value(b","), Value::Unclosed(b""));
    }
}
