//! Assignment and Grade Services as futures, through hyper.
