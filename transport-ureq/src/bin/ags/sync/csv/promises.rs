//! What holds of any bytes, for fuzzing and for the tests, which replay its seeds: they are read as RFC 4180 has them, in
//! whatever pieces they come, or they are an error.

use std::io::Read;

use super::Records;

type Rows = Vec<Vec<String>>;

/// Panics where it does not hold.
pub(crate) fn keep(mut data: &[u8]) {
    while let Some(behind) = data.strip_prefix("\u{feff}".as_bytes()) {
        data = behind;
    }
    let rows = slowly(data);
    for piece in [1, 7, data.len()] {
        // Of several faults it may be any.
        assert_eq!(read(data, piece).ok(), rows, "in pieces of {piece}");
    }
}

/// Comes in pieces of this length.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.1.min(buffer.len());
        self.0.read(&mut buffer[..length])
    }
}

fn read(data: &[u8], piece: usize) -> Result<Rows, String> {
    let mut records = Records::new(Pieces(data, piece.max(1)));
    let mut rows = Vec::new();
    while let Some(record) = records.next()? {
        rows.push(record.iter().map(str::to_owned).collect());
    }
    Ok(rows)
}

/// The same, without haste: RFC 4180, but for blank rows, which may stand behind all others alone.
fn slowly(data: &[u8]) -> Option<Rows> {
    let mut rest = std::str::from_utf8(data).ok().filter(|text| !text.contains('\0'))?;
    let (mut rows, mut is_over) = (Rows::new(), false);
    while !rest.is_empty() {
        let row_begins = rest;
        let mut row = Vec::new();
        loop {
            let (field, behind) = field(rest)?;
            row.push(field);
            rest = behind;
            match rest.strip_prefix(',') {
                Some(behind) => rest = behind,
                None => break,
            }
        }
        let is_blank = rest.len() == row_begins.len();
        if !rest.is_empty() {
            rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'))?;
        }
        match (is_blank, rows.is_empty()) {
            (true, true) => return None,
            (true, false) => is_over = true,
            (false, _) if is_over => return None,
            (false, _) => rows.push(row),
        }
    }
    Some(rows)
}

/// A field, and what stands behind it.
fn field(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\r', '\n']).unwrap_or(text.len());
        let (field, behind) = text.split_at(end);
        return (!field.contains('"')).then(|| (field.to_owned(), behind));
    };
    let mut field = String::new();
    loop {
        let (part, behind) = rest.split_once('"')?;
        field.push_str(part);
        match behind.strip_prefix('"') {
            Some(behind) => {
                field.push('"');
                rest = behind;
            }
            None => return Some((field, behind)),
        }
    }
}
