//! The journal of a bulk passback in a file: locked while a run writes to it, only ever added to.
//!
//! The core touches no file, and the transports need the same one: in the other's sources this is a symbolic link.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lti_ags::{History, Journal, JournalError, JournalHeader, JournalReader, Recovered};

/// A file that holds the [journal](lti_ags::Journal) of a passback: JSON Lines, for its owner alone. It is locked until it is
/// dropped, or the process ends, however it ends.
///
/// A [`Client`](crate::Client) passes scores back with it.
pub struct JournalFile {
    file: File,
    path: PathBuf,
    history: History,
    torn: u64,
}

impl JournalFile {
    /// Opens a journal, or begins one where there is no file. A line at its end that was not written whole is cut off; see
    /// [`torn`](Self::torn).
    ///
    /// # Errors
    ///
    /// Where it is of another input or line item, no journal, no regular file, damaged or in use. It stays as it was.
    pub fn open(path: impl AsRef<Path>, header: JournalHeader) -> Result<Self, JournalError> {
        let path = path.as_ref().to_owned();
        check_kind(&path)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(JournalError::Read)?;
        refused(file.try_lock())?;
        let head = header.to_line();
        let Recovered { history, kept, torn, .. } = read(&mut file, header)?;
        let mut journal = Self { file, path, history, torn };
        journal.begin(kept, &head).map_err(JournalError::Write)?;
        Ok(journal)
    }

    /// What a journal tells, without a change to it: for a dry run. Nothing where there is no file.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) does.
    pub fn look(path: impl AsRef<Path>, header: JournalHeader) -> Result<History, JournalError> {
        check_kind(path.as_ref())?;
        match File::open(path) {
            Ok(mut file) => {
                refused(file.try_lock_shared())?;
                Ok(read(&mut file, header)?.history)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(JournalReader::new(header).finish()?.history)
            }
            Err(error) => Err(JournalError::Read(error)),
        }
    }

    /// How many bytes at its end were cut off, since they had not been written whole: what they told of is done again.
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// What earlier runs recorded, until a run goes on with it.
    pub fn recorded(&self) -> &History {
        &self.history
    }

    /// Brings it to a state from which it can be gone on with, and makes that survive a power cut: what is read now was
    /// perhaps not safe yet.
    fn begin(&mut self, kept: u64, head: &[u8]) -> io::Result<()> {
        if self.torn > 0 {
            self.file.set_len(kept)?;
        }
        self.file.seek(SeekFrom::Start(kept))?;
        if kept == 0 {
            self.file.write_all(head)?;
        }
        self.file.sync_all()?;
        // A new file may be lost as long as its folder does not name it.
        #[cfg(unix)]
        if kept == 0 {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }
}

impl Journal for JournalFile {
    fn history(&mut self) -> History {
        std::mem::take(&mut self.history)
    }

    fn append(&mut self, line: &[u8], durable: bool) -> io::Result<()> {
        self.file.write_all(line)?;
        if durable { self.file.sync_data() } else { Ok(()) }
    }
}

/// A pipe would be waited for, and reading a device may do something: they are not even opened.
fn check_kind(path: &Path) -> Result<(), JournalError> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(JournalError::NotAJournal),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(JournalError::Read(error)),
    }
}

fn refused(lock: Result<(), TryLockError>) -> Result<(), JournalError> {
    lock.map_err(|error| match error {
        TryLockError::WouldBlock => JournalError::InUse,
        TryLockError::Error(error) => JournalError::Read(error),
    })
}

fn read(file: &mut File, header: JournalHeader) -> Result<Recovered, JournalError> {
    let mut reader = JournalReader::new(header);
    let mut piece = vec![0; 64 * 1024];
    file.seek(SeekFrom::Start(0)).map_err(JournalError::Read)?;
    loop {
        match file.read(&mut piece) {
            Ok(0) => return reader.finish(),
            Ok(length) => reader.feed(piece.get(..length).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(JournalError::Read(error)),
        }
    }
}

impl fmt::Debug for JournalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalFile").field("path", &self.path).finish_non_exhaustive()
    }
}
