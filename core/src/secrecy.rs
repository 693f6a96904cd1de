//! What must not be shown: a holder for tokens and assertions, and the removal of secrets from text that a platform
//! or a transport wrote (1EdTech Security Framework; RFC 6750 §5.3).

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use zeroize::Zeroizing;

/// What stands where a secret stood.
pub(crate) const REDACTED: &str = "[redacted]";

/// Secrets shorter than this are not looked for: they would take half of any text with them.
const SHORTEST: usize = 4;

/// Parameters whose value is a secret, wherever they stand (RFC 6749, RFC 7521).
const PARAMETERS: [&str; 5] =
    ["access_token", "client_assertion", "client_secret", "id_token", "refresh_token"];

/// A token or an assertion: not shown by `Debug`, wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; copies made before are the caller's to wipe.
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Replaces by `[redacted]` each of `secrets`, whatever looks like a JWT, the values of `Bearer` and of parameters
/// such as `access_token`, and private keys in PEM; percent-encoded ones and those with escapes of JSON or HTML too.
pub(crate) fn scrub<'a>(text: &'a str, secrets: &[&str]) -> Cow<'a, str> {
    find_and_replace(text, |view, found| {
        view.search(secrets, found);
        view.search_patterns(found);
    })
}

/// Replaces by `[redacted]` each of `secrets`, percent-encoded or with escapes of JSON or HTML too, and nothing else: for
/// data, where what merely looks like a secret is to stay.
pub(crate) fn scrub_only<'a>(text: &'a str, secrets: &[&str]) -> Cow<'a, str> {
    find_and_replace(text, |view, found| view.search(secrets, found))
}

fn find_and_replace(text: &str, search: impl Fn(&View<'_>, &mut Vec<Range<usize>>)) -> Cow<'_, str> {
    let mut found = Vec::new();
    let plain = View::of(text);
    search(&plain, &mut found);
    if let Some(view) = plain.html_unescaped() {
        search(&view, &mut found);
    }
    if let Some(view) = plain.json_unescaped() {
        search(&view, &mut found);
        if let Some(view) = view.html_unescaped() {
            search(&view, &mut found);
        }
    }
    if let Some(view) = plain.percent_decoded() {
        search(&view, &mut found);
        if let Some(view) = view.json_unescaped() {
            search(&view, &mut found);
        }
    }
    replace(text, found)
}

fn replace(text: &str, mut found: Vec<Range<usize>>) -> Cow<'_, str> {
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_unstable_by_key(|range| range.start);
    let mut shown = String::with_capacity(text.len());
    // Where the text not yet looked at begins; `None` before the first secret.
    let mut end: Option<usize> = None;
    for range in found {
        if end.is_none_or(|end| range.start > end) {
            shown.push_str(text.get(end.unwrap_or(0)..range.start).unwrap_or_default());
            shown.push_str(REDACTED);
        }
        end = Some(end.unwrap_or(0).max(range.end));
    }
    shown.push_str(end.and_then(|end| text.get(end..)).unwrap_or_default());
    Cow::Owned(shown)
}

/// The text as one way of writing it means it, and where in the original each byte of that comes from.
struct View<'a> {
    text: Cow<'a, str>,
    /// For each byte of `text`, and its end, the place in the original; empty if they are the same.
    places: Vec<usize>,
}

impl<'a> View<'a> {
    const fn of(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), places: Vec::new() }
    }

    /// `%2B` is `+`. What is not ASCII stays as it is: no secret has it.
    fn percent_decoded(&self) -> Option<View<'static>> {
        self.decoded('%', |at| Some((hex_value(at.get(1..3)?)?, 3)))
    }

    /// `\/` is `/`, and `\u002b` is `+`.
    fn json_unescaped(&self) -> Option<View<'static>> {
        self.decoded('\\', |at| {
            let meant = match at.as_bytes().get(1)? {
                b'u' => return Some((hex_value(at.get(2..6)?)?, 6)),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                byte @ (b'"' | b'\\' | b'/') => char::from(*byte),
                _ => return None,
            };
            Some((meant, 2))
        })
    }

    /// `&quot;` is `"`, and `&#43;` is `+`.
    fn html_unescaped(&self) -> Option<View<'static>> {
        self.decoded('&', |at| {
            let end = at.bytes().take(10).position(|byte| byte == b';')?;
            let name = at.get(1..end)?;
            let meant = match name.strip_prefix('#') {
                Some(number) => {
                    let (digits, base) =
                        number.strip_prefix(['x', 'X']).map_or((number, 10), |digits| (digits, 16));
                    u8::from_str_radix(digits, base).ok().filter(u8::is_ascii).map(char::from)?
                }
                None => match name {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => return None,
                },
            };
            Some((meant, end + 1))
        })
    }

    /// Replaces each escape, which begins with `mark`, by the character and after the width `escape` tells.
    fn decoded(&self, mark: char, escape: impl Fn(&str) -> Option<(char, usize)>) -> Option<View<'static>> {
        if !self.text.contains(mark) {
            return None;
        }
        let mut view =
            View { text: Cow::Owned(String::new()), places: Vec::with_capacity(self.text.len() + 1) };
        let text = view.text.to_mut();
        let mut start = 0;
        while let Some(at) = self.text.get(start..)
            && let Some(here) = at.chars().next()
        {
            let escaped = if here == mark { escape(at) } else { None };
            let (meant, width) = escaped.unwrap_or((here, here.len_utf8()));
            view.places.extend((0..meant.len_utf8()).map(|byte| self.place(start + byte)));
            text.push(meant);
            start += width;
        }
        view.places.push(self.place(start));
        Some(view)
    }

    /// Where in the original a byte comes from.
    fn place(&self, byte: usize) -> usize {
        self.places.get(byte).or(self.places.last()).copied().unwrap_or(byte)
    }

    fn search(&self, secrets: &[&str], found: &mut Vec<Range<usize>>) {
        for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST) {
            let matches = self.text.match_indices(secret);
            found.extend(matches.map(|(start, _)| self.place(start)..self.place(start + secret.len())));
        }
    }

    fn search_patterns(&self, found: &mut Vec<Range<usize>>) {
        let mut mark = |range: Range<usize>| {
            if !range.is_empty() {
                found.push(self.place(range.start)..self.place(range.end));
            }
        };
        find_jwts(&self.text, &mut mark);
        find_bearers(&self.text, &mut mark);
        find_parameters(&self.text, &mut mark);
        find_private_keys(&self.text, &mut mark);
    }
}

/// One ASCII character by its number in base 16.
fn hex_value(digits: &str) -> Option<char> {
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let value = u8::from_str_radix(digits, 16).ok()?;
    value.is_ascii().then(|| char::from(value))
}

/// Three base64url parts with points between, the first of which begins as every JSON object does.
fn find_jwts(text: &str, mark: &mut impl FnMut(Range<usize>)) {
    let mut from = 0;
    while let Some(start) = find(text, "eyJ", from) {
        let end = end_of(text, start, |byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte));
        if text.get(start..end).is_some_and(|run| run.matches('.').count() >= 2) {
            mark(start..end);
        }
        from = end;
    }
}

/// What follows `Bearer` and whitespace, in any case.
fn find_bearers(text: &str, mark: &mut impl FnMut(Range<usize>)) {
    let lower = text.to_ascii_lowercase();
    for (start, word) in lower.match_indices("bearer") {
        let after = start + word.len();
        let value = end_of(text, after, |byte| byte.is_ascii_whitespace());
        if value > after {
            mark(value..end_of(text, value, is_value));
        }
    }
}

/// `name=value`, `"name": "value"`, and the mixtures of the two that logs contain.
fn find_parameters(text: &str, mark: &mut impl FnMut(Range<usize>)) {
    let lower = text.to_ascii_lowercase();
    let around = |byte: u8| byte.is_ascii_whitespace() || b"\"'\\".contains(&byte);
    for name in PARAMETERS {
        let mut from = 0;
        while let Some(start) = find(&lower, name, from) {
            from = end_of(text, start + name.len(), around);
            if matches!(text.as_bytes().get(from), Some(b'=' | b':')) {
                let value = end_of(text, from + 1, around);
                // On behind the value: names inside it must not make this quadratic.
                from = end_of(text, value, is_value);
                mark(value..from);
            }
        }
    }
}

/// A PEM block whose label says private key (RFC 7468), or all the rest if it has no end.
fn find_private_keys(text: &str, mark: &mut impl FnMut(Range<usize>)) {
    const BEGIN: &str = "-----BEGIN ";
    const DASHES: &str = "-----";
    let mut from = 0;
    while let Some(start) = find(text, BEGIN, from) {
        from = start + BEGIN.len();
        let label = find(text, DASHES, from).unwrap_or(text.len());
        if text.get(from..label).is_some_and(|label| label.contains("PRIVATE KEY")) {
            let end = find(text, "-----END ", label).map(|end| end + "-----END ".len());
            let end = end.and_then(|end| find(text, DASHES, end)).map(|end| end + DASHES.len());
            from = end.unwrap_or(text.len());
            mark(start..from);
        }
    }
}

/// Whether a byte may belong to a value: not what separates values in URLs, headers, JSON and prose.
fn is_value(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !b"\"'&,;<>\\)}".contains(&byte)
}

fn find(text: &str, what: &str, from: usize) -> Option<usize> {
    text.get(from..)?.find(what).map(|at| from + at)
}

/// The first place from `start` on of whose byte `belongs` does not hold.
fn end_of(text: &str, start: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    start + rest.iter().position(|&byte| !belongs(byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn data_loses_the_secrets_it_repeats_and_nothing_else() {
        // AGS-SEC-08
        let scrub = |text: &str| scrub_only(text, &["nf/Zk3~81"]).into_owned();
        assert_eq!(scrub(r#"{"a":"nf\/Zk3~81","b":"nf/Zk3~81"}"#), r#"{"a":"[redacted]","b":"[redacted]"}"#);
        assert_eq!(scrub("?t=nf%2FZk3~81&u=1"), "?t=[redacted]&u=1");
        let label = r#"{"label":"Bearer bonds, access_token=1"}"#;
        assert_eq!(scrub(label), label);
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        // AGS-SEC-08
        let secret = Secret::new("nf.Zk3~81".into());
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(secret.expose(), "nf.Zk3~81");
    }

    #[test]
    fn text_without_secrets_is_left_alone() {
        for text in [
            "",
            "Expired token",
            "100 %",
            "a\\b",
            "bearer",
            "bearers of news",
            "access_token is missing",
            "eyJ.x",
            "-----BEGIN PUBLIC KEY-----",
        ] {
            assert!(
                matches!(scrub(text, &["nf.Zk3~81", "", "a"]), Cow::Borrowed(same) if same == text),
                "{text}"
            );
        }
    }

    #[test]
    fn known_secrets_are_replaced_however_they_are_written() {
        let secrets = ["a+b/c\"d\\e%41"];
        for text in [
            "a+b/c\"d\\e%41",
            "a&#43;b&#x2F;c&quot;d\\e%41",
            "a%2Bb%2fc%22d%5Ce%2541",
            r#"a\u002bb\/c\"d\\e%41"#,
            r"a%2Bb\/c\%22d\\e%2541",
        ] {
            assert_eq!(scrub(&format!("é {text} ü"), &secrets), "é [redacted] ü", "{text}");
        }
        for (secret, text) in [
            ("nf\u{8}Zk3~81", r"nf\bZk3~81"),
            ("nf\u{c}Zk3~81", r"nf\fZk3~81"),
            ("nf\nZk3~81", r"nf\nZk3~81"),
            ("nf\rZk3~81", r"nf\rZk3~81"),
            ("nf\tZk3~81", r"nf\tZk3~81"),
            ("nf'Zk3~81", "nf&apos;Zk3~81"),
            ("nf<Zk>3&81", "nf&lt;Zk&gt;3&amp;81"),
        ] {
            assert_eq!(scrub(text, &[secret]), "[redacted]", "{text}");
        }
        assert_eq!(scrub("aaaaaaaaaaaa", &["aaaaa"]), "[redacted]aa");
        assert_eq!(scrub("abcdefgh", &["abcde", "defgh"]), "[redacted]");
    }

    #[test]
    fn what_looks_like_a_jwt_is_replaced() {
        assert_eq!(scrub("token (eyJhbGci.eyJpc3Mi.c2ln-_) bad", &[]), "token ([redacted]) bad");
        assert_eq!(scrub("eyJhbGci.eyJpc3Mi. eyJ", &[]), "[redacted] eyJ");
    }

    #[test]
    fn values_of_bearer_and_parameters_are_replaced() {
        for (text, shown) in [
            ("Authorization: Bearer nf.Zk3~81", "Authorization: Bearer [redacted]"),
            ("authorization: bearer  x, y", "authorization: bearer  [redacted], y"),
            ("https://h/?access_token=x&y=1", "https://h/?access_token=[redacted]&y=1"),
            ("access_token%3Dx%26y%3D1", "access_token%3D[redacted]%26y%3D1"),
            ("{\"access_token\" : \"x\",\"y\":1}", "{\"access_token\" : \"[redacted]\",\"y\":1}"),
            (r#"{\"access_token\":\"x\"}"#, r#"{\"access_token\":\"[redacted]\"}"#),
            (
                "client_assertion_type=urn%3Aietf&client_assertion=x&grant_type=y",
                "client_assertion_type=urn%3Aietf&client_assertion=[redacted]&grant_type=y",
            ),
        ] {
            assert_eq!(scrub(text, &[]), shown);
        }
    }

    #[test]
    fn private_keys_are_replaced() {
        let label = |word: &str, kind: &str| format!("-----{word} {kind}-----");
        for kind in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
            for newline in ["\n", " ", "\\n", "%0A"] {
                let whole = [&label("BEGIN", kind), "MIIE", "abc=", &label("END", kind)].join(newline);
                assert_eq!(scrub(&format!("key {whole} end"), &[]), "key [redacted] end");
            }
            assert_eq!(scrub(&format!("key {} MIIE", label("BEGIN", kind)), &[]), "key [redacted]");
        }
    }

    /// Text that contains `secret` as one of the ways of writing it does.
    fn written(secret: &str, way: u8) -> String {
        let percent = |byte: u8| format!("%{byte:02x}");
        match way {
            0 => secret.to_owned(),
            1 => secret.bytes().map(percent).collect(),
            2 => url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
            3 => serde_json::to_string(secret).unwrap(),
            4 => serde_json::to_string(secret).unwrap().replace('/', "\\/"),
            5 => secret.bytes().map(|byte| format!("\\u{byte:04X}")).collect::<Vec<_>>().concat(),
            _ => url::form_urlencoded::byte_serialize(serde_json::to_string(secret).unwrap().as_bytes())
                .collect(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_planted_secret_survives(
            before in "[ -~é]{0,20}[ :é]",
            secrets in prop::collection::vec(("[!-~]{8,24}", 0..7u8), 1..4),
            after in ".{0,20}",
        ) {
            let mut text = before;
            for (secret, way) in &secrets {
                text += &written(secret, *way);
                text += " ";
            }
            text += &after;
            let known: Vec<_> = secrets.iter().map(|(secret, _)| secret.as_str()).collect();
            let shown = scrub(&text, &known);
            for (secret, way) in &secrets {
                let form = written(secret, *way);
                prop_assert!(!shown.contains(secret.as_str()), "{} in {}", secret, shown);
                prop_assert!(!shown.contains(form.trim_matches('"')), "{} in {}", form, shown);
            }
            prop_assert_eq!(scrub(&shown, &known), shown.clone());
        }

        #[test]
        fn any_text_is_scrubbed_without_panic(text in "\\PC{0,40}", pieces in prop::collection::vec(prop::sample::select(vec![
            "eyJ", ".", "Bearer", " ", "access_token", "=", "%", "%2", "%3D", "\\", "\\u00", "\\u0041", "\"", "é", "x",
            "-----BEGIN ", "PRIVATE KEY", "-----", "-----END ",
        ]), 0..16)) {
            scrub(&text, &["xxxx", "é%41"]);
            scrub(&pieces.concat(), &["xxxx", "é%41"]);
        }
    }

    #[test]
    fn hostile_text_takes_linear_time() {
        for piece in [
            "eyJ",
            "eyJ.",
            "Bearer ",
            "access_token",
            "access_token\"",
            "access_token=",
            "access_token= ",
            "-----BEGIN ",
            "%",
            "%41",
            "\\",
            "aaaab",
        ] {
            scrub(&piece.repeat(200_000 / piece.len()), &["aaaaaaaaaaaaaaaaaaaaaaaab"]);
        }
    }
}
