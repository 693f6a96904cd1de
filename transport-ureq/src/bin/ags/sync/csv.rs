//! CSV to the letter (RFC 4180): what a spreadsheet would guess at is an error here, since a wrong guess is a wrong grade.
//!
//! The reader is that of the `csv` crate, which forgives: it takes all rows behind an open quote for one comment, and a quote
//! inside of a cell for text; it passes over blank lines, where a row may be missing. So all that it reads goes by the
//! grammar first, in [`Checked`], which knows no fields.

use std::io::{self, Read};

use ::csv::{ErrorKind, Reader, ReaderBuilder};

#[cfg(any(test, fuzzing))]
#[path = "csv/promises.rs"]
pub(super) mod promises;

/// A record: its fields, without quotes.
pub(super) use ::csv::StringRecord as Record;

/// The longest row, in bytes: beyond it, a quote was left open.
const LONGEST: usize = 1 << 20;

/// Reads records one by one, in the memory of the longest.
#[derive(Debug)]
pub(super) struct Records<R> {
    reader: Reader<Checked<R>>,
    record: Record,
}

/// Why a record cannot be read.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    Empty,
    NoHeader,
    OpenQuote,
    QuoteInside,
    TextBehindQuote,
    CarriageReturn,
    NotUtf8,
    Nul,
    TooLong,
}

impl<R: Read> Records<R> {
    /// Of an input without a byte-order mark.
    pub(super) fn new(input: R) -> Self {
        let input =
            Checked { input, state: State::Start, length: 0, has_begun: false, is_over: false, fault: None };
        let mut builder = ReaderBuilder::new();
        let reader = builder.has_headers(false).flexible(true).buffer_capacity(1 << 16).from_reader(input);
        Self { reader, record: Record::new() }
    }

    /// The next record, if there is one. The line break behind the last one may be missing.
    pub(super) fn next(&mut self) -> Result<Option<&Record>, Fault> {
        match self.reader.read_record(&mut self.record) {
            Ok(is_there) => Ok(is_there.then_some(&self.record)),
            Err(error) => Err(match error.into_kind() {
                ErrorKind::Io(error) => error.downcast().unwrap_or_else(Fault::Io),
                ErrorKind::Utf8 { .. } => Fault::NotUtf8,
                other => Fault::Io(io::Error::other(format!("{other:?}"))),
            }),
        }
    }
}

/// Lets through what the grammar has.
#[derive(Debug)]
struct Checked<R> {
    input: R,
    state: State,
    /// Of the row, without its line break.
    length: usize,
    has_begun: bool,
    /// A row was empty: there may be no other one.
    is_over: bool,
    /// Of the row behind those that were let through.
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the beginning of a field.
    Start,
    Bare,
    Quoted,
    /// Behind a quote in a quoted field, which ends it unless another one follows.
    Closed,
    /// Behind a carriage return that ends a row.
    Return,
    /// Behind a row.
    End,
}

impl<R> Checked<R> {
    /// Takes a byte, and says whether a row ends there.
    fn step(&mut self, byte: u8) -> Result<bool, Fault> {
        if self.state == State::End {
            (self.state, self.length) = (State::Start, 0);
        }
        self.state = match (self.state, byte) {
            (_, 0) => return Err(Fault::Nul),
            (State::Quoted, b'"') => State::Closed,
            (State::Quoted, _) | (State::Closed | State::Start, b'"') => State::Quoted,
            (State::Bare, b'"') => return Err(Fault::QuoteInside),
            (_, b'\n') => State::End,
            (State::Return, _) => return Err(Fault::CarriageReturn),
            (_, b'\r') => State::Return,
            (_, b',') => State::Start,
            (State::Closed, _) => return Err(Fault::TextBehindQuote),
            (State::Start | State::Bare | State::End, _) => State::Bare,
        };
        match self.state {
            State::Return => {}
            State::End if self.length > 0 => self.has_begun = true,
            State::End if !self.has_begun => return Err(Fault::NoHeader),
            State::End => self.is_over = true,
            _ if self.is_over => return Err(Fault::Empty),
            _ if self.length == LONGEST => return Err(Fault::TooLong),
            _ => self.length += 1,
        }
        Ok(self.state == State::End)
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = self.fault.take() {
            return Err(io::Error::other(fault));
        }
        let length = self.input.read(buffer)?;
        let end = match self.state {
            State::Quoted => Some(Fault::OpenQuote),
            State::Return => Some(Fault::CarriageReturn),
            _ => None,
        };
        if let (0, Some(fault)) = (length, end) {
            return Err(io::Error::other(fault));
        }
        let mut whole = 0;
        for (at, byte) in buffer.iter().take(length).enumerate() {
            match self.step(*byte) {
                Ok(true) => whole = at + 1,
                Ok(false) => {}
                // No byte at all would be the end.
                Err(fault) if whole == 0 => return Err(io::Error::other(fault)),
                Err(fault) => {
                    self.fault = Some(fault);
                    return Ok(whole);
                }
            }
        }
        Ok(length)
    }
}

impl std::error::Error for Fault {}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Io(error) => return write!(f, "it cannot be read: {error}"),
            Self::Empty => "it is empty",
            Self::NoHeader => "the first row is empty; it names the columns",
            Self::OpenQuote => "a quote is opened and never closed",
            Self::QuoteInside => {
                "a quote stands inside of a cell that is not quoted; a cell with quotes is put in quotes, and each of them \
                 is doubled"
            }
            Self::TextBehindQuote => "text stands behind the closing quote of a cell; a quote inside of a cell is doubled",
            Self::CarriageReturn => "a line ends with CR alone; lines end with LF or CRLF",
            Self::NotUtf8 => "it is not UTF-8 (Latin-1 or Windows-1252 perhaps); save the file as \"CSV UTF-8\"",
            Self::Nul => "it holds a NUL byte, and is not text in UTF-8",
            Self::TooLong => "it is longer than 1 MiB; is there a quote that is never closed?",
        })
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::BufReader;
    use std::path::Path;

    use super::*;

    fn read(text: &[u8], buffer: usize) -> Result<Vec<Vec<String>>, String> {
        let mut records = Records::new(BufReader::with_capacity(buffer, text));
        let mut rows = Vec::new();
        while let Some(record) = records.next().map_err(|fault| fault.to_string())? {
            rows.push(record.iter().map(str::to_owned).collect());
        }
        Ok(rows)
    }

    #[test]
    fn what_rfc_4180_allows_is_read_whatever_the_pieces_it_comes_in() {
        let cases: [(&str, &[&[&str]]); 8] = [
            ("", &[]),
            ("a,b\n1,2\n", &[&["a", "b"], &["1", "2"]]),
            ("a,b\r\n1,2", &[&["a", "b"], &["1", "2"]]),
            ("\"a\",\"b, c\"\r\n", &[&["a", "b, c"]]),
            ("\"say \"\"hi\"\"\",\"\"\n", &[&["say \"hi\"", ""]]),
            ("\"two\r\nlines\", x \n,\n", &[&["two\r\nlines", " x "], &["", ""]]),
            ("é,試験\n", &[&["é", "試験"]]),
            ("a\n\"\"\n\r\n\n", &[&["a"], &[""]]),
        ];
        for (text, expected) in cases {
            for buffer in [1, 2, 3, 7, 8192] {
                assert_eq!(read(text.as_bytes(), buffer).unwrap(), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn what_a_forgiving_reader_would_guess_at_is_an_error() {
        let cases: [(&[u8], &str); 11] = [
            (b"\n", "first row"),
            (b"\r\na\n", "first row"),
            (b"a\n\n\nb\n", "it is empty"),
            (b"a,\"b\nc,d\n", "never closed"),
            (b"a,\"", "never closed"),
            (b"a,5\" disk\n", "doubled"),
            (b"a,\"b\"c\n", "behind the closing quote"),
            (b"a\rb\r", "CR alone"),
            (b"a\r", "CR alone"),
            (b"a,\xe9\n", "not UTF-8"),
            (b"a\0,\n", "NUL"),
        ];
        for (text, words) in cases {
            for buffer in [1, 4, 8192] {
                let error = read(text, buffer).unwrap_err();
                assert!(error.contains(words), "{error}");
            }
        }
        let long = format!("a,\"{}", "x\n".repeat(LONGEST));
        assert!(read(long.as_bytes(), 8192).unwrap_err().contains("1 MiB"));
    }

    #[test]
    fn every_seed_of_fuzzing_keeps_the_promises() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/csv");
        // The published package has none.
        for seed in fs::read_dir(seeds).into_iter().flatten() {
            promises::keep(&fs::read(seed.unwrap().path()).unwrap());
        }
    }

    #[test]
    fn what_stands_before_a_fault_is_read() {
        let mut records = Records::new(&b"a\n1\n2\n\"3\" \n"[..]);
        let mut rows = 0;
        while let Ok(Some(_)) = records.next() {
            rows += 1;
        }
        assert_eq!(rows, 3);
    }
}
