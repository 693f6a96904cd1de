//! The command line: commands, flags, and the values that can be judged by themselves.

#![expect(clippy::doc_markdown, reason = "these are the texts of --help")]

mod line_items;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use lti_ags_ureq::Timestamp;
use serde_json::value::RawValue;

pub(crate) use line_items::{
    ItemExtension, ItemFlags, LineItems, ListLineItems, ListResults, NewItem, Results, Setting, UpdateItem,
};

/// What a newcomer needs, below the commands and the flags.
const FIRST_STEPS: &str = r#"First steps:
  ags keygen --out tool.pem        a key for the tool; tells the key_id to configure
  ags jwks tool.pem > jwks.json    its public half; the platform fetches it, or it is pasted there
  ags token                        does the platform know the tool, and what does it allow?
  ags check                        what else does it allow, and where has it its own ways?
  ags line-items list              the tool's columns in a course
  ags scores post --user-id u-1001 --score-given 85 --score-maximum 100
  ags scores sync grades.csv --journal grades.journal

The least ags.toml:
  [registration]
  client_id        = "tool-7f3a"                    # given by the platform, like the token endpoint
  token_endpoint   = "https://lms.example/token"
  private_key_file = "tool.pem"
  key_id           = "k-2026-01"                    # told by `ags keygen`
  [endpoint]                                        # from a launch; or give its claims with --claims
  lineitems = "https://lms.example/2/lineitems"     # the container: list, create, ensure
  lineitem  = "https://lms.example/2/lineitems/9"   # the launch's own line item: scores, results

Exit code: 0, all done; 2, wrong usage or a bad file of your own, and nothing was sent; 1, everything else."#;

/// Reads and writes the gradebook of an LTI platform (Assignment and Grade Services 2.0).
#[derive(Debug, Parser)]
#[command(name = "ags", version, propagate_version = true, after_help = FIRST_STEPS)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Global {
    /// The configuration: registration, endpoint, policy [default: $AGS_CONFIG, else ./ags.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) config: Option<PathBuf>,
    /// Write JSON for programs, one object a line; a failure as the last line of stderr
    #[arg(long, global = true, overrides_with = "json", help_heading = "Global options")]
    pub(crate) json: bool,
    /// Tell each HTTP exchange on stderr, without secrets
    #[arg(long, global = true, overrides_with = "trace", help_heading = "Global options")]
    pub(crate) trace: bool,
    /// The verified claims of a launch, as JSON; they replace [endpoint] of the configuration
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) claims: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Get a token, and tell what was granted (never the token)
    Token,
    /// List, get, create, change and delete line items, the columns of the gradebook
    #[command(subcommand)]
    LineItems(LineItems),
    /// Post scores to a line item
    #[command(subcommand)]
    Scores(Scores),
    /// Read results, what the gradebook holds for each user
    #[command(subcommand)]
    Results(Results),
    /// Report what this platform allows, and how it deviates from the specification
    ///
    /// It only reads: a token, its scopes, the line items and how they are filtered and paged, the launch's own line item,
    /// the results. With --write it also makes a line item of its own, without a score, and deletes it again.
    ///
    /// The platform is usable, and the exit code 0, if a token is granted, there is a line item or a container of them to
    /// work on, and what the token allows can be done. What ags copes with is told ("ok":false in JSON, "differs" else)
    /// and does not count: filters that are ignored, lists without pages, line items that cannot be deleted. Nor do scopes
    /// that are not granted, unless [endpoint] or the claims name them.
    ///
    /// No finding holds a token, a key, a user's id or a comment: the report can be pasted into a support ticket.
    #[command(verbatim_doc_comment)]
    Check(Check),
    /// Make a new RSA key for the tool, in a file for its owner alone
    Keygen(Keygen),
    /// Write the public key set (JWKS) of private keys, for platforms
    Jwks(Jwks),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Scores {
    /// Post a score, or progress without one (which most platforms take as clearing the grade)
    Post(PostScore),
    /// Clear the grade and the comment of a user
    Clear(ClearScore),
    /// Post the scores in a CSV file, many at the same time, those of one user in their order
    ///
    /// The file has a header row. Columns: user_id (required), score_given, score_maximum, activity_progress,
    /// grading_progress, comment, timestamp, scoring_user_id, started_at, submitted_at, in any order; others are ignored.
    /// All of it is checked before anything is sent, and the first row that is wrong is named.
    ///
    /// With --journal, what is sent and what becomes of it is written down. After a kill, a power cut or a deadline, run the
    /// same command again: it goes on where it stood. Nothing is sent twice, and nothing is lost.
    #[command(verbatim_doc_comment)]
    Sync(SyncScores),
}

#[derive(Debug, clap::Args)]
pub(crate) struct PostScore {
    /// Whose score: the `sub` of the user's launches
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = text)]
    pub(crate) user_id: String,
    /// The points given; without them, both progress flags are needed
    #[arg(long, value_name = "N", requires = "score_maximum", allow_hyphen_values = true, value_parser = points)]
    pub(crate) score_given: Option<f64>,
    /// How many points could be had
    #[arg(long, value_name = "N", requires = "score_given", allow_hyphen_values = true, value_parser = points)]
    pub(crate) score_maximum: Option<f64>,
    /// How far the user has got [default with a score: Completed]
    #[arg(long, value_name = "P", required_unless_present = "score_given", value_parser = activity_progress())]
    pub(crate) activity_progress: Option<String>,
    /// How far the grading has got [default with a score: FullyGraded]
    #[arg(long, value_name = "P", required_unless_present = "score_given", value_parser = grading_progress())]
    pub(crate) grading_progress: Option<String>,
    /// Plain text for the user
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, value_parser = text)]
    pub(crate) comment: Option<String>,
    /// Who graded: the `sub` of a teacher's launches
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = text)]
    pub(crate) scoring_user_id: Option<String>,
    /// When the score came to be, as RFC 3339 with a zone [default: now]
    #[arg(long, value_name = "T", value_parser = time)]
    pub(crate) timestamp: Option<Timestamp>,
    /// When the user began the work
    #[arg(long, value_name = "T", value_parser = time)]
    pub(crate) started_at: Option<Timestamp>,
    /// When the user handed the work in
    #[arg(long, value_name = "T", value_parser = time)]
    pub(crate) submitted_at: Option<Timestamp>,
    /// A member of the tool's own: its name, which is a URL, and its value (repeatable)
    #[arg(long = "extension", value_name = "URL=JSON", allow_hyphen_values = true, value_parser = extension)]
    pub(crate) extensions: Vec<Extension>,
    /// The line item to post to [default: the launch's own]
    #[arg(long, value_name = "URL")]
    pub(crate) line_item: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ClearScore {
    /// Whose score: the `sub` of the user's launches
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = text)]
    pub(crate) user_id: String,
    /// The line item to post to [default: the launch's own]
    #[arg(long, value_name = "URL")]
    pub(crate) line_item: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SyncScores {
    /// The scores, as CSV in UTF-8
    #[arg(value_name = "FILE.csv")]
    pub(crate) file: PathBuf,
    /// The line item to post to [default: the launch's own]
    #[arg(long, value_name = "URL")]
    pub(crate) line_item: Option<String>,
    /// How many scores are on their way at the same time, 1 to 64
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) concurrency: u8,
    /// Where to write down what is sent and what becomes of it, so that another run goes on
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Read the results first, and send only what would change them
    #[arg(long)]
    pub(crate) only_changed: bool,
    /// Send no score: tell what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Also create a line item, read, find, change and delete it
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Keygen {
    /// The file to make; it must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The key's id [default: its RFC 7638 thumbprint]
    #[arg(long, value_name = "ID", value_parser = key_id)]
    pub(crate) key_id: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Jwks {
    /// Private keys, in PEM
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The key's id, of one file only [default: its RFC 7638 thumbprint]
    #[arg(long, value_name = "ID", value_parser = key_id)]
    pub(crate) key_id: Option<String>,
}

/// A member beside those of the specification.
#[derive(Clone, Debug)]
pub(crate) struct Extension {
    pub(crate) name: String,
    pub(crate) value: Box<RawValue>,
}

fn activity_progress() -> PossibleValuesParser {
    ["Initialized", "Started", "InProgress", "Submitted", "Completed"].into()
}

fn grading_progress() -> PossibleValuesParser {
    ["FullyGraded", "Pending", "PendingManual", "Failed", "NotReady"].into()
}

/// Ids and comments may begin with a hyphen; a flag whose value was forgotten does not take the next flag for it.
fn text(text: &str) -> Result<String, &'static str> {
    match text.strip_prefix("--") {
        Some(flag)
            if !flag.is_empty() && flag.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') =>
        {
            Err("the value is missing: this is a flag")
        }
        _ => Ok(text.to_owned()),
    }
}

fn points(text: &str) -> Result<f64, &'static str> {
    match text.parse::<f64>() {
        Ok(points) if points.is_finite() && points >= 0.0 => Ok(points),
        _ => Err("points are a number, 0 or more"),
    }
}

fn time(text: &str) -> Result<Timestamp, lti_ags_ureq::Error> {
    lti_ags_ureq::parse_timestamp(text)
}

fn key_id(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("the key id is blank") } else { Ok(text.to_owned()) }
}

/// `URL=JSON`: a URL may hold `=` itself, so it ends at the first one behind which JSON stands.
fn extension(text: &str) -> Result<Extension, &'static str> {
    text.match_indices('=')
        .find_map(|(at, _)| {
            let (name, value) = (text.get(..at)?, text.get(at + 1..)?);
            let value = serde_json::from_str::<Box<RawValue>>(value).ok()?;
            let value = RawValue::from_string(compact(value.get())).ok()?;
            Some(Extension { name: name.to_owned(), value })
        })
        .ok_or(NO_EXTENSION)
}

const NO_EXTENSION: &str = "write it as URL=JSON; text is JSON in double quotes";

/// JSON without the whitespace between its tokens: Moodle refuses a score with a line break in it.
fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |&character: &char| {
        let kept = quoted || !character.is_ascii_whitespace();
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
        kept
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(["ags"].into_iter().chain(line.split(' ')))
    }

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_after_the_command() {
        for line in [
            "--json --config a.toml scores clear --user-id u",
            "scores clear --json --user-id u --config a.toml",
        ] {
            let global = parse(line).unwrap().global;
            assert!(global.json && !global.trace);
            assert_eq!(global.config, Some("a.toml".into()));
        }
        assert!(parse("--json token --json --trace").unwrap().global.json);
    }

    #[test]
    fn an_extension_is_split_at_the_first_equals_sign_before_json() {
        let split = |text| extension(text).map(|Extension { name, value }| (name, value.get().to_owned()));
        let url = |text: &str| text.to_owned();
        assert_eq!(split("https://a.example/x=1"), Ok((url("https://a.example/x"), "1".to_owned())));
        assert_eq!(
            split("https://a.example/?b=c=true"),
            Ok((url("https://a.example/?b=c"), "true".to_owned()))
        );
        assert_eq!(split("https://a.example/?b=1=2"), Ok((url("https://a.example/?b=1"), "2".to_owned())));
        assert_eq!(
            split("https://a.example/?b=\"1=2\""),
            Ok((url("https://a.example/?b"), "\"1=2\"".to_owned()))
        );
        assert!(split("https://a.example/").is_err() && split("https://a.example/=x").is_err());
    }

    #[test]
    fn json_is_compacted_outside_of_strings_and_keeps_its_numbers() {
        let given = "{ \"a b\" :\n[ 1.50 , \"x \\\" \\\\\" , 9007199254740993 ] }";
        assert_eq!(compact(given), r#"{"a b":[1.50,"x \" \\",9007199254740993]}"#);
    }

    #[test]
    fn points_are_finite_and_not_negative() {
        assert_eq!((points("0"), points("85.5"), points("1e2")), (Ok(0.0), Ok(85.5), Ok(100.0)));
        for text in ["NaN", "inf", "-1", "-inf", "1e400", "", "1,5", "x"] {
            assert!(points(text).is_err(), "{text}");
        }
    }
}
