//! Journals that were cut off, damaged, or are of something else.

use lti_ags::{History, JournalError, JournalHeader, JournalReader, Recovered, ServiceUrl};
use proptest::prelude::*;

fn header() -> JournalHeader {
    of("sha256:9f86d0", &["https://lms.test/lineitems/9"])
}

fn of(input: &str, line_items: &[&str]) -> JournalHeader {
    let line_items: Vec<ServiceUrl> = line_items.iter().map(|url| url.parse().unwrap()).collect();
    JournalHeader::new(input, &line_items)
}

/// The line, with its checksum.
fn line(members: &str) -> Vec<u8> {
    format!("{{\"crc\":\"{:08x}\",{members}}}\n", crc32fast::hash(format!("{members}}}").as_bytes()))
        .into_bytes()
}

fn begun(row: u32) -> Vec<u8> {
    line(&format!(r#""begun":[{{"row":{row},"timestamp":"2026-03-02T09:00:{:02}.000Z"}}]"#, row % 60))
}

fn settled(row: u32, outcome: &str) -> Vec<u8> {
    line(&format!(r#""settled":[{{"row":{row},"outcome":"{outcome}","attempts":1}}]"#))
}

fn journal(rows: u32) -> Vec<u8> {
    let lines = (1..=rows).flat_map(|row| [begun(row), settled(row, "sent")].concat());
    header().to_line().into_iter().chain(lines).collect()
}

fn read(bytes: &[u8]) -> Result<Recovered, JournalError> {
    let mut reader = JournalReader::new(header());
    reader.feed(bytes)?;
    reader.finish()
}

/// What a checksum protects does not change by accident.
fn is_refused(result: &Result<Recovered, JournalError>) -> bool {
    matches!(result, Err(JournalError::Damaged(_) | JournalError::NotAJournal))
}

#[test]
fn what_was_written_is_read() {
    let bytes = journal(5);
    let Recovered { history, kept, torn, .. } = read(&bytes).unwrap();
    assert_eq!((history.settled(), kept, torn), (5, bytes.len() as u64, 0));
}

#[test]
fn nothing_is_a_journal_that_was_not_begun() {
    for bytes in [&b""[..], &header().to_line()[..10]] {
        let Recovered { history, kept, torn, .. } = read(bytes).unwrap();
        assert!(history.is_empty());
        assert_eq!((kept, torn), (0, bytes.len() as u64));
    }
}

#[test]
fn a_journal_of_something_else_is_refused() {
    let other = |header: JournalHeader| read(&[header.to_line(), begun(1)].concat()).unwrap_err();
    let line_items = ["https://lms.test/lineitems/9", "https://lms.test/lineitems/10"];
    assert!(matches!(other(of("sha256:0000", &line_items[..1])), JournalError::OtherInput));
    for other_items in [&[][..], &line_items] {
        assert!(matches!(other(of("sha256:9f86d0", other_items)), JournalError::OtherLineItem(_)));
    }
    assert!(matches!(
        other(of("sha256:9f86d0", &line_items[1..])),
        JournalError::OtherLineItem(theirs) if theirs == "https://lms.test/lineitems/10"
    ));
    let newer = line(r#""lti-ags-journal":2,"input":"sha256:9f86d0","line_items":[]"#);
    assert!(matches!(read(&newer).unwrap_err(), JournalError::OtherVersion(2)));
    for bytes in
        [&b"user_id,score_given\n"[..], b"{}\n", b"\n", b"\0\0\0\0", b"{\"crc\":\"00000000\",\"x\":1}\n"]
    {
        assert!(matches!(read(bytes).unwrap_err(), JournalError::NotAJournal), "{bytes:?}");
    }
}

#[test]
fn line_items_are_compared_in_any_order() {
    let line_items = ["https://lms.test/lineitems/9", "https://lms.test/lineitems/10"];
    let mut reader = JournalReader::new(of("x", &line_items));
    let theirs = line(&format!(
        r#""lti-ags-journal":1,"input":"x","line_items":["{1}","{0}","{1}"]"#,
        line_items[0], line_items[1]
    ));
    reader.feed(&theirs).unwrap();
    assert_eq!(reader.finish().unwrap().kept, theirs.len() as u64);
}

#[test]
fn an_endless_line_is_not_read_to_its_end() {
    let mut reader = JournalReader::new(header());
    reader.feed(&header().to_line()).unwrap();
    let endless = vec![b'x'; 1 << 20];
    let refused = (0..32).find_map(|_| reader.feed(&endless).err());
    assert!(matches!(refused, Some(JournalError::Damaged(2))));
}

#[test]
fn what_no_run_writes_is_damage() {
    let with = |lines: &[Vec<u8>]| read(&[header().to_line(), lines.concat()].concat());
    let two_timestamps = r#""begun":[{"row":1,"timestamp":"2026-03-02T10:00:00Z"}]"#;
    for lines in [
        vec![begun(1), line(two_timestamps)],
        vec![settled(1, "vanished")],
        vec![settled(0, "sent")],
        vec![settled(4_000_000_000, "sent")],
        vec![line(r#""begun":[{"row":1,"timestamp":"yesterday"}]"#)],
    ] {
        assert!(matches!(with(&lines), Err(JournalError::Damaged(_))), "{lines:?}");
    }
}

#[test]
fn a_row_that_was_given_up_is_not_settled_until_a_later_score_supersedes_it() {
    let settled_rows = |lines: &[Vec<u8>]| {
        let Recovered { history, .. } = read(&[header().to_line(), lines.concat()].concat()).unwrap();
        history.settled()
    };
    assert_eq!(settled_rows(&[begun(1), settled(1, "gave_up")]), 0);
    assert_eq!(settled_rows(&[begun(1), settled(1, "skipped")]), 0);
    assert_eq!(settled_rows(&[begun(1), settled(1, "gave_up"), settled(1, "superseded")]), 1);
}

#[test]
fn an_end_that_was_not_written_is_one_piece() {
    let mut bad = begun(1);
    bad[20] ^= 1;
    for (end, is_read) in [
        (bad.clone(), true),
        ([&bad[..], b"x"].concat(), false),
        (begun(1)[..20].to_vec(), true),
        // Another line begins in the middle of it.
        ([&begun(1)[..20], &settled(1, "sent")[..20]].concat(), false),
    ] {
        assert_eq!(read(&[header().to_line(), end].concat()).is_ok(), is_read);
    }
}

#[test]
fn a_row_may_be_a_million_beyond_the_last_one_and_no_further() {
    for (row, is_read) in [(1_048_586, true), (1_048_587, true), (1_048_588, false)] {
        let lines = [header().to_line(), settled(10, "sent"), settled(row, "sent")].concat();
        assert_eq!(read(&lines).is_ok(), is_read, "{row}");
    }
}

proptest! {
    #[test]
    fn a_journal_cut_off_anywhere_is_read_up_to_its_last_whole_line(rows in 1_u32..8, at in any::<prop::sample::Index>()) {
        let bytes = journal(rows);
        let cut = &bytes[..at.index(bytes.len())];
        let whole = cut.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let Recovered { history, kept, torn, .. } = read(cut).unwrap();
        prop_assert_eq!((kept, torn), (whole as u64, (cut.len() - whole) as u64));
        // The header, and then two lines of each row.
        let lines = cut.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).count();
        prop_assert_eq!(history.settled(), lines.saturating_sub(1) / 2);
    }

    #[test]
    fn a_journal_comes_in_pieces_of_any_size(rows in 1_u32..8, size in 1_usize..200) {
        let bytes = journal(rows);
        let mut reader = JournalReader::new(header());
        for piece in bytes.chunks(size) {
            reader.feed(piece).unwrap();
        }
        let Recovered { history, kept, .. } = reader.finish().unwrap();
        prop_assert_eq!((history.settled(), kept), (rows as usize, bytes.len() as u64));
    }

    #[test]
    fn a_flipped_bit_is_found_and_only_the_last_line_is_forgiven(
        rows in 1_u32..8,
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let mut bytes = journal(rows);
        let at = at.index(bytes.len());
        let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        bytes[at] ^= 1 << bit;
        let result = read(&bytes);
        if at >= last {
            let Recovered { history, kept, torn, .. } = result.unwrap();
            prop_assert_eq!(history.settled(), rows as usize - 1);
            prop_assert_eq!((kept, kept + torn), (last as u64, bytes.len() as u64));
        } else {
            prop_assert!(is_refused(&result), "{result:?}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = read(&[header().to_line(), bytes].concat());
    }
}

#[test]
fn nothing_recorded_is_the_default() {
    assert!(History::default().is_empty());
    assert!(!read(&journal(1)).unwrap().history.is_empty());
}
