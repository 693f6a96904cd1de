//! LTI Advantage Assignment and Grade Services (AGS 2.0) for tools, without I/O.

pub mod canvas;
pub mod extensions;
mod finite;
mod number;
mod text;
