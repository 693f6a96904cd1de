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
#[non_exhaustive]
pub enum ContainerError {
    /// It is a page for people, from a proxy or a login perhaps.
    #[error("the body is HTML, not JSON")]
    Html {
        /// How it begins: at most 200 characters. It may name people: not for logs.
        excerpt: String,
    },
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
    #[error("the body has more than {cap} entries")]
    TooMany {
        /// How many are allowed.
        cap: usize,
    },
}

/// Reads a container of line items, of at most `cap` entries (AGS 3.2.4). An empty body is an empty container, as
/// platforms that answer 204 mean it.
pub fn read_line_items(body: &[u8], cap: usize) -> Result<Vec<LineItem>, ContainerError> {
    match json(body)? {
        "" => Ok(Vec::new()),
        text => read_array::<LineItem>(text, cap, ""),
    }
}

/// Reads a single line item (AGS 3.2.2), as GET, POST and PUT answer it; `None` if the body is empty, as older
/// platforms answer a PUT.
pub fn read_line_item(body: &[u8]) -> Result<Option<LineItem>, ContainerError> {
    match json(body)? {
        "" => Ok(None),
        text => read_one::<LineItem>(text).map(Some),
    }
}

/// Reads a container of results, of at most `cap` entries (AGS 3.3.4). An empty body is an empty container.
///
/// Sakai answers `/results/<user>` with one result outside of an array, Tsugi knows of `{"results":[…]}`: both are
/// read too.
pub fn read_results(body: &[u8], cap: usize) -> Result<Vec<UserResult>, ContainerError> {
    let text = json(body)?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if !text.starts_with('{') {
        return read_array::<UserResult>(text, cap, "");
    }
    let members: Wrapped<'_> = serde_json::from_str(text).map_err(|error| failure(error, String::new()))?;
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
const EXCERPT: usize = 200;
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
        let excerpt =
            String::from_utf8_lossy(body.get(..4 * EXCERPT).unwrap_or(body)).chars().take(EXCERPT).collect();
        return Err(ContainerError::Html { excerpt });
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
    let entry = T::read(&mut json, &at).map_err(|error| failure(error, at.get().to_owned()))?;
    json.end().map_err(|error| failure(error, String::new()))?;
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
        Err(error) => Err(failure(error, place.path(prefix))),
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

fn failure(error: serde_json::Error, path: String) -> ContainerError {
    match error.classify() {
        Category::Eof => ContainerError::Truncated,
        Category::Syntax | Category::Io => ContainerError::NotJson { path, source: error.into() },
        Category::Data => ContainerError::Member { path, source: error.into() },
    }
}
