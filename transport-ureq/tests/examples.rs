//! The examples do what they say, against platforms of their own. `cargo test` has built them.
#![cfg(all(feature = "aws-lc-rs", feature = "bundled-roots"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::process::Command;

#[track_caller]
fn last_line_of(example: &str) -> String {
    let mut program = std::env::current_exe().unwrap();
    program.pop();
    program.pop();
    program.push("examples");
    program.push(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is not there: `cargo build --examples`", program.display());
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
}

#[test]
fn a_score_is_posted_after_a_launch() {
    assert_eq!(last_line_of("post_after_launch"), "Nothing in the exchange violated the specification.");
}

#[test]
fn results_are_read() {
    assert!(last_line_of("read_results").starts_with("u-"));
}

#[test]
fn line_items_are_found() {
    assert!(last_line_of("find_line_items").starts_with("  "));
}

#[test]
fn a_quiz_has_a_column_until_it_has_none() {
    assert_eq!(last_line_of("quiz_column"), "it is gone, and the grades with it");
}

#[test]
fn a_coupled_line_item_is_deleted_only_by_force() {
    assert!(last_line_of("delete_coupled").starts_with("forced: "));
}
