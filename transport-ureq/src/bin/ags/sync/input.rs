//! The file of scores. All of it is read and checked before anything is sent, and it is read again as it is sent: only what
//! was checked, and no more of it in memory than a block.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use lti_ags_ureq::{Score, Timestamp};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

use super::columns::{Column, Columns};
use super::csv::{Fault, Record, Records};
use super::row;
use super::times::{Count, Early, Times};

/// How many rows are read together, and compared with those that were checked.
const BLOCK: u64 = 1024;

/// A file whose rows are all sound.
#[derive(Debug)]
pub(super) struct Input {
    path: PathBuf,
    file: File,
    columns: Columns,
    rows: u64,
    digest: String,
    /// A hash of the rows up to the end of each block.
    checkpoints: Vec<u64>,
    times: Times,
    /// A row whose timestamp is too early for the one that the row before it gets.
    early: Option<Trouble>,
}

/// What is wrong, and where; `None` where it is the header row, or the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    row: Option<u64>,
    what: String,
}

impl Trouble {
    fn of_file(what: impl Into<String>) -> Self {
        Self { row: None, what: what.into() }
    }

    fn at(row: u64, what: impl Into<String>) -> Self {
        Self { row: Some(row), what: what.into() }
    }

    fn failure(self, path: &Path) -> Failure {
        let Self { row, what } = self;
        let place = row.map(|row| format!("row {row}: ")).unwrap_or_default();
        Failure::input_file(format_args!("{}: {place}{what}", path.display())).in_row(row)
    }
}

impl Input {
    /// Reads and checks a file. The last row of each user that has no timestamp gets `start`.
    pub(super) fn check(path: &Path, start: Timestamp) -> Result<Self, Failure> {
        read(path, start).map_err(|trouble| trouble.failure(path))
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// What tells its content from any other.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// What is good to know of its columns.
    pub(super) fn note(&self) -> Option<String> {
        self.columns.note()
    }

    /// Fails where a row has a timestamp that is earlier than the one that a row before it would get now. Where an earlier
    /// run has begun with the file, it got its timestamp then.
    pub(super) fn check_new(&self) -> Result<(), Failure> {
        self.early.clone().map_or(Ok(()), |trouble| Err(trouble.failure(&self.path)))
    }

    /// The scores, read again.
    pub(super) fn scores(&self) -> Result<Scores<'_>, Failure> {
        self.read_again().map_err(|trouble| trouble.failure(&self.path))
    }

    fn read_again(&self) -> Result<Scores<'_>, Trouble> {
        let mut records = records(&self.file)?;
        // The header row is known.
        let has_changed = records.next().is_err();
        Ok(Scores {
            input: self,
            records,
            row: 0,
            hasher: DefaultHasher::new(),
            times: self.times.clone(),
            given: None,
            made: None,
            block: VecDeque::new(),
            has_changed,
        })
    }

    /// The first row whose own timestamp is not later than that of the user's row before it, and the first for which the one
    /// that the row before it gets is too late: by the very timestamps that are sent.
    fn disorder(&self) -> Result<[Option<Trouble>; 2], Trouble> {
        if !self.columns.has(Column::Timestamp) {
            return Ok([None, None]);
        }
        let mut scores = self.read_again()?;
        while scores.given.is_none() && scores.next().is_some() {}
        let given = "its timestamp is not later than that of the user's row before it";
        let made = "its timestamp is not later than the one that the user's row before it gets, which has none; give \
                    that one, too";
        Ok([scores.given.map(|row| Trouble::at(row, given)), scores.made.map(|row| Trouble::at(row, made))])
    }
}

/// Everything that is read on the way to its digest.
struct Digested<R> {
    input: R,
    digest: Sha256,
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.digest.update(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

/// Tells a row from others.
fn note(record: &Record, hasher: &mut DefaultHasher) {
    record.len().hash(hasher);
    record.iter().for_each(|field| field.hash(hasher));
}

type Source<'a> = std::io::Chain<Cursor<Vec<u8>>, &'a File>;

fn records(mut file: &File) -> Result<Records<Source<'_>>, Trouble> {
    file.seek(SeekFrom::Start(0)).map_err(|error| Trouble::of_file(Fault::Io(error)))?;
    without_mark(file).map(Records::new)
}

/// Without the mark that some programs put in front of UTF-8. That of UTF-16 is an error.
fn without_mark<R: Read>(mut input: R) -> Result<std::io::Chain<Cursor<Vec<u8>>, R>, Trouble> {
    let mut head = Vec::new();
    input.by_ref().take(3).read_to_end(&mut head).map_err(|error| Trouble::of_file(Fault::Io(error)))?;
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        return Err(Trouble::of_file("it is UTF-16; save the file as \"CSV UTF-8\""));
    }
    if head == b"\xEF\xBB\xBF" {
        head.clear();
    }
    Ok(Cursor::new(head).chain(input))
}

fn read(path: &Path, start: Timestamp) -> Result<Input, Trouble> {
    let unreadable = |error| Trouble::of_file(Fault::Io(error));
    // Before it is opened: a pipe would be waited for.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Trouble::of_file("it is read twice, and so it must be a file, and no pipe or folder"));
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut digested = Digested { input: &file, digest: Sha256::new() };
    let mut records = Records::new(without_mark(&mut digested)?);
    let columns = match records.next().map_err(Trouble::of_file)? {
        None => return Err(Trouble::of_file("it is empty")),
        Some(header) => Columns::read(header).map_err(Trouble::of_file)?,
    };
    let mut rows = 0;
    let mut count = Count::default();
    let mut hasher = DefaultHasher::new();
    let mut checkpoints = Vec::new();
    let trouble = loop {
        let record = match records.next() {
            Ok(Some(record)) => record,
            Ok(None) => break None,
            Err(fault) => break Some(Trouble::at(rows + 1, fault)),
        };
        match row::score(&columns, record) {
            Ok(score) => count.note(score.user_id(), score.timestamp()),
            Err(what) => break Some(Trouble::at(rows + 1, what)),
        }
        rows += 1;
        note(record, &mut hasher);
        if rows % BLOCK == 0 {
            checkpoints.push(hasher.finish());
        }
    };
    if rows % BLOCK != 0 {
        checkpoints.push(hasher.finish());
    }
    drop(records);
    let digest = format!("sha256:{:x}", digested.digest.finalize());
    let times = count.times(start, columns.has(Column::Timestamp));
    let mut input =
        Input { path: path.to_owned(), file, columns, rows, digest, checkpoints, times, early: None };
    let [given, made] = input.disorder()?;
    if given.is_some() || trouble.is_some() {
        let first = [given, made, trouble].into_iter().flatten().min_by_key(|trouble| trouble.row);
        return first.map_or(Ok(input), Err);
    }
    input.early = made;
    Ok(input)
}

/// The scores of a file that was checked. It ends early where the file has changed since.
#[derive(Debug)]
pub(super) struct Scores<'a> {
    input: &'a Input,
    records: Records<Source<'a>>,
    row: u64,
    hasher: DefaultHasher,
    times: Times,
    /// The first rows whose own timestamps are [too early](Early).
    given: Option<u64>,
    made: Option<u64>,
    block: VecDeque<Score>,
    has_changed: bool,
}

impl Scores<'_> {
    /// Why it ended early, if it did.
    pub(super) fn trouble(&self) -> Option<Failure> {
        let what = "the file has changed since it was checked; what was read before that was sent";
        self.has_changed.then(|| Trouble::at(self.row + 1, what).failure(&self.input.path))
    }

    /// Reads a block, and keeps it if it is what was checked.
    fn fill(&mut self) -> Option<()> {
        let rows = (self.input.rows - self.row).min(BLOCK);
        for row in (self.row + 1..).take(usize::try_from(rows).ok()?) {
            let record = self.records.next().ok()??;
            note(record, &mut self.hasher);
            let stamp = |user_id: &str, own| {
                let (timestamp, verdict) = self.times.next(user_id, own);
                match verdict {
                    Err(Early::ThanGiven) => _ = self.given.get_or_insert(row),
                    Err(Early::ThanMade) => _ = self.made.get_or_insert(row),
                    Ok(()) => {}
                }
                timestamp
            };
            self.block.push_back(row::stamped(&self.input.columns, record, stamp).ok()?);
        }
        let block = usize::try_from(self.row / BLOCK).ok()?;
        let is_same = rows == 0 || self.input.checkpoints.get(block) == Some(&self.hasher.finish());
        is_same.then_some(())
    }
}

impl Iterator for Scores<'_> {
    type Item = Score;

    fn next(&mut self) -> Option<Score> {
        if self.block.is_empty() && !self.has_changed && self.fill().is_none() {
            self.has_changed = true;
            self.block.clear();
        }
        let score = self.block.pop_front()?;
        self.row += 1;
        Some(score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: u64 = 2 * BLOCK + 500;

    /// A file of its own, removed in the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, text: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ags-input-{}-{name}.csv", std::process::id()));
            fs::write(&path, text).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn text(points: impl Fn(u64) -> u64) -> String {
        let row = |row| format!("u-{row},{},1000000\n", points(row));
        "user_id,score_given,score_maximum\n".to_owned() + &(1..=ROWS).map(row).collect::<String>()
    }

    #[test]
    fn what_was_checked_is_read_again() {
        let file = Scratch::new("same", &text(|row| row));
        let input = Input::check(&file.0, Timestamp::UNIX_EPOCH).unwrap();
        let mut scores = input.scores().unwrap();
        let given: Vec<_> = (&mut scores).filter_map(|score| score.score_given()).collect();
        let expected: Vec<_> = (1..=ROWS).map(|row| f64::from(u32::try_from(row).unwrap())).collect();
        assert_eq!((given, input.rows()), (expected, ROWS));
        assert!(scores.trouble().is_none() && scores.next().is_none());
    }

    #[test]
    fn no_row_is_given_out_that_was_not_checked() {
        let whole = text(|row| row);
        let changed = text(|row| if row == ROWS - 100 { 7 } else { row });
        let cut = &whole[..whole.len() - 200];
        for (name, text) in
            [("changed", &*changed), ("cut", cut), ("broken", &whole.replace("u-2200,", "\"u"))]
        {
            let file = Scratch::new(name, &whole);
            let input = Input::check(&file.0, Timestamp::UNIX_EPOCH).unwrap();
            fs::write(&file.0, text).unwrap();
            let mut scores = input.scores().unwrap();
            assert_eq!((&mut scores).count() as u64, 2 * BLOCK, "{name}");
            let failure = scores.trouble().unwrap();
            assert!(failure.message().contains("the file has changed"), "{failure:?}");
        }
    }

    #[test]
    fn the_digest_is_of_the_bytes() {
        let digest = |name, text: &str| {
            let file = Scratch::new(name, text);
            Input::check(&file.0, Timestamp::UNIX_EPOCH).unwrap().digest().to_owned()
        };
        let header = "user_id,score_given,score_maximum";
        // As `sha256sum` has it.
        assert_eq!(
            digest("lf", &format!("{header}\n")),
            "sha256:31d1028e4f66c012c4a416cdb7dc474e5c2456f6d9494dae9bd9086af9a90e91"
        );
        assert_ne!(digest("lf", &format!("{header}\n")), digest("crlf", &format!("{header}\r\n")));
    }
}
