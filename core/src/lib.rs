//! LTI Advantage Assignment and Grade Services (AGS 2.0) for tools, without I/O.

#[doc(hidden)]
pub mod challenge;
#[doc(hidden)]
pub mod date;
#[doc(hidden)]
pub mod link;
#[doc(hidden)]
pub mod retry_after;
mod scan;
#[doc(hidden)]
pub mod secrecy;
#[doc(hidden)]
pub mod words;
pub mod canvas;
pub mod container;
pub mod extensions;
mod finite;
pub mod line_item;
pub mod new_line_item;
mod number;
pub mod result;
mod text;
pub mod key;
