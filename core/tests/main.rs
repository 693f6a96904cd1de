//! The tests of the core, as one program, which compiles and links once: a file is a module of its name.
#![allow(clippy::print_stdout, reason = "all output of the tests is looked through for secrets")]
#![allow(unreachable_pub, reason = "what the modules share is theirs alone")]

mod calls;
mod claims;
mod clocks;
mod common;
mod custom;
mod dates;
mod ensure_line_item;
mod events;
mod extensions;
mod journal;
mod line_items;
mod list_line_items;
mod malicious;
mod media_types;
mod pacing;
mod pages;
mod passback;
mod passback_blame;
mod passback_deadline;
mod passback_journal;
mod passback_order;
mod platforms_scores;
mod platforms_tokens;
mod refusals;
mod results;
mod reviews;
mod scores;
mod scripted;
mod sessions;
mod sharing;
mod simulation;
mod stored_registrations;
mod stored_tokens;
mod submissions;
mod texts;
mod timestamps;
mod token_errors;
mod token_request;
mod token_response;
mod tokens_and_limits;
mod urls;
mod wire;
mod wire_moodle;
mod wire_open_edx;

#[test]
fn no_file_of_tests_is_forgotten() {
    let listed = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            name == "main" || listed.contains(&format!("\nmod {name};\n")),
            "{name} is not a module here"
        );
    }
}
