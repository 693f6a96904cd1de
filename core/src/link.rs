//! The `next` page in `Link` header fields: RFC 8288 §3, its parsing Appendix B, and what platforms make of them
//! (AGS 3.2.4 pages line items and results with it).
//!
//! Reading is lenient where the text leaves no doubt and refuses to guess where it does: a link that may have been
//! the next one is never read as the end of the list.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::LINK;
use url::Url;

use crate::scan::{Cursor, Value, is_space};

/// What the `Link` fields of a response say about the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// There is none: this page is the last.
    None,
    /// The target of the first `next` link, still relative to the URL of the request; [`resolve`] makes it whole.
    Target(Cow<'a, str>),
    /// A link that is, or may be, the next one cannot be read. Taking the page for the last would lose data.
    Unreadable,
}

/// Finds the `next` link among all `Link` fields of a response to a request for `request`.
///
/// The URL is needed because a link whose `anchor` names another resource is not about this list (RFC 8288 §3.2).
pub(crate) fn next<'a>(headers: &'a HeaderMap, request: &Url) -> Next<'a> {
    let mut doubtful = false;
    for field in headers.get_all(LINK) {
        let mut cursor = Cursor::new(field.as_bytes());
        while let Some(link) = Link::read(&mut cursor) {
            match link.next(request) {
                Next::Target(target) => return Next::Target(target),
                Next::Unreadable => doubtful = true,
                Next::None => {}
            }
        }
    }
    if doubtful { Next::Unreadable } else { Next::None }
}

/// Makes the target of a link a URL, against the URL of the request that was answered (RFC 3986 §5).
///
/// The fragment is dropped: it is not sent, and two URLs that differ in it alone are one page.
pub(crate) fn resolve(target: &str, request: &Url) -> Result<Url, url::ParseError> {
    let mut url = request.join(target)?;
    url.set_fragment(None);
    Ok(url)
}

/// One link-value, or what stands in its place.
#[derive(Default)]
struct Link<'a> {
    /// What is between `<` and `>`.
    target: Option<&'a [u8]>,
    rel: Option<Value<'a>>,
    anchor: Option<Value<'a>>,
    /// The grammar is hurt at a place where a `next` may have been lost.
    doubtful: bool,
}

impl<'a> Link<'a> {
    /// Reads one link-value and leaves the cursor behind it.
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        cursor.take_until(|byte| !is_space(byte) && byte != b',');
        let whole = cursor.rest();
        cursor.peek()?;
        let mut link = Self { target: read_target(cursor), ..Self::default() };
        loop {
            // A `;` too few or too many is forgiven.
            let gap = cursor.take_until(|byte| !is_space(byte) && byte != b';');
            let separated = gap.contains(&b';');
            match cursor.peek() {
                // `<` where a parameter should be: a comma was forgotten, and this is the next link.
                None | Some(b',' | b'<') => break,
                Some(b'"') => link.doubtful |= is_lost(cursor.value(b";,"), whole),
                Some(_) => link.read_parameter(cursor, whole, separated),
            }
        }
        Some(link)
    }

    fn read_parameter(&mut self, cursor: &mut Cursor<'a>, whole: &[u8], separated: bool) {
        let name = cursor.take_until(|byte| is_space(byte) || b"=;,<\"".contains(&byte));
        cursor.skip_space();
        if !cursor.eat(b'=') {
            // `rel=prev next`, without the quotes that two relation types need.
            self.doubtful |= !separated && is_next(name);
            // RFC 8288 Appendix B.3: a parameter without a value has an empty one.
            self.set(name, Value::Token(b""));
            return;
        }
        cursor.skip_space();
        let value = cursor.value(b";,");
        self.doubtful |= is_lost(value, whole);
        self.set(name, value);
    }

    /// Only the first `rel` (RFC 8288 §3.3) and the first `anchor` (Appendix B.2) count.
    fn set(&mut self, name: &[u8], value: Value<'a>) {
        if name.eq_ignore_ascii_case(b"rel") {
            self.rel.get_or_insert(value);
        } else if name.eq_ignore_ascii_case(b"anchor") {
            self.anchor.get_or_insert(value);
        }
    }

    /// What this link alone says about the next page.
    fn next(&self, request: &Url) -> Next<'a> {
        let otherwise = if self.doubtful { Next::Unreadable } else { Next::None };
        let rel = self.rel.map(Value::text).unwrap_or_default();
        if !rel.split(|&byte| is_space(byte)).any(is_next) {
            return otherwise;
        }
        if let Some(anchor) = self.anchor {
            match decode(&anchor.text()).and_then(|text| request.join(&text).ok()) {
                Some(context) if context == *request => {}
                // Empty, or the request without its fragment: still the request.
                Some(context) if resolve("", request).is_ok_and(|request| context == request) => {}
                Some(_) => return otherwise,
                None => return Next::Unreadable,
            }
        }
        match self.target.map(str::from_utf8) {
            Some(Ok(target)) => Next::Target(unescape(target.trim_matches([' ', '\t']))),
            _ => Next::Unreadable,
        }
    }
}

/// Reads `<target>`. What has no such beginning keeps its bytes, to be read as parameters: `rel` may be among them.
fn read_target<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    if !cursor.eat(b'<') {
        return None;
    }
    let unread = *cursor;
    let target = cursor.take_until(|byte| matches!(byte, b'<' | b'>'));
    if cursor.eat(b'>') {
        return Some(target);
    }
    *cursor = unread;
    None
}

/// Whether a `next` may have been swallowed by a quoted string that does not end.
fn is_lost(value: Value<'_>, whole: &[u8]) -> bool {
    matches!(value, Value::Unclosed(_)) && whole.windows(4).any(|word| word.eq_ignore_ascii_case(b"next"))
}

/// Whether a word of a `rel` is the relation type `next`, whatever stray quotes it wears.
fn is_next(word: &[u8]) -> bool {
    let stray = |byte: &u8| !byte.is_ascii() || *byte == b'\'';
    let start = word.iter().position(|byte| !stray(byte)).unwrap_or(word.len());
    let end = word.iter().rposition(|byte| !stray(byte)).map_or(start, |last| last + 1);
    word.get(start..end).is_some_and(|word| word.eq_ignore_ascii_case(b"next"))
}

fn decode(bytes: &[u8]) -> Option<String> {
    str::from_utf8(bytes).ok().map(|text| unescape(text).into_owned())
}

/// Moodle 4.5 escapes the target as if it stood in HTML. No URL has a parameter named `amp;…`, so this departs
/// from "use the next URL as is" only where following it to the letter repeats a page for ever.
fn unescape(target: &str) -> Cow<'_, str> {
    if target.contains("&amp;") { Cow::Owned(target.replace("&amp;", "&")) } else { Cow::Borrowed(target) }
}

#[cfg(any(test, fuzzing))]
pub(crate) mod grammar;

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const REQUEST: &str = "https://lms.northfield.test/mod/lti/services.php/88/lineitems?type_id=1&limit=2";

    fn next_of<B: AsRef<[u8]>>(fields: &[B]) -> Next<'static> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(LINK, HeaderValue::from_bytes(field.as_ref()).unwrap());
        }
        match next(&headers, &Url::parse(REQUEST).unwrap()) {
            Next::Target(target) => Next::Target(Cow::Owned(target.into_owned())),
            Next::Unreadable => Next::Unreadable,
            Next::None => Next::None,
        }
    }

    fn target(text: &str) -> Next<'static> {
        Next::Target(Cow::Owned(text.to_owned()))
    }

    #[test]
    fn no_link_and_no_next_are_the_last_page() {
        assert_eq!(next_of::<&str>(&[]), Next::None); // AGS-PAGE-01
        for field in ["", ",", "<a>", "<a>; rel=prev", "<a>; rel", "garbage", "<a>; title=next", "<a"] {
            assert_eq!(next_of(&[field]), Next::None, "{field}");
        }
    }

    #[test]
    fn several_fields_are_one_list() {
        assert_eq!(next_of(&["<a>; rel=prev", ", <b>; rel=\"next\","]), target("b")); // AGS-PAGE-04
        // Example 6
        let first = r#"<https://lms.northfield.test/li?p=1>; rel="prev first""#;
        let second = r#"<https://lms.northfield.test/li?ids=4,5&p=3>; title="page 3, more; \"yes\""; REL=Next, <https://lms.northfield.test/li?p=9>; rel=last"#;
        assert_eq!(next_of(&[first, second]), target("https://lms.northfield.test/li?ids=4,5&p=3"));
        assert_eq!(next_of(&[first]), Next::None);
    }

    #[test]
    fn separators_inside_targets_and_quotes_do_not_split() {
        // AGS-PAGE-05
        let field = r#"<https://h/li?ids=1,2;3>; title="x, <y>; rel=\"next\""; rel="last", <https://h/li?p=2,5>; rel="next""#;
        assert_eq!(next_of(&[field]), target("https://h/li?p=2,5"));
    }

    #[test]
    fn a_relation_type_is_a_whole_word_in_any_case() {
        // AGS-PAGE-06
        for rel in [
            "rel=next",
            "rel=\"prev next\"",
            "rel=\"NEXT\"",
            "rel=\" next\t\"",
            "rel=\"n\\ext\"",
            "rel='next'",
        ] {
            assert_eq!(next_of(&[format!("<u>; {rel}")]), target("u"), "{rel}");
        }
        for rel in
            ["rel=\"nextpage\"", "rel=\"x-next\"", "rev=\"next\"", "rel*=next", "rel=\"\"", "rel=next.x"]
        {
            assert_eq!(next_of(&[format!("<u>; {rel}")]), Next::None, "{rel}");
        }
    }

    #[test]
    fn parameters_come_in_any_order_case_and_spacing() {
        assert_eq!(next_of(&["<u> ; title=a ; REL = \"next\""]), target("u")); // AGS-PAGE-07
        assert_eq!(next_of(&["\t<u>;;rel=next;"]), target("u"));
        assert_eq!(next_of(&["<u>; next"]), Next::None);
        assert_eq!(next_of(&["<u> rel=\"next\""]), target("u"));
        assert_eq!(next_of(&["<a>; title=\"a\" rel=next <b>; rel=last"]), target("a"));
    }

    #[test]
    fn only_the_first_rel_and_the_first_next_count() {
        assert_eq!(next_of(&["<u>; rel=prev; rel=next"]), Next::None); // AGS-PAGE-08
        assert_eq!(next_of(&["<u>; rel; rel=next"]), Next::None);
        assert_eq!(next_of(&["<a>; rel=next, <b>; rel=next"]), target("a"));
    }

    #[test]
    fn a_link_about_another_resource_is_not_ours() {
        // AGS-PAGE-09
        assert_eq!(next_of(&["<u>; rel=next; anchor=\"https://other.test/\""]), Next::None);
        assert_eq!(next_of(&["<u>; rel=next; anchor=\"#part\""]), Next::None);
        assert_eq!(next_of(&["<u>; rel=next; anchor=\"/x\", <v>; rel=next"]), target("v"));
        for own in ["", REQUEST, "?type_id=1&limit=2", "lineitems?type_id=1&amp;limit=2"] {
            assert_eq!(next_of(&[format!("<u>; anchor=\"{own}\"; rel=next")]), target("u"), "{own}");
        }
        assert_eq!(next_of(&["<u>; rel=next; anchor=\"https://[\""]), Next::Unreadable);
    }

    #[test]
    fn a_malformed_link_is_skipped() {
        // AGS-PAGE-12
        assert_eq!(next_of(&["garbage, <b>; rel=next"]), target("b"));
        assert_eq!(next_of(&["<a; rel=prev, <b>; rel=next"]), target("b"));
        assert_eq!(next_of(&["garbage; rel=next, <b>; rel=next"]), target("b"));
        assert_eq!(next_of(&["<a>; title=\"open", "<b>; rel=next"]), target("b"));
        assert_eq!(next_of(&["<a>; rel=next; title=\"open"]), target("a"));
    }

    #[test]
    fn a_malformed_link_that_may_be_the_next_is_an_error() {
        // AGS-PAGE-12
        for field in [
            "https://h/li?p=2; rel=next",
            "<https://h/li?p=2; rel=next",
            "<https://h/li?p=2,3; rel=\"next\"",
            "rel=\"next\"; <https://h/li?p=2>",
            "; rel=next",
            "<a; rel=next, <b>; rel=last",
            "<a>; title=\"oops, <b>; rel=\"next\"",
            "<a>; rel=\"prev, <b>; rel=next",
            "<a>; rel=\u{201c}prev, <b>; rel=next",
            "<a>; rel=prev next",
        ] {
            assert_eq!(next_of(&[field]), Next::Unreadable, "{field}");
        }
        assert_eq!(next_of(&[b"<\xff>; rel=next"]), Next::Unreadable);
        let Next::Target(open) = next_of(&["<https://[>; rel=next"]) else { panic!() };
        assert!(resolve(&open, &Url::parse(REQUEST).unwrap()).is_err());
    }

    #[test]
    fn moodle_4_5_writes_curly_quotes_and_escapes_its_urls() {
        let field = "<https://m.test/mod/lti/services.php/2/lineitems?type_id=1&amp;limit=2&amp;from=0>; rel=\u{201c}first\u{201d}, \
                     <https://m.test/mod/lti/services.php/2/lineitems?type_id=1&amp;limit=2&amp;from=2>; rel=\u{201c}next\u{201d}, \
                     <https://m.test/mod/lti/services.php/2/lineitems?type_id=1&amp;limit=2&amp;from=44>; rel=\u{201c}last\u{201d}";
        let expected = "https://m.test/mod/lti/services.php/2/lineitems?type_id=1&limit=2&from=2";
        assert_eq!(next_of(&[field]), target(expected));
        assert_eq!(next_of(&["<u>; rel=\u{201c}prev next\u{201d}"]), target("u"));
        assert_eq!(next_of(&["<u>; rel=\u{2018}next\u{2019}"]), target("u"));
    }

    #[test]
    fn canvas_lists_five_relations_without_spaces() {
        let link = |rel: &str| {
            format!("<https://n.test/api/lti/courses/5/line_items?page={rel}&per_page=2>; rel=\"{rel}\"")
        };
        let field = ["current", "next", "prev", "first", "last"].map(link).join(",");
        assert_eq!(
            next_of(&[field]),
            target("https://n.test/api/lti/courses/5/line_items?page=next&per_page=2")
        );
    }

    #[test]
    fn a_relative_target_resolves_against_the_request() {
        // AGS-PAGE-03, example 7
        for (text, whole) in [
            (
                "?type_id=1&limit=2&from=2",
                "https://lms.northfield.test/mod/lti/services.php/88/lineitems?type_id=1&limit=2&from=2",
            ),
            ("lineitems?p=2", "https://lms.northfield.test/mod/lti/services.php/88/lineitems?p=2"),
            (
                "/mod/lti/services.php/88/lineitems?type_id=1&from=2",
                "https://lms.northfield.test/mod/lti/services.php/88/lineitems?type_id=1&from=2",
            ),
            ("../77/lineitems?p=2", "https://lms.northfield.test/mod/lti/services.php/77/lineitems?p=2"),
            ("//lms.northfield.test/x?p=2#top", "https://lms.northfield.test/x?p=2"),
            ("", REQUEST),
        ] {
            assert_eq!(next_of(&[format!("<{text}>; rel=next")]), target(text));
            assert_eq!(resolve(text, &Url::parse(REQUEST).unwrap()).unwrap().as_str(), whole);
        }
        let folder = Url::parse("https://lms.northfield.test/ctx/9/lineitems/").unwrap();
        assert_eq!(resolve("?p=2", &folder).unwrap().path(), "/ctx/9/lineitems/");
        assert_eq!(resolve("page/2", &folder).unwrap().path(), "/ctx/9/lineitems/page/2");
    }

    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "<a>",
            "<b,c;d>",
            "<",
            ">",
            ";",
            ";",
            ",",
            " ",
            "=",
            "=",
            "\"",
            "\\",
            "rel",
            "rel=next",
            "next",
            "NEXT",
            "prev",
            "x",
            "title=\"a, <b>; rel=\\\"next\\\"\"",
            "; rel=\"prev next\"",
            "; rel=prev",
            ", <e>; rel=next",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    /// A link of the grammar and how it is written: target, relation types, and the shape of the rest.
    fn link() -> impl Strategy<Value = (String, Vec<&'static str>, String)> {
        let target = "[a-z0-9:/?&=,;.%-]{0,12}";
        let rel = prop::collection::vec(
            prop::sample::select(vec!["next", "NeXt", "prev", "last", "nextpage"]),
            1..3,
        );
        let space = || prop::sample::select(vec!["", " ", "\t "]);
        let name = prop::sample::select(vec!["rel", "REL", "Rel"]);
        let other =
            prop::sample::select(vec!["", "; rev=next", "; title=\"a, <b>; rel=\\\"next\\\"\"", "; x"]);
        (target, rel, name, (space(), space(), space(), space()), other, any::<bool>(), any::<bool>())
            .prop_map(|(target, rels, name, (a, b, c, d), other, quoted, after)| {
                let rel = rels.join(" ");
                let rel = if quoted || rels.len() > 1 { format!("\"{rel}\"") } else { rel };
                let (before, behind) = if after { ("", other) } else { (other, "") };
                let text = format!("<{target}>{before}{a};{b}{name}{c}={d}{rel}{behind}{a}");
                (target, rels, text)
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_list_of_links_reads_back_to_its_first_next(links in prop::collection::vec(link(), 0..5), split in 0..5usize) {
            let is_next = |rels: &[&str]| rels.iter().any(|rel| rel.eq_ignore_ascii_case("next"));
            let expected = links.iter().find(|(_, rels, _)| is_next(rels));
            let expected = expected.map_or(Next::None, |(text, ..)| target(&text.replace("&amp;", "&")));
            let texts: Vec<_> = links.iter().map(|(_, _, text)| text.as_str()).collect();
            let (first, second) = texts.split_at(split.min(texts.len()));
            prop_assert_eq!(next_of(&[first.join(" ,\t,"), second.join(",")]), expected);
        }

        #[test]
        fn what_the_grammar_allows_is_read_by_the_grammar(field in pieces()) {
            if let Ok(expected) = grammar::next(&field) {
                prop_assert_eq!(next_of(&[&field]), expected.map_or(Next::None, |text| target(&text)), "{}", field);
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), field in pieces()) {
            if let Ok(value) = HeaderValue::from_bytes(&[field.as_bytes(), &bytes].concat()) {
                next_of(&[value.as_bytes()]);
            }
        }
    }

    #[test]
    fn hostile_fields_take_linear_time() {
        for piece in ["<", "<a", "\"", "<a>;rel=\"", "<a;", "=", "\u{201c}", "<>,", "rel=next "] {
            next_of(&[piece.repeat(200_000 / piece.len())]);
        }
    }
}
