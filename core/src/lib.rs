//! LTI Advantage Assignment and Grade Services (AGS 2.0) for tools, without I/O.

pub mod canvas;
pub mod container;
pub mod extensions;
mod finite;
pub mod line_item;
pub mod new_line_item;
mod number;
pub mod result;
mod text;
