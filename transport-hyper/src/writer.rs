//! A thread that writes a journal, since a disk may take its time.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::mpsc::{self, Sender};
use std::task::{Context, Poll};
use std::thread::{Builder, JoinHandle};

use lti_ags::Journal;
use tokio::sync::oneshot;

pub(crate) struct Writer {
    /// `None` when no more lines come.
    lines: Option<Sender<Line>>,
    thread: Option<JoinHandle<()>>,
}

struct Line {
    bytes: Vec<u8>,
    durable: bool,
    written: oneshot::Sender<io::Result<()>>,
}

/// Tells when a line is written.
pub(crate) enum Written {
    Soon(oneshot::Receiver<io::Result<()>>),
    Failed(&'static str),
}

impl Writer {
    pub(crate) fn new(mut journal: impl Journal + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel::<Line>();
        let write = move || {
            for Line { bytes, durable, written } in receiver {
                // Who no longer waits for it does without.
                let _ = written.send(journal.append(&bytes, durable));
            }
        };
        // Without a thread nothing is written, and so nothing sent: each line fails.
        let thread = Builder::new().name("journal".to_owned()).spawn(write).ok();
        Self { lines: Some(sender), thread }
    }

    pub(crate) fn write(&self, bytes: Vec<u8>, durable: bool) -> Written {
        let (written, soon) = oneshot::channel();
        if let Some(lines) = &self.lines {
            // Where the thread is gone, so is `written`.
            let _ = lines.send(Line { bytes, durable, written });
        }
        Written::Soon(soon)
    }
}

/// Waits for the line that is being written, so that the journal can be opened again at once.
impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.lines.take());
        if let Some(thread) = self.thread.take() {
            // One that panicked is over as well.
            let _ = thread.join();
        }
    }
}

impl Written {
    pub(crate) const fn failed(why: &'static str) -> Self {
        Self::Failed(why)
    }
}

impl Future for Written {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Soon(written) => Pin::new(written).poll(context).map(|result| {
                result.unwrap_or_else(|_| Err(io::Error::other("the thread that writes the journal is gone")))
            }),
            Self::Failed(why) => Poll::Ready(Err(io::Error::other(*why))),
        }
    }
}
