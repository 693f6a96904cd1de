//! What the caller wants of a passback.

use std::collections::BTreeSet;

/// What the caller wants.
#[derive(Debug)]
pub(super) struct Wishes {
    pub(super) concurrency: usize,
    pub(super) only_changed: bool,
    /// Who grades for the tool, where the grades of others are kept.
    pub(super) ours: Option<BTreeSet<String>>,
    pub(super) dry_run: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { concurrency: 4, only_changed: false, ours: None, dry_run: false }
    }
}
