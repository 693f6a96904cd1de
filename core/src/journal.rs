//! The journal of a bulk passback: what is written before a request leaves, and after its answer has come.
//!
//! JSON Lines, each with a checksum, to which is only ever added. The first says what the journal is of:
//!
//! ```text
//! {"crc":"5d1f7d2e","lti-ags-journal":1,"input":"sha256:9f86d0…","line_items":["https://lms.example/lineitems/9"]}
//! {"crc":"0c9b5c9d","begun":[{"row":1,"timestamp":"2026-03-02T09:00:00.000Z"},{"row":2,"timestamp":"…"}]}
//! {"crc":"b71e1b0a","settled":[{"row":2,"outcome":"sent","attempts":1}]}
//! ```
//!
//! A row that was begun and not settled is in doubt: it is sent again with its timestamp. The file itself is the
//! transports' affair; another place, a database for example, implements [`Journal`].

mod history;
mod line;
mod reader;

use std::collections::BTreeSet;
use std::io;

use crate::ServiceUrl;

pub use history::History;
#[cfg(any(test, fuzzing))]
pub(crate) use line::seal_rest;
pub(crate) use line::{Begun, Entries, Settled};
pub use reader::{JournalReader, Recovered};

/// Where a run writes what must not be forgotten.
pub trait Journal {
    /// What earlier runs wrote. The run that goes on with it takes it, once.
    fn history(&mut self) -> History;

    /// Appends a line, which ends with a line break; an empty one adds nothing. Where `durable`, it and all before it
    /// survive a power cut when this returns. An error ends the run: no request leaves whose row is not recorded.
    fn append(&mut self, line: &[u8], durable: bool) -> io::Result<()>;
}

/// What a journal is of: the input and the line items that its scores go to. A journal of anything else is refused, and a row
/// for any other line item is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalHeader {
    pub(crate) input: String,
    pub(crate) line_items: BTreeSet<String>,
}

impl JournalHeader {
    /// A journal of this input, named by a digest of its content, such as `sha256:9f86d0…`, whose scores go to these line
    /// items, in any order.
    pub fn new<'a>(input: impl Into<String>, line_items: impl IntoIterator<Item = &'a ServiceUrl>) -> Self {
        let line_items = line_items.into_iter().map(|line_item| line_item.as_str().to_owned());
        Self { input: input.into(), line_items: line_items.collect() }
    }

    /// The first line of the journal.
    pub fn to_line(&self) -> Vec<u8> {
        line::seal(&line::Head {
            version: line::VERSION,
            input: self.input.as_str().into(),
            line_items: self.line_items.iter().map(|line_item| line_item.as_str().into()).collect(),
        })
    }
}

/// Why a journal cannot be gone on with. None of it was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It is of another input.
    #[error(
        "the journal is of another input: go on with the one that it was begun with, or begin another journal"
    )]
    OtherInput,
    /// It is of another line item.
    #[error("the journal is of scores for another line item: {0}")]
    OtherLineItem(String),
    /// It is something else.
    #[error("this is no journal of scores; it stays as it is")]
    NotAJournal,
    /// It was written by another version of this library.
    #[error("the journal has version {0}, which this version of the library does not read")]
    OtherVersion(u32),
    /// A line that is not the last cannot be what was written.
    #[error("the journal is damaged at line {0}: what was sent before can no longer be told")]
    Damaged(u64),
    /// Another run writes to it.
    #[error("the journal is in use by another run")]
    InUse,
    /// It cannot be read.
    #[error("the journal cannot be read")]
    Read(#[source] io::Error),
    /// It cannot be written to: the run ended before anything left that is not recorded.
    #[error("the journal cannot be written; nothing was sent that is not recorded")]
    Write(#[source] io::Error),
}
