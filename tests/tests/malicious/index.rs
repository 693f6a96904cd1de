//! `tests/ATTACKS.md` names each attack's test: neither a test that is not there, nor too few of them.

use std::fs;
use std::path::Path;

const ATTACKS: &str = include_str!("../../ATTACKS.md");

/// The tests that the index names, as `file::function`.
fn named() -> Vec<(&'static str, &'static str)> {
    let rows = ATTACKS.lines().filter(|line| line.starts_with("| ") && line.contains("::"));
    rows.flat_map(|row| row.split('`').filter_map(|piece| piece.split_once("::"))).collect()
}

fn source(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn has(source: &str, function: &str) -> bool {
    source.contains(&format!("fn {function}(")) || source.contains(&format!("fn {function}<"))
}

#[test]
fn each_attack_has_the_test_that_the_index_names() {
    let named = named();
    assert!(named.len() >= 60, "{} tests", named.len());
    for (file, function) in named {
        assert!(has(&source(file), function), "there is no {function} in {file}");
    }
}

#[test]
fn each_test_beside_the_core_is_in_the_index() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/malicious");
    for file in fs::read_dir(folder).unwrap() {
        let file = format!("core/tests/malicious/{}", file.unwrap().file_name().display());
        let source = source(&file);
        for test in source.split("#[test]").skip(1) {
            let name = test.split_once("fn ").and_then(|(_, rest)| rest.split_once('(')).unwrap().0;
            assert!(named().contains(&(&*file, name)), "{file}::{name} is not in the index");
        }
    }
}

#[test]
fn each_test_here_is_in_the_index() {
    for file in ["astray", "bombs", "framing", "slow"] {
        let file = format!("tests/tests/malicious/{file}.rs");
        let source = source(&file);
        let (_, list) = source.split_once("scenarios! {").unwrap();
        for function in
            list.split('}').next().unwrap().split(',').map(str::trim).filter(|name| !name.is_empty())
        {
            assert!(named().contains(&(&*file, function)), "{file}::{function} is not in the index");
        }
    }
}

#[test]
fn each_test_of_http2_is_in_the_index() {
    let file = "transport-hyper/tests/http2_malicious.rs";
    let source = source(file);
    let tests: Vec<_> = source.split("#[tokio::test").skip(1).collect();
    assert!(!tests.is_empty());
    for test in tests {
        let name = test.split_once("async fn ").and_then(|(_, rest)| rest.split_once('(')).unwrap().0;
        assert!(named().contains(&(file, name)), "{file}::{name} is not in the index");
    }
}
