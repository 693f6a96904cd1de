//! What the README promises.

const README: &str = include_str!("../../README.md");

/// The fenced blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let mut blocks = Vec::new();
    let mut rest = README;
    while let Some((_, from)) = rest.split_once("```") {
        let (block, after) = from.split_once("```").expect("a block that is closed");
        let (info, code) = block.split_once('\n').expect("a block of lines");
        if info.split(',').next() == Some(language) {
            blocks.push(code);
        }
        rest = after;
    }
    blocks
}

#[test]
fn the_first_two_commands_show_it_and_test_it() {
    let commands: Vec<_> = blocks("sh").into_iter().map(str::trim).collect();
    assert_eq!(commands[0], "cargo run -p lti-ags-ureq --example post_after_launch");
    assert_eq!(commands[1], "cargo test --workspace --all-features");
}

#[test]
fn the_synchronous_program_has_fifteen_lines_or_fewer() {
    let program = blocks("rust")[0];
    assert!(program.contains("lti_ags_ureq") && program.contains("client.call("));
    assert!(program.trim().lines().count() <= 15, "{program}");
}
