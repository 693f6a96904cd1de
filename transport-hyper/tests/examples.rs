//! The examples do what they say, against platforms of their own. `cargo test` has built them.
#![cfg(all(feature = "rustls", feature = "aws-lc-rs"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::process::Command;

#[track_caller]
fn run(example: &str) -> String {
    let mut program = std::env::current_exe().unwrap();
    program.pop();
    program.pop();
    program.push("examples");
    program.push(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is not there: `cargo build --examples`", program.display());
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_score_goes_over_reqwest() {
    assert_eq!(run("over_reqwest"), "li-1: u-1001 has Some(85.0) of 100\n");
}

#[test]
fn a_score_goes_through_layers() {
    assert_eq!(run("through_layers"), "li-1: u-1001 has Some(85.0) of 100\n");
}

#[test]
fn a_score_goes_on_another_runtime() {
    assert_eq!(run("on_smol"), "li-1: u-1001 has Some(85.0) of 100\n");
}
