//! Reading a journal, from the first byte to the last, in pieces of any size.

use std::collections::BTreeSet;

use super::history::History;
use super::line::{self, Entries, Head};
use super::{JournalError, JournalHeader};

/// The longest line that is taken for one.
const MAX_LINE: usize = 16 * 1024 * 1024;

/// Reads a journal piece by piece.
///
/// ```
/// use lti_ags::{JournalHeader, JournalReader};
///
/// let header = JournalHeader::new("sha256:9f86d0", [&"https://lms.example/lineitems/9".parse()?]);
/// let mut reader = JournalReader::new(header.clone());
/// reader.feed(&header.to_line())?;
/// reader.feed(b"{\"crc\":\"00")?;
/// let recovered = reader.finish()?;
/// assert_eq!(recovered.torn, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JournalReader {
    header: JournalHeader,
    /// What has come of the line.
    line: Vec<u8>,
    /// Lines that have been read, and their bytes.
    lines: u64,
    kept: u64,
    /// The last line read is none, and has so many bytes.
    bad: Option<u64>,
    history: History,
}

/// What was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recovered {
    /// What earlier runs recorded.
    pub history: History,
    /// How many bytes of it hold. Where that is none, the [header](JournalHeader::to_line) is to be written first.
    pub kept: u64,
    /// How many bytes follow that were not written to their end: cut them off before more is appended. What they told of
    /// had not been acted on, or is done again.
    pub torn: u64,
}

impl JournalReader {
    /// A reader for a journal that should begin so.
    pub fn new(header: JournalHeader) -> Self {
        let history = History::new(header.line_items.clone());
        Self { header, line: Vec::new(), lines: 0, kept: 0, bad: None, history }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), JournalError> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (rest, after) = bytes.split_at(end);
            bytes = after.get(1..).unwrap_or_default();
            self.line.extend_from_slice(rest);
            let line = std::mem::take(&mut self.line);
            self.take(&line)?;
            self.line = line;
            self.line.clear();
        }
        self.line.extend_from_slice(bytes);
        if self.line.len() > MAX_LINE {
            return Err(self.damaged());
        }
        Ok(())
    }

    /// What all of it came to.
    pub fn finish(self) -> Result<Recovered, JournalError> {
        let torn = self.line.len() as u64;
        if self.lines == 0 && !self.header.to_line().starts_with(&self.line) {
            return Err(JournalError::NotAJournal);
        }
        match self.bad {
            _ if line::begins_inside(&self.line) => Err(self.damaged()),
            Some(_) if torn > 0 => Err(self.damaged()),
            bad => Ok(Recovered { history: self.history, kept: self.kept, torn: bad.unwrap_or(torn) }),
        }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), JournalError> {
        if self.bad.is_some() {
            return Err(self.damaged());
        }
        let length = line.len() as u64 + 1;
        if self.lines == 0 {
            self.check_head(line)?;
        } else {
            match line::open::<Entries>(line) {
                // Two lines that were joined are no end that was not written.
                None if line::begins_inside(line) => return Err(self.damaged_here()),
                None => {
                    self.bad = Some(length);
                    return Ok(());
                }
                Some(Err(_)) => return Err(self.damaged_here()),
                Some(Ok(entries)) => self.replay(&entries).ok_or_else(|| self.damaged_here())?,
            }
        }
        self.lines += 1;
        self.kept += length;
        Ok(())
    }

    fn check_head(&self, line: &[u8]) -> Result<(), JournalError> {
        let Some(Ok(Head { version, input, line_items })) = line::open::<Head<'_>>(line) else {
            return Err(JournalError::NotAJournal);
        };
        if version != line::VERSION {
            return Err(JournalError::OtherVersion(version));
        }
        if input != self.header.input {
            return Err(JournalError::OtherInput);
        }
        let theirs: BTreeSet<_> = line_items.iter().map(AsRef::as_ref).collect();
        if theirs != self.header.line_items.iter().map(String::as_str).collect() {
            return Err(JournalError::OtherLineItem(line_items.join(", ")));
        }
        Ok(())
    }

    fn replay(&mut self, entries: &Entries) -> Option<()> {
        entries.begun.iter().try_for_each(|begun| self.history.begin(begun))?;
        entries.settled.iter().try_for_each(|settled| self.history.settle(settled))
    }

    /// At the line that is not one, if something follows it.
    fn damaged(&self) -> JournalError {
        if self.lines == 0 { JournalError::NotAJournal } else { self.damaged_here() }
    }

    fn damaged_here(&self) -> JournalError {
        JournalError::Damaged(self.lines + 1)
    }
}
