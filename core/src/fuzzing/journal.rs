//! A journal that anyone may have written.

use crate::journal::seal_rest;
use crate::{JournalError, JournalHeader, JournalReader, Recovered};

/// Whatever is in it, it is read or refused, and no byte of it is unaccounted for. Once as it is; once with a header before it
/// and the right checksum for each line, so that what stands in the lines is read as well.
pub fn journal(data: &[u8]) {
    read(data);
    let mut sealed = header().to_line();
    for line in data.split(|byte| *byte == b'\n') {
        sealed.extend(seal_rest(line));
    }
    read(&sealed);
}

fn header() -> JournalHeader {
    JournalHeader::new("the input", [])
}

fn read(bytes: &[u8]) {
    let whole = read_in_pieces(bytes, bytes.len().max(1));
    if let Ok(Recovered { kept, torn, .. }) = &whole {
        assert_eq!(kept + torn, bytes.len() as u64);
    }
    let pieces = read_in_pieces(bytes, 7);
    assert_eq!(whole.is_ok(), pieces.is_ok());
    if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
        assert_eq!((whole.kept, whole.history.settled()), (pieces.kept, pieces.history.settled()));
    }
}

fn read_in_pieces(bytes: &[u8], size: usize) -> Result<Recovered, JournalError> {
    let mut reader = JournalReader::new(header());
    bytes.chunks(size).try_for_each(|piece| reader.feed(piece))?;
    reader.finish()
}
