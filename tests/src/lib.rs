//! An embedded LTI platform to test tools against.
