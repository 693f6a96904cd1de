//! What the specifications ask of a tool (`requirements.toml`), set beside the tests that name it, in
//! `REQUIREMENTS.md`. The table comes from the tests' sources, so that it says neither more nor less than they do.

mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

/// Requirements whose tests are still to be written.
const NOT_YET: &[&str] = &[
    "AGS-CLAIM-01",
    "AGS-CLAIM-02",
    "AGS-CLAIM-03",
    "AGS-CLAIM-04",
    "AGS-CLAIM-06",
    "AGS-CLAIM-07",
    "AGS-CLAIM-08",
    "AGS-CLAIM-10",
    "AGS-CLAIM-11",
    "AGS-CLAIM-12",
    "AGS-CLAIM-13",
    "AGS-CLAIM-14",
    "AGS-CLAIM-15",
    "AGS-CLAIM-16",
    "AGS-TOKREQ-01",
    "AGS-TOKREQ-02",
    "AGS-TOKREQ-03",
    "AGS-TOKREQ-04",
    "AGS-TOKREQ-06",
    "AGS-TOKREQ-08",
    "AGS-TOKREQ-10",
    "AGS-TOKREQ-11",
    "AGS-TOKREQ-12",
    "AGS-TOKREQ-13",
    "AGS-TOKREQ-14",
    "AGS-TOKRES-01",
    "AGS-TOKRES-02",
    "AGS-TOKRES-04",
    "AGS-TOKRES-05",
    "AGS-TOKRES-06",
    "AGS-TOKRES-07",
    "AGS-TOKRES-09",
    "AGS-TOKERR-01",
    "AGS-TOKERR-03",
    "AGS-TOKERR-04",
    "AGS-TOKERR-06",
    "AGS-TOKERR-07",
    "AGS-ITEM-01",
    "AGS-ITEM-06",
    "AGS-ITEM-11",
    "AGS-ITEM-12",
    "AGS-LIST-01",
    "AGS-LIST-03",
    "AGS-LIST-04",
    "AGS-LIST-05",
    "AGS-LIST-06",
    "AGS-PAGE-02",
    "AGS-PAGE-10",
    "AGS-PAGE-11",
    "AGS-PAGE-13",
    "AGS-CREATE-01",
    "AGS-CREATE-03",
    "AGS-CREATE-05",
    "AGS-CREATE-06",
    "AGS-CREATE-07",
    "AGS-CREATE-08",
    "AGS-CREATE-09",
    "AGS-CREATE-10",
    "AGS-CREATE-11",
    "AGS-UPDATE-01",
    "AGS-UPDATE-05",
    "AGS-UPDATE-07",
    "AGS-UPDATE-08",
    "AGS-DELETE-01",
    "AGS-DELETE-02",
    "AGS-DELETE-03",
    "AGS-DELETE-04",
    "AGS-SCORE-01",
    "AGS-SCORE-02",
    "AGS-SCORE-03",
    "AGS-SCORE-04",
    "AGS-SCORE-05",
    "AGS-SCORE-06",
    "AGS-SCORE-07",
    "AGS-SCORE-08",
    "AGS-SCORE-09",
    "AGS-SCORE-10",
    "AGS-SCORE-11",
    "AGS-SCORE-12",
    "AGS-SCORE-13",
    "AGS-SCORE-14",
    "AGS-SCORE-15",
    "AGS-SCORE-16",
    "AGS-SCORE-17",
    "AGS-SCORE-18",
    "AGS-SCORE-19",
    "AGS-SCORE-20",
    "AGS-SCORE-22",
    "AGS-SCORE-23",
    "AGS-TS-01",
    "AGS-TS-05",
    "AGS-TS-07",
    "AGS-SUBM-01",
    "AGS-SUBM-02",
    "AGS-SUBM-03",
    "AGS-SUBM-04",
    "AGS-SUBM-05",
    "AGS-RESULT-01",
    "AGS-RESULT-02",
    "AGS-RESULT-03",
    "AGS-RESULT-08",
    "AGS-RESULT-11",
    "AGS-MEDIA-01",
    "AGS-MEDIA-02",
    "AGS-MEDIA-03",
    "AGS-MEDIA-04",
    "AGS-MEDIA-05",
    "AGS-URL-01",
    "AGS-URL-02",
    "AGS-URL-03",
    "AGS-URL-04",
    "AGS-URL-05",
    "AGS-URL-06",
    "AGS-URL-07",
    "AGS-SEC-01",
    "AGS-SEC-02",
    "AGS-HTTP-06",
    "AGS-HTTP-07",
    "AGS-HTTP-09",
    "AGS-HTTP-10",
    "AGS-REVIEW-01",
    "AGS-REVIEW-02",
    "AGS-REVIEW-03",
    "AGS-REVIEW-04",
    "AGS-REVIEW-05",
    "AGS-CERT-02",
    "AGS-CERT-03",
    "AGS-CERT-04",
    "AGS-CERT-06",
];

/// Where tests of the tool are, from the workspace's root.
const SOURCES: &[&str] = &[
    "core/src",
    "core/tests",
    "tests/tests",
    "transport-hyper/src",
    "transport-hyper/tests",
    "transport-ureq/src",
    "transport-ureq/tests",
];

/// These test the platform that referees the other tests: they show that it notices a fault, not that the tool
/// is without it.
const OF_THE_PLATFORM: &str = "tests/tests/platform_";

const UPDATE: &str = "UPDATE_REQUIREMENTS";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    requirements: Vec<Requirement>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    id: String,
    section: String,
    summary: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    id: String,
    reason: String,
}

/// The tests that name a requirement, as `file::function`, by requirement.
type Tests = BTreeMap<String, BTreeSet<String>>;

impl List {
    fn parse(text: &str) -> Self {
        toml::from_str(text).expect("requirements.toml is readable")
    }

    fn reason(&self, id: &str) -> Option<&str> {
        self.exceptions.iter().find(|exception| exception.id == id).map(|exception| exception.reason.as_str())
    }

    /// What is wrong with the list, the tests and what is left out, each fault a sentence.
    fn faults(&self, tests: &Tests, not_yet: &[&str]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut known = BTreeSet::new();
        for Requirement { id, .. } in &self.requirements {
            if !known.insert(id.as_str()) {
                faults.push(format!("{id} is listed twice"));
            }
            match (tests.contains_key(id), self.reason(id).is_some(), not_yet.contains(&id.as_str())) {
                (true, false, false) | (false, true, false) | (false, false, true) => {}
                (false, false, false) => faults.push(format!("{id} is named by no test")),
                (true, _, true) => faults.push(format!("{id} has a test now: take it out of NOT_YET")),
                (true, true, _) => faults.push(format!("{id} has a test: take it out of the exceptions")),
                (false, true, true) => faults.push(format!("{id} is an exception and in NOT_YET")),
            }
        }
        let left_out =
            not_yet.iter().copied().chain(self.exceptions.iter().map(|exception| exception.id.as_str()));
        faults.extend(
            left_out
                .filter(|id| !known.contains(id))
                .map(|id| format!("{id} is left out but not a requirement")),
        );
        for (id, tests) in tests.iter().filter(|(id, _)| !known.contains(id.as_str())) {
            faults.push(format!("{id} is named by {} but not a requirement", joined(tests, ", ")));
        }
        faults
    }

    fn table(&self, tests: &Tests) -> String {
        let mut table = String::from(
            "# Requirements and their tests\n\n\
             Written by `tests/tests/requirements` from `tests/requirements.toml` and the sources of the tests; not to \
             be edited.\nSections are those of the texts named there.\n\n\
             | requirement | summary | section | tests |\n|---|---|---|---|\n",
        );
        for Requirement { id, section, summary } in &self.requirements {
            let tests = match (tests.get(id), self.reason(id)) {
                (Some(tests), _) => format!("`{}`", joined(tests, "`<br>`")),
                (None, Some(reason)) => format!("none: {reason}"),
                (None, None) => "none yet".to_owned(),
            };
            writeln!(table, "| {id} | {summary} | {section} | {tests} |").expect("a string takes all");
        }
        table
    }
}

fn joined(tests: &BTreeSet<String>, by: &str) -> String {
    tests.iter().map(String::as_str).collect::<Vec<_>>().join(by)
}

fn all_tests(root: &Path) -> Tests {
    let mut tests = Tests::new();
    for file in SOURCES.iter().flat_map(|folder| rust_files(&root.join(folder))) {
        let name =
            file.strip_prefix(root).expect("found below the root").display().to_string().replace('\\', "/");
        if name.starts_with(OF_THE_PLATFORM) {
            continue;
        }
        let source = fs::read_to_string(&file).expect("sources are readable");
        for test in scan::tests(&source).unwrap_or_else(|error| panic!("{name}: {error}")) {
            for id in test.ids {
                tests.entry(id).or_default().insert(format!("{name}::{}", test.function));
            }
        }
    }
    tests
}

/// The Rust files below a folder, or none where it does not exist.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("folders are readable").path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn every_requirement_is_tested_and_the_table_says_where() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = List::parse(&fs::read_to_string(package.join("requirements.toml")).unwrap());
    let tests = all_tests(package.parent().unwrap());
    let table = list.table(&tests);
    let file = package.join("REQUIREMENTS.md");
    if env::var_os(UPDATE).is_some() {
        fs::write(&file, &table).unwrap();
    }
    let mut faults = list.faults(&tests, NOT_YET);
    if fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n") != table {
        faults.push(format!(
            "tests/REQUIREMENTS.md differs from the tests' sources: \
             run `{UPDATE}=1 cargo test -p lti-ags-testing --test requirements` and commit it"
        ));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

mod tests {
    use super::*;

    fn list(exceptions: &str) -> List {
        List::parse(&format!(
            "exceptions = [{exceptions}]\nrequirements = [\n\
             {{ id = \"AGS-B-01\", section = \"AGS 1\", summary = \"one\" }},\n\
             {{ id = \"AGS-A-01\", section = \"AGS 2\", summary = \"two\" }},\n]"
        ))
    }

    fn tests_of(ids: &[&str]) -> Tests {
        ids.iter().map(|&id| (id.to_owned(), ["a.rs::y", "a.rs::x"].map(str::to_owned).into())).collect()
    }

    const EXCEPTION: &str = "{ id = \"AGS-A-01\", reason = \"why\" }";

    #[test]
    fn each_requirement_needs_a_test_an_exception_or_time() {
        assert_eq!(list("").faults(&tests_of(&["AGS-A-01", "AGS-B-01"]), &[]), [""; 0]);
        assert_eq!(list(EXCEPTION).faults(&tests_of(&["AGS-B-01"]), &[]), [""; 0]);
        assert_eq!(list("").faults(&tests_of(&["AGS-B-01"]), &["AGS-A-01"]), [""; 0]);
        assert_eq!(list("").faults(&tests_of(&["AGS-B-01"]), &[]), ["AGS-A-01 is named by no test"]);
    }

    #[test]
    fn what_is_tested_is_not_left_out() {
        let both = tests_of(&["AGS-A-01", "AGS-B-01"]);
        assert_eq!(
            list("").faults(&both, &["AGS-A-01"]),
            ["AGS-A-01 has a test now: take it out of NOT_YET"]
        );
        assert_eq!(
            list(EXCEPTION).faults(&both, &[]),
            ["AGS-A-01 has a test: take it out of the exceptions"]
        );
    }

    #[test]
    fn what_is_not_listed_is_a_fault_wherever_it_stands() {
        let tests = tests_of(&["AGS-A-01", "AGS-B-01", "AGS-C-01"]);
        assert_eq!(
            list("").faults(&tests, &["AGS-D-01"]),
            [
                "AGS-D-01 is left out but not a requirement",
                "AGS-C-01 is named by a.rs::x, a.rs::y but not a requirement",
            ]
        );
    }

    #[test]
    fn the_table_keeps_the_order_of_the_list_and_sorts_the_tests() {
        let table = list(EXCEPTION).table(&tests_of(&["AGS-B-01"]));
        let rows: Vec<_> = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1).collect();
        assert_eq!(
            rows,
            ["| AGS-B-01 | one | AGS 1 | `a.rs::x`<br>`a.rs::y` |", "| AGS-A-01 | two | AGS 2 | none: why |",]
        );
    }
}
