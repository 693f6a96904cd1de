//! The score service of a line item: every rule for a score, checked one by one (AGS 3.4).

use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::body;
use crate::cause::Cause;
use crate::entry::Update;
use crate::gradebook::Gradebook;
use crate::line_item::LineItem;
use crate::media;
use crate::names::{ACTIVITY_PROGRESS, GRADING_PROGRESS, MEDIA_SCORE};
use crate::time::{self, Flaw};
use crate::violation::Verdict;

/// Examines a score request apart from its token. What is returned may go on record if the verdict has no refusal.
pub(crate) fn judge(
    gradebook: &Gradebook,
    item: &LineItem,
    request: &http::Request<Vec<u8>>,
    verdict: &mut Verdict,
) -> Option<Update> {
    if request.method() != Method::POST {
        let rule = if request.method() == Method::GET { "AGS-SCORE-19" } else { "AGS-SCORE-01" };
        verdict.reject(Cause::Method, rule, "the score service is asked by something else than POST");
    }
    media::judge_content_type(request, MEDIA_SCORE, verdict);
    let members = body::read(request.body(), "AGS-SCORE-01", verdict)?;
    let mut update = Reader { members: &members, verdict }.read()?;
    update.body.clone_from(request.body());
    judge_against_record(gradebook, item, &update, verdict);
    Some(update)
}

fn judge_against_record(gradebook: &Gradebook, item: &LineItem, update: &Update, verdict: &mut Verdict) {
    if verdict.refusal.is_some() {
        return;
    }
    if !gradebook.is_enrolled(&update.user_id) {
        return verdict.refuse(Cause::UnknownUser, "the user is not a learner here");
    }
    let Some(entry) = gradebook.result(&item.id, &update.user_id) else { return };
    if update.timestamp > entry.timestamp {
        return;
    }
    if update.body == entry.body {
        // AGS-TS-08: the same update once more, as after a lost answer.
        verdict.refuse(Cause::SameUpdate, "this update is on record already");
    } else if update.timestamp == entry.timestamp {
        verdict.reject(Cause::SameTime, "AGS-TS-04", "two different updates have one timestamp");
    } else {
        verdict.reject(Cause::Stale, "AGS-TS-02", "the timestamp is older than the one on record");
    }
}

struct Reader<'a> {
    members: &'a Map<String, Value>,
    verdict: &'a mut Verdict,
}

impl Reader<'_> {
    /// Goes through every member, whatever was wrong before, and keeps what can be read, since some platforms
    /// overlook some faults; `None` without a user, a time and progress.
    fn read(&mut self) -> Option<Update> {
        let user_id = self.user_id();
        let timestamp = self.timestamp();
        let activity_progress = self.progress("activityProgress", "AGS-SCORE-08", &ACTIVITY_PROGRESS);
        let grading_progress = self.progress("gradingProgress", "AGS-SCORE-09", &GRADING_PROGRESS);
        let (given, maximum) = self.score();
        let comment = self.comment();
        let scoring_user_id = self.scoring_user_id();
        let (started_at, submitted_at) = self.submission();
        let extensions = self.extensions();
        Some(Update {
            user_id: user_id?,
            timestamp: timestamp?,
            activity_progress: activity_progress?,
            grading_progress: grading_progress?,
            given,
            maximum,
            comment,
            scoring_user_id,
            started_at,
            submitted_at,
            extensions,
            body: Vec::new(),
        })
    }

    fn reject(
        &mut self,
        cause: Cause,
        rule: &'static str,
        sentence: impl Into<std::borrow::Cow<'static, str>>,
    ) {
        self.verdict.reject(cause, rule, sentence);
    }

    /// An optional member; null is reported and counts as absent.
    fn optional(&mut self, name: &str) -> Option<Value> {
        let value = self.members.get(name)?.clone();
        if value.is_null() {
            self.verdict.advise("AGS-SCORE-22", format!("{name} is null instead of absent"));
            return None;
        }
        Some(value)
    }

    fn user_id(&mut self) -> Option<String> {
        match self.members.get("userId") {
            Some(Value::String(id)) if !id.trim().is_empty() => Some(id.clone()),
            Some(Value::String(_) | Value::Null) | None => {
                self.reject(Cause::NoMember, "AGS-SCORE-02", "userId is absent, null or blank");
                None
            }
            Some(other) => {
                let text = other.to_string();
                self.reject(Cause::UserIdType, "AGS-SCORE-13", "userId is not a string");
                Some(text)
            }
        }
    }

    fn timestamp(&mut self) -> Option<Timestamp> {
        match self.members.get("timestamp") {
            None | Some(Value::Null) => {
                self.reject(Cause::NoMember, "AGS-SCORE-02", "timestamp is absent or null");
                None
            }
            Some(value) => self.moment(&value.clone(), "timestamp", "AGS-TS-03"),
        }
    }

    fn moment(&mut self, value: &Value, name: &str, rule: &'static str) -> Option<Timestamp> {
        let Some(text) = value.as_str() else {
            self.reject(Cause::Date, rule, format!("{name} is not a string"));
            return None;
        };
        match time::read(text) {
            Ok(moment) if !moment.utc => {
                self.verdict.fault("AGS-DATE-02", format!("{name} is not in UTC"));
            }
            Ok(_) => {}
            Err(Flaw::Unreadable) => {
                self.reject(Cause::Date, rule, format!("{name} is not an ISO 8601 date and time"));
            }
            Err(Flaw::NoZone) => {
                self.reject(Cause::NoZone, "AGS-DATE-01", format!("{name} has no zone"));
            }
            Err(Flaw::NoFraction) => {
                self.reject(Cause::NoFraction, rule, format!("{name} has no sub-second digits"));
            }
        }
        time::read_leniently(text)
    }

    fn progress(&mut self, name: &str, rule: &'static str, values: &[&str]) -> Option<String> {
        match self.members.get(name) {
            Some(Value::String(value)) => {
                let value = value.clone();
                if !values.contains(&value.as_str()) {
                    self.reject(Cause::Progress, rule, format!("{name} is not one of the five values"));
                }
                return Some(value);
            }
            None | Some(Value::Null) => {
                self.reject(Cause::NoMember, "AGS-SCORE-02", format!("{name} is absent or null"));
            }
            Some(_) => self.reject(Cause::MemberType, rule, format!("{name} is not a string")),
        }
        None
    }

    fn score(&mut self) -> (Option<f64>, Option<f64>) {
        let given = self.number("scoreGiven", "AGS-SCORE-03");
        let maximum = self.number("scoreMaximum", "AGS-SCORE-04");
        match (given, maximum) {
            (Some(_), Some(0.0)) => {
                self.reject(Cause::ZeroMaximum, "AGS-SCORE-04", "scoreMaximum is 0 beside a scoreGiven");
            }
            (Some(_), None) if !self.members.contains_key("scoreMaximum") => {
                self.reject(Cause::NoMaximum, "AGS-SCORE-04", "scoreGiven comes without scoreMaximum");
            }
            (None, Some(_)) if !self.members.contains_key("scoreGiven") => {
                self.verdict.advise("AGS-SCORE-04", "scoreMaximum comes without scoreGiven");
            }
            _ => {}
        }
        (given, maximum)
    }

    fn number(&mut self, name: &str, rule: &'static str) -> Option<f64> {
        let value = self.optional(name)?;
        let number = value.as_f64();
        match number {
            Some(number) if number.is_sign_negative() && number != 0.0 => {
                self.reject(Cause::Negative, rule, format!("{name} is negative"));
            }
            Some(_) => {}
            None => self.reject(Cause::MemberType, rule, format!("{name} is not a number")),
        }
        number
    }

    fn comment(&mut self) -> Option<String> {
        let Value::String(comment) = self.optional("comment")? else {
            self.reject(Cause::MemberType, "AGS-SCORE-15", "comment is not a string");
            return None;
        };
        Some(comment)
    }

    fn scoring_user_id(&mut self) -> Option<String> {
        match self.members.get("scoringUserId")? {
            Value::String(id) if !id.trim().is_empty() => Some(id.clone()),
            _ => {
                self.reject(
                    Cause::MemberType,
                    "AGS-SCORE-14",
                    "scoringUserId is null, blank or not a string",
                );
                None
            }
        }
    }

    fn submission(&mut self) -> (Option<Timestamp>, Option<Timestamp>) {
        let submission = match self.optional("submission") {
            None => return (None, None),
            Some(Value::Object(submission)) => submission,
            Some(_) => {
                self.reject(Cause::MemberType, "AGS-SUBM-01", "submission is not an object");
                return (None, None);
            }
        };
        let mut moment = |name: &str| {
            let value = submission.get(name)?;
            if value.is_null() {
                self.verdict.advise("AGS-SCORE-22", format!("{name} is null instead of absent"));
                return None;
            }
            self.moment(value, name, "AGS-SUBM-02")
        };
        let (started, submitted) = (moment("startedAt"), moment("submittedAt"));
        if started.zip(submitted).is_some_and(|(started, submitted)| submitted < started) {
            self.reject(Cause::SubmissionOrder, "AGS-SUBM-03", "submittedAt lies before startedAt");
        }
        if submission
            .keys()
            .any(|name| !matches!(name.as_str(), "startedAt" | "submittedAt") && !body::is_url(name))
        {
            self.verdict.fault("AGS-EXT-01", "a further member of submission is not named by a URL");
        }
        (started, submitted)
    }

    fn extensions(&mut self) -> Map<String, Value> {
        const KNOWN: [&str; 9] = [
            "userId",
            "timestamp",
            "activityProgress",
            "gradingProgress",
            "scoreGiven",
            "scoreMaximum",
            "comment",
            "scoringUserId",
            "submission",
        ];
        let further = self.members.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
        let extensions: Map<String, Value> =
            further.map(|(name, value)| (name.clone(), value.clone())).collect();
        if extensions.keys().any(|name| !body::is_url(name)) {
            self.verdict.fault("AGS-EXT-01", "a further member is not named by a fully qualified URL");
        }
        extensions
    }
}
