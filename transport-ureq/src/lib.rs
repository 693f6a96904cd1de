//! Assignment and Grade Services on the calling thread, through ureq.
