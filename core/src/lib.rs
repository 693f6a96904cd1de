//! LTI Advantage Assignment and Grade Services (AGS 2.0) for tools, without I/O.

pub mod key;
