//! What the specifications ask of a tool (`requirements.toml`), set beside the tests that name it, in
//! `REQUIREMENTS.md`. The table comes from the tests' sources, so that it says neither more nor less than they do.

mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

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
    fn faults(&self, tests: &Tests) -> Vec<String> {
        let mut faults = Vec::new();
        let mut known = BTreeSet::new();
        for Requirement { id, .. } in &self.requirements {
            if !known.insert(id.as_str()) {
                faults.push(format!("{id} is listed twice"));
            }
            match (tests.contains_key(id), self.reason(id).is_some()) {
                (true, false) | (false, true) => {}
                (false, false) => faults.push(format!("{id} is named by no test")),
                (true, true) => faults.push(format!("{id} has a test: take it out of the exceptions")),
            }
        }
        let left_out = self.exceptions.iter().map(|exception| exception.id.as_str());
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
                (None, None) => "none".to_owned(),
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
    let mut faults = list.faults(&tests);
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
    fn each_requirement_needs_a_test_or_an_exception() {
        assert_eq!(list("").faults(&tests_of(&["AGS-A-01", "AGS-B-01"])), [""; 0]);
        assert_eq!(list(EXCEPTION).faults(&tests_of(&["AGS-B-01"])), [""; 0]);
        assert_eq!(list("").faults(&tests_of(&["AGS-B-01"])), ["AGS-A-01 is named by no test"]);
    }

    #[test]
    fn what_is_tested_is_no_exception() {
        assert_eq!(
            list(EXCEPTION).faults(&tests_of(&["AGS-A-01", "AGS-B-01"])),
            ["AGS-A-01 has a test: take it out of the exceptions"]
        );
    }

    #[test]
    fn what_is_not_listed_is_a_fault_wherever_it_stands() {
        assert_eq!(
            list("").faults(&tests_of(&["AGS-A-01", "AGS-B-01", "AGS-C-01"])),
            ["AGS-C-01 is named by a.rs::x, a.rs::y but not a requirement"]
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
