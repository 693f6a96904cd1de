//! Reading the bodies of AGS: containers, which are arrays (AGS 3.2.4, 3.3.4), and single line items. Tolerant of
//! what platforms are known to send, and never a short list for a broken one.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::line_item::{LineItem, LineItemSeed};
use crate::result::{UserResult, UserResultSeed};

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContainerError {
    /// It is a page for people, from a proxy or a login perhaps.
    #[error("the body is HTML, not JSON")]
    Html,
    /// It ends too early.
    #[error("the body ends too early")]
    Truncated,
    /// It is not JSON, or more than one JSON text.
    #[error("the body is not JSON{}", if path.is_empty() { String::new() } else { format!(", at {path}") })]
    NotJson {
        /// Where: `[1].scoreMaximum` is a member of the second entry. Empty where that cannot be said.
        path: String,
        /// What is wrong, and where.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is JSON, but not what it should be.
    #[error("cannot read {}", if path.is_empty() { "the body" } else { path })]
    Member {
        /// Where: `[1].scoreMaximum` is a member of the second entry. Empty for the body as a whole.
        path: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It has more entries than the caller allows.
    #[error("the body has more than {cap} entries; raise the limit if that is right")]
    TooMany {
        /// How many are allowed.
        cap: usize,
    },
}

/// Reads a container of line items, of at most `cap` entries (AGS 3.2.4). An empty body is an empty container, as
/// platforms that answer 204 mean it.
pub(crate) fn read_line_items(body: &[u8], cap: usize) -> Result<Vec<LineItem>, ContainerError> {
    match json(body)? {
        "" => Ok(Vec::new()),
        text => read_array::<LineItem>(text, cap, ""),
    }
}

/// Reads a single line item (AGS 3.2.2), as GET, POST and PUT answer it; `None` if the body is empty, as older
/// platforms answer a PUT.
pub(crate) fn read_line_item(body: &[u8]) -> Result<Option<LineItem>, ContainerError> {
    match json(body)? {
        "" => Ok(None),
        text => read_one::<LineItem>(text).map(Some),
    }
}

/// Reads a container of results, of at most `cap` entries (AGS 3.3.4). An empty body is an empty container.
///
/// Sakai answers `/results/<user>` with one result outside of an array, Tsugi knows of `{"results":[…]}`: both are
/// read too.
pub(crate) fn read_results(body: &[u8], cap: usize) -> Result<Vec<UserResult>, ContainerError> {
    let text = json(body)?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if !text.starts_with('{') {
        return read_array::<UserResult>(text, cap, "");
    }
    let members: Wrapped<'_> =
        serde_json::from_str(text).map_err(|error| failure(error, text, String::new()))?;
    match members.results {
        Some(results) if results.get().starts_with('[') => {
            read_array::<UserResult>(results.get(), cap, RESULTS)
        }
        _ if cap == 0 => Err(ContainerError::TooMany { cap }),
        _ => Ok(vec![read_one::<UserResult>(text)?]),
    }
}

#[derive(serde::Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow, default)]
    results: Option<&'a RawValue>,
}

const RESULTS: &str = "results";
/// About what an entry takes as JSON, and more than it takes in memory.
const ENTRY_SIZE: usize = 256;

/// What a container holds.
trait Entry: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, at: &Cell<&'static str>) -> Result<Self, D::Error>;
}

impl Entry for LineItem {
    #[inline]
    fn read<'de, D: Deserializer<'de>>(deserializer: D, at: &Cell<&'static str>) -> Result<Self, D::Error> {
        LineItemSeed(at).deserialize(deserializer)
    }
}

impl Entry for UserResult {
    #[inline]
    fn read<'de, D: Deserializer<'de>>(deserializer: D, at: &Cell<&'static str>) -> Result<Self, D::Error> {
        UserResultSeed(at).deserialize(deserializer)
    }
}

/// The text of a body, without the byte order mark and the blanks around it.
fn json(body: &[u8]) -> Result<&str, ContainerError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    if body.first() == Some(&b'<') {
        return Err(ContainerError::Html);
    }
    // Once for the whole body: that is faster than serde_json's check of each string.
    std::str::from_utf8(body).map_err(|error| match error.error_len() {
        None => ContainerError::Truncated,
        Some(_) => ContainerError::NotJson { path: String::new(), source: error.into() },
    })
}

fn read_one<T: Entry>(text: &str) -> Result<T, ContainerError> {
    let at = Cell::new("");
    let mut json = serde_json::Deserializer::from_str(text);
    let entry = T::read(&mut json, &at).map_err(|error| failure(error, text, at.get().to_owned()))?;
    json.end().map_err(|error| failure(error, text, String::new()))?;
    Ok(entry)
}

fn read_array<T: Entry>(text: &str, cap: usize, prefix: &str) -> Result<Vec<T>, ContainerError> {
    let place = Place { cap, index: Cell::new(None), member: Cell::new("") };
    let mut json = serde_json::Deserializer::from_str(text);
    let mut entries = Vec::with_capacity(cap.min(text.len() / ENTRY_SIZE));
    let read = json.deserialize_any(Entries { into: &mut entries, place: &place }).and_then(|()| json.end());
    match read {
        Ok(()) => Ok(entries),
        Err(_) if place.index.get().is_some_and(|index| index >= cap) => Err(ContainerError::TooMany { cap }),
        Err(error) => Err(failure(error, text, place.path(prefix))),
    }
}

/// Where in a container the reading is.
struct Place {
    cap: usize,
    index: Cell<Option<usize>>,
    member: Cell<&'static str>,
}

impl Place {
    fn path(&self, prefix: &str) -> String {
        match (self.index.get(), self.member.get()) {
            (None, _) => prefix.to_owned(),
            (Some(index), "") => format!("{prefix}[{index}]"),
            (Some(index), member) => format!("{prefix}[{index}].{member}"),
        }
    }
}

struct Entries<'a, T> {
    into: &'a mut Vec<T>,
    place: &'a Place,
}

impl<'de, T: Entry> Visitor<'de> for Entries<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { into, place } = self;
        while let Some(entry) =
            seq.next_element_seed(EntrySeed { index: into.len(), place, entry: PhantomData })?
        {
            into.push(entry);
        }
        place.index.set(None);
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        // Its text stays out of the message: it may be a person's.
        Err(E::invalid_type(serde::de::Unexpected::Other("a string"), &self))
    }
}

struct EntrySeed<'a, T> {
    index: usize,
    place: &'a Place,
    entry: PhantomData<T>,
}

impl<'de, T: Entry> DeserializeSeed<'de> for EntrySeed<'_, T> {
    type Value = T;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let Self { index, place, .. } = self;
        place.index.set(Some(index));
        place.member.set("");
        if index >= place.cap {
            return Err(D::Error::custom("too many entries"));
        }
        T::read(deserializer, &place.member)
    }
}

fn failure(error: serde_json::Error, text: &str, path: String) -> ContainerError {
    match error.classify() {
        Category::Eof => ContainerError::Truncated,
        // `1e400` is JSON, but no f64.
        Category::Syntax if serde_json::from_str::<&RawValue>(text).is_ok() => {
            ContainerError::Member { path, source: error.into() }
        }
        Category::Syntax | Category::Io => ContainerError::NotJson { path, source: error.into() },
        Category::Data => ContainerError::Member { path, source: error.into() },
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use proptest::prelude::*;

    use super::*;

    const ITEM: &str = r#"{"id":"https://lms.test/li/1","label":"a","scoreMaximum":10}"#;
    const RESULT: &str = r#"{"userId":"u","resultScore":1}"#;

    fn items(body: &str) -> Result<usize, ContainerError> {
        read_line_items(body.as_bytes(), 1_000).map(|items| items.len())
    }

    fn results(body: &str) -> Result<usize, ContainerError> {
        read_results(body.as_bytes(), 1_000).map(|results| results.len())
    }

    fn path(error: Result<usize, ContainerError>) -> String {
        match error {
            Err(ContainerError::Member { path, .. }) => path,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_array_is_a_container() {
        // AGS-LIST-02
        assert_eq!(items("[]").unwrap(), 0);
        assert_eq!(items(&format!("[{ITEM},\n{ITEM}]")).unwrap(), 2);
        assert_eq!(results(&format!("[{RESULT},{RESULT},{RESULT}]")).unwrap(), 3);
    }

    #[test]
    fn an_empty_body_is_an_empty_container() {
        // AGS-LIST-02
        for body in ["", " \r\n", "\u{feff}"] {
            assert_eq!((items(body).unwrap(), results(body).unwrap()), (0, 0));
            assert!(read_line_item(body.as_bytes()).unwrap().is_none()); // AGS-UPDATE-06
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(items(&format!("\u{feff}\n[{ITEM}]")).unwrap(), 1);
        assert!(read_line_item(format!("\u{feff}{ITEM}").as_bytes()).unwrap().is_some());
    }

    #[test]
    fn an_object_is_no_container_of_line_items() {
        // AGS-LIST-02
        for body in [r#"{"lineItems":[]}"#, ITEM, "null", "3", r#""Jane""#] {
            assert_eq!(path(items(body)), "");
        }
    }

    #[test]
    fn results_may_be_one_object_or_wrapped_in_one() {
        assert_eq!(results(RESULT).unwrap(), 1); // Sakai
        assert_eq!(results(&format!(r#"{{"results":[{RESULT},{RESULT}]}}"#)).unwrap(), 2); // Tsugi
        assert_eq!(results(r#"{"next":null,"results": [] }"#).unwrap(), 0);
        assert_eq!(path(results("{}")), "userId");
        assert_eq!(path(results(r#"{"results":null}"#)), "userId");
        assert_eq!(
            path(results(&format!(r#"{{"results":[{RESULT},{{"userId":[]}}]}}"#))),
            "results[1].userId"
        );
    }

    #[test]
    fn a_bad_entry_is_named_not_dropped() {
        // AGS-LIST-07
        assert_eq!(
            path(items(&format!(r#"[{ITEM},{{"label":"b","scoreMaximum":{{}}}}]"#))),
            "[1].scoreMaximum"
        );
        assert_eq!(path(items(&format!("[{ITEM},7]"))), "[1]");
        assert_eq!(path(results(&format!(r#"[{RESULT},{RESULT},{{"resultScore":1}}]"#))), "[2].userId");
        assert_eq!(path(read_line_item(br#"{"label":"b"}"#).map(|_| 1)), "scoreMaximum");
    }

    #[test]
    fn a_message_names_no_person() {
        for body in
            [r#"["Jane"]"#, r#"[{"userId":"u","resultScore":"Jane"}]"#, "<p>Jane", r#""Jane""#, "[Jane]"]
        {
            let error = read_results(body.as_bytes(), 10).unwrap_err();
            let source = error.source().map(ToString::to_string).unwrap_or_default();
            assert!(!format!("{error} {source}").contains("Jane"), "{error} {source}");
        }
    }

    #[test]
    fn html_is_told_apart() {
        for body in ["<!DOCTYPE html><title>Sign in</title>", " \n<html>", "\u{feff}<html>"] {
            assert!(matches!(items(body), Err(ContainerError::Html)));
        }
    }

    #[test]
    fn more_entries_than_allowed_are_an_error() {
        let two = format!("[{ITEM},{ITEM}]");
        assert_eq!(read_line_items(two.as_bytes(), 2).unwrap().len(), 2);
        assert!(matches!(read_line_items(two.as_bytes(), 1), Err(ContainerError::TooMany { cap: 1 })));
        assert!(matches!(read_results(RESULT.as_bytes(), 0), Err(ContainerError::TooMany { cap: 0 })));
        // The third entry is not looked at.
        let broken = format!("[{ITEM},{ITEM},oops");
        assert!(matches!(read_line_items(broken.as_bytes(), 2), Err(ContainerError::TooMany { cap: 2 })));
        // What is wrong after the last allowed entry is said as it is.
        assert!(matches!(
            read_line_items(format!("[{ITEM}] x").as_bytes(), 1),
            Err(ContainerError::NotJson { .. })
        ));
        assert!(matches!(read_line_items(b"[", 0), Err(ContainerError::Truncated)));
    }

    #[test]
    fn what_follows_the_container_is_an_error() {
        for body in ["[] []", "[]]", "[],", "[]x", "[,]", "[1,]", "{}{}", "[\u{0}]"] {
            assert!(items(body).is_err() && results(body).is_err(), "{body}");
        }
        assert!(read_line_item(format!("{ITEM}{ITEM}").as_bytes()).is_err());
    }

    #[test]
    fn what_is_not_utf_8_is_not_json() {
        assert!(matches!(read_line_items(b"[{\"label\":\"\xff\"}]", 9), Err(ContainerError::NotJson { .. })));
        assert!(matches!(read_line_items(b"[{\"label\":\"\xc3", 9), Err(ContainerError::Truncated)));
    }

    #[test]
    fn a_number_out_of_range_is_placed() {
        let error = items(&format!(r#"[{ITEM},{{"scoreMaximum":1e400}}]"#)).unwrap_err();
        assert_eq!(error.to_string(), "cannot read [1].scoreMaximum");
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        // AGS-EXT-03
        let deep = 1_000_000;
        let nested = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
        assert!(items(&nested).is_err());
        assert!(results(&"{\"results\":".repeat(deep)).is_err());
        assert!(items(&format!(r#"[{{"label":{nested},"scoreMaximum":1}}]"#)).is_err());
        let item = read_line_items(format!(r#"[{{"scoreMaximum":1,"x":{nested}}}]"#).as_bytes(), 1)
            .unwrap()
            .remove(0);
        assert_eq!(item.extensions().get("x").unwrap().get().len(), 2 * deep);
        assert!(item.extensions().read::<serde_json::Value>("x").is_err());
        assert!(serde_json::to_string(&item.update()).unwrap().len() > 2 * deep);
    }

    #[test]
    fn a_truncated_body_is_an_error_wherever_it_ends() {
        for body in [
            format!(r#"[{ITEM},{{"scoreMaximum":"1","tag":null,"x\u0041":{{"k":[true,1.5e3,"é\\\""]}}}}]"#),
            format!("[{RESULT},{RESULT}]"),
            format!(r#"{{"results":[{RESULT}]}}"#),
            RESULT.to_owned(),
        ] {
            for end in 1..body.len() {
                let cut = body.as_bytes().get(..end).unwrap();
                assert!(read_line_items(cut, 9).is_err() && read_results(cut, 9).is_err(), "{end}");
            }
        }
        let body = format!("[{RESULT},{RESULT}]");
        for end in 1..body.len() {
            let cut = body.as_bytes().get(..end).unwrap();
            assert!(matches!(read_results(cut, 9), Err(ContainerError::Truncated)), "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..64), cap in 0..3usize) {
            let _ = (read_line_items(&body, cap), read_results(&body, cap), read_line_item(&body));
        }

        #[test]
        fn no_mangled_body_makes_it_panic_or_exceed_the_cap(at in 0..90usize, byte in any::<u8>(), cap in 0..3usize) {
            let mut body = format!("[{RESULT},{{\"userId\":7,\"comment\":\"\",\"x\":[1]}},{RESULT}]").into_bytes();
            if let Some(slot) = body.get_mut(at) {
                *slot = byte;
            }
            if let Ok(read) = read_results(&body, cap) {
                prop_assert!(read.len() <= cap);
            }
            let _ = read_line_items(&body, cap);
        }
    }
}
