//! What the fuzz targets in `fuzz/` run, one function a target: bytes in, a panic where a promise is broken. Not part of
//! the API; compiled for fuzzing, and for the tests, which replay the seeds.
#![allow(missing_docs, clippy::missing_panics_doc, reason = "an assertion is what each of them is for")]

mod fields;
mod journal;
mod models;
mod platform;
mod replies;
mod session;
mod values;

pub use fields::{challenge, dates, link, retry_after, urls};
pub use journal::journal;
pub use models::{claims, line_items, results, score_json};
pub use replies::{refusal, score_reply, token_response};
pub use session::session;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    type Target = fn(&[u8]);

    /// Of `ags`, whose tests replay the seeds.
    const ELSEWHERE: [&str; 1] = ["csv"];

    const TARGETS: [(&str, Target); 14] = [
        ("challenge", challenge),
        ("claims", claims),
        ("dates", dates),
        ("journal", journal),
        ("line_items", line_items),
        ("link", link),
        ("refusal", refusal),
        ("results", results),
        ("retry_after", retry_after),
        ("score_json", score_json),
        ("score_reply", score_reply),
        ("session", session),
        ("token_response", token_response),
        ("urls", urls),
    ];

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_seed_keeps_the_promises() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        // The published package has no fuzz targets.
        if !fuzz.exists() {
            return;
        }
        let mut names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).chain(ELSEWHERE).collect();
        names.sort_unstable();
        assert_eq!(names_in(&fuzz.join("seeds")), names, "a folder for each target");
        let files: Vec<_> = names.iter().map(|name| format!("{name}.rs")).collect();
        assert_eq!(names_in(&fuzz.join("fuzz_targets")), files);
        for (name, target) in TARGETS {
            let folder = fuzz.join("seeds").join(name);
            let seeds = names_in(&folder);
            assert!(!seeds.is_empty(), "{name} has no seed");
            for seed in seeds {
                println_seed(name, &seed);
                target(&fs::read(folder.join(seed)).unwrap());
            }
        }
    }

    /// Shown where the test fails: the last one did it.
    #[expect(clippy::print_stdout, reason = "captured unless the test fails")]
    fn println_seed(name: &str, seed: &str) {
        println!("fuzz/seeds/{name}/{seed}");
    }
}
