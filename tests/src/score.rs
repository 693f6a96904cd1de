//! The score service of a line item: every rule for a score, checked one by one (AGS 3.4).

use http::{Method, header};
use serde_json::{Map, Value};

use crate::gradebook::{Gradebook, LineItem, Update};
use crate::json;
use crate::names::{ACTIVITY_PROGRESS, GRADING_PROGRESS, MEDIA_SCORE};
use crate::time::{self, Flaw, Moment};
use crate::violation::Verdict;

/// Examines a score request apart from its token. What is returned may go on record if the verdict has no refusal.
pub(crate) fn judge(
    gradebook: &Gradebook,
    item: &LineItem,
    request: &http::Request<Vec<u8>>,
    verdict: &mut Verdict,
) -> Option<Update> {
    judge_head(request, verdict);
    let members = read_body(request.body(), verdict)?;
    let mut update = Reader { members: &members, verdict }.read()?;
    update.body.clone_from(request.body());
    if verdict.refusal.is_none() {
        judge_against_record(gradebook, item, &update, verdict);
    }
    Some(update)
}

fn judge_head(request: &http::Request<Vec<u8>>, verdict: &mut Verdict) {
    if request.method() != Method::POST {
        let rule = if request.method() == Method::GET { "AGS-SCORE-19" } else { "AGS-SCORE-01" };
        verdict.reject(405, "", rule, "the score service is asked by something else than POST");
    }
    let mut types = request.headers().get_all(header::CONTENT_TYPE).iter();
    let given = types.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    if types.next().is_some() {
        verdict.reject(400, "", "AGS-MEDIA-02", "there is more than one Content-Type");
    }
    if given == MEDIA_SCORE {
        return;
    }
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(MEDIA_SCORE) {
        verdict.advise("AGS-MEDIA-02", "the Content-Type of a score is not the one bare media type");
    } else {
        verdict.reject(415, "", "AGS-MEDIA-01", "the Content-Type is not that of a score");
    }
}

fn read_body(body: &[u8], verdict: &mut Verdict) -> Option<Map<String, Value>> {
    let Ok(document) = json::read(body) else {
        verdict.reject(400, "", "AGS-SCORE-01", "the body is not JSON");
        return None;
    };
    if body.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        // Moodle 4.5: a refusal of such a body comes out as 200.
        verdict.advise("AGS-SCORE-22", "the body is not compact: it has a line break");
    }
    if !document.repeated.is_empty() {
        verdict.reject(400, "", "AGS-EXT-02", "a member stands twice in the body");
    }
    let Value::Object(members) = document.value else {
        verdict.reject(400, "", "AGS-SCORE-01", "the body is not one score object");
        return None;
    };
    Some(members)
}

fn judge_against_record(gradebook: &Gradebook, item: &LineItem, update: &Update, verdict: &mut Verdict) {
    if !gradebook.is_enrolled(&update.user_id) {
        return verdict.refuse(404, "", "the user is not a learner here");
    }
    let Some(entry) = gradebook.result(&item.id, &update.user_id) else { return };
    if update.timestamp > entry.timestamp {
        return;
    }
    if update.body == entry.body {
        // AGS-TS-08: the same update once more, as after a lost answer.
        verdict.refuse(409, "", "this update is on record already");
    } else if update.timestamp == entry.timestamp {
        verdict.reject(409, "", "AGS-TS-04", "two different updates have one timestamp");
    } else {
        verdict.reject(409, "", "AGS-TS-02", "the timestamp is older than the one on record");
    }
}

struct Reader<'a> {
    members: &'a Map<String, Value>,
    verdict: &'a mut Verdict,
}

impl Reader<'_> {
    /// Goes through every member, whatever was wrong before; `None` without a user and a time.
    fn read(&mut self) -> Option<Update> {
        let user_id = self.user_id();
        let timestamp = self.timestamp();
        let activity_progress = self.progress("activityProgress", "AGS-SCORE-08", &ACTIVITY_PROGRESS);
        let grading_progress = self.progress("gradingProgress", "AGS-SCORE-09", &GRADING_PROGRESS);
        let score = self.score();
        let comment = self.comment();
        let scoring_user_id = self.scoring_user_id();
        let (started_at, submitted_at) = self.submission();
        let extensions = self.extensions();
        Some(Update {
            user_id: user_id?,
            timestamp: timestamp?.at,
            activity_progress: activity_progress?,
            grading_progress: grading_progress?,
            score,
            comment,
            scoring_user_id,
            started_at: started_at.map(|moment| moment.at),
            submitted_at: submitted_at.map(|moment| moment.at),
            extensions,
            body: Vec::new(),
        })
    }

    fn reject(&mut self, rule: &'static str, sentence: impl Into<std::borrow::Cow<'static, str>>) {
        self.verdict.reject(400, "", rule, sentence);
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
            Some(Value::String(id)) if !id.trim().is_empty() => return Some(id.clone()),
            Some(Value::String(_) | Value::Null) | None => {
                self.reject("AGS-SCORE-02", "userId is absent, null or blank");
            }
            Some(_) => self.reject("AGS-SCORE-13", "userId is not a string"),
        }
        None
    }

    fn timestamp(&mut self) -> Option<Moment> {
        match self.members.get("timestamp") {
            None | Some(Value::Null) => {
                self.reject("AGS-SCORE-02", "timestamp is absent or null");
                None
            }
            Some(value) => self.moment(&value.clone(), "timestamp", "AGS-TS-03"),
        }
    }

    fn moment(&mut self, value: &Value, name: &str, rule: &'static str) -> Option<Moment> {
        let Some(text) = value.as_str() else {
            self.reject(rule, format!("{name} is not a string"));
            return None;
        };
        match time::read(text) {
            Ok(moment) => {
                if !moment.utc {
                    self.verdict.fault("AGS-DATE-02", format!("{name} is not in UTC"));
                }
                return Some(moment);
            }
            Err(Flaw::Unreadable) => self.reject(rule, format!("{name} is not an ISO 8601 date and time")),
            Err(Flaw::NoZone) => self.reject("AGS-DATE-01", format!("{name} has no zone")),
            Err(Flaw::NoFraction) => self.reject(rule, format!("{name} has no sub-second digits")),
        }
        None
    }

    fn progress(&mut self, name: &str, rule: &'static str, values: &[&str]) -> Option<String> {
        match self.members.get(name) {
            Some(Value::String(value)) if values.contains(&value.as_str()) => return Some(value.clone()),
            None | Some(Value::Null) => self.reject("AGS-SCORE-02", format!("{name} is absent or null")),
            Some(_) => self.reject(rule, format!("{name} is not one of the five values")),
        }
        None
    }

    fn score(&mut self) -> Option<(f64, f64)> {
        let given = self.number("scoreGiven", "AGS-SCORE-03");
        let maximum = self.number("scoreMaximum", "AGS-SCORE-04");
        match (given, maximum) {
            (Some(given), Some(maximum)) => {
                if maximum == 0.0 {
                    self.reject("AGS-SCORE-04", "scoreMaximum is 0 beside a scoreGiven");
                }
                Some((given, maximum))
            }
            (Some(_), None) => {
                if !self.members.contains_key("scoreMaximum") {
                    self.reject("AGS-SCORE-04", "scoreGiven comes without scoreMaximum");
                }
                None
            }
            (None, Some(_)) => {
                if !self.members.contains_key("scoreGiven") {
                    self.verdict.advise("AGS-SCORE-04", "scoreMaximum comes without scoreGiven");
                }
                None
            }
            (None, None) => None,
        }
    }

    fn number(&mut self, name: &str, rule: &'static str) -> Option<f64> {
        let value = self.optional(name)?;
        match value.as_f64() {
            Some(number) if number.is_sign_negative() && number != 0.0 => {
                self.reject(rule, format!("{name} is negative"));
                None
            }
            Some(number) => Some(number),
            None => {
                self.reject(rule, format!("{name} is not a number"));
                None
            }
        }
    }

    fn comment(&mut self) -> Option<String> {
        let Value::String(comment) = self.optional("comment")? else {
            self.reject("AGS-SCORE-15", "comment is not a string");
            return None;
        };
        Some(comment)
    }

    fn scoring_user_id(&mut self) -> Option<String> {
        match self.members.get("scoringUserId")? {
            Value::String(id) if !id.trim().is_empty() => Some(id.clone()),
            _ => {
                self.reject("AGS-SCORE-14", "scoringUserId is null, blank or not a string");
                None
            }
        }
    }

    fn submission(&mut self) -> (Option<Moment>, Option<Moment>) {
        let submission = match self.optional("submission") {
            None => return (None, None),
            Some(Value::Object(submission)) => submission,
            Some(_) => {
                self.reject("AGS-SUBM-01", "submission is not an object");
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
        if started.zip(submitted).is_some_and(|(started, submitted)| submitted.at < started.at) {
            self.reject("AGS-SUBM-03", "submittedAt lies before startedAt");
        }
        if submission
            .keys()
            .any(|name| !matches!(name.as_str(), "startedAt" | "submittedAt") && !is_url(name))
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
        if extensions.keys().any(|name| !is_url(name)) {
            self.verdict.fault("AGS-EXT-01", "a further member is not named by a fully qualified URL");
        }
        extensions
    }
}

fn is_url(name: &str) -> bool {
    url::Url::parse(name).is_ok_and(|url| url.has_host())
}
