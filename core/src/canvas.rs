//! Canvas's own members on line items and scores, typed.
//!
//! They are extensions like any other (AGS 3.1.2): set them where the platform is a Canvas.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use crate::{ExtensionError, Extensions, Receipt, ScoreBuilder, date};

/// The line item member that says how Canvas takes submissions: an [`ItemSubmission`].
pub const SUBMISSION_TYPE: &str = "https://canvas.instructure.com/lti/submission_type";
/// The read-only line item member with the launch URL; Canvas sends it where the query has `include[]=launch_url`.
pub const LAUNCH_URL: &str = "https://canvas.instructure.com/lti/launch_url";
/// The score member that describes what was submitted: a [`Submission`], answered with a [`SubmissionReply`].
pub const SUBMISSION: &str = "https://canvas.instructure.com/lti/submission";

/// How the assignment of a line item takes submissions ([`SUBMISSION_TYPE`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ItemSubmission {
    /// `external_tool` or `none`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The URL that Canvas launches for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_tool_url: Option<String>,
}

impl ItemSubmission {
    /// Submissions are made in a tool, launched at this URL.
    pub fn external_tool(url: impl Into<String>) -> Self {
        Self { kind: "external_tool".to_owned(), external_tool_url: Some(url.into()) }
    }

    /// Nothing is submitted.
    pub fn none() -> Self {
        Self { kind: "none".to_owned(), external_tool_url: None }
    }

    /// That of a line item, if Canvas sent one.
    pub fn of(extensions: &Extensions) -> Result<Option<Self>, ExtensionError> {
        extensions.read(SUBMISSION_TYPE)
    }

    /// Puts it on a line item.
    pub fn set_on(&self, extensions: &mut Extensions) -> Result<(), ExtensionError> {
        extensions.set(SUBMISSION_TYPE, self)
    }
}

/// The launch URL of a line item, if Canvas sent it.
pub fn launch_url(extensions: &Extensions) -> Result<Option<String>, ExtensionError> {
    Ok(extensions.read::<Option<String>>(LAUNCH_URL)?.flatten())
}

/// The kind of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SubmissionType {
    /// Nothing was submitted: the score alone counts.
    None,
    /// A launch URL that shows the submission, in [`data`](Submission::data).
    BasicLtiLaunch,
    /// A text, in [`data`](Submission::data).
    OnlineTextEntry,
    /// The tool has it. Canvas takes this where no type is sent.
    ExternalTool,
    /// Files, in [`file`](Submission::file).
    OnlineUpload,
    /// A URL, in [`data`](Submission::data).
    OnlineUrl,
}

/// What was submitted, and how Canvas is to treat it ([`SUBMISSION`]). What is not set is not sent.
///
/// ```
/// use lti_ags::Score;
/// use lti_ags::canvas::{Submission, SubmissionType};
///
/// let submission = Submission::new()
///     .new_submission(false)
///     .submission_type(SubmissionType::OnlineUrl)
///     .data("https://tool.test/works/9");
/// let score = Score::graded("u-1001", 85.0, 100.0).canvas_submission(&submission).build()?;
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(clippy::struct_field_names, reason = "they are Canvas's names")]
pub struct Submission {
    #[serde(skip_serializing_if = "Option::is_none")]
    new_submission: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preserve_score: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prioritize_non_tool_grade: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submission_type: Option<SubmissionType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submission_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    submitted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    content_items: Vec<ContentItem>,
}

impl Submission {
    /// Nothing set: Canvas makes a new submission of type `external_tool`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the score makes a new submission (an attempt) or only grades. Canvas: yes, unless the type is none.
    #[must_use]
    pub fn new_submission(mut self, new: bool) -> Self {
        self.new_submission = Some(new);
        self
    }

    /// Whether a score without points leaves the grade as it is. Canvas: no, it clears the grade.
    #[must_use]
    pub fn preserve_score(mut self, preserve: bool) -> Self {
        self.preserve_score = Some(preserve);
        self
    }

    /// Whether a grade given by a person stays when the tool sends another. Canvas: no.
    #[must_use]
    pub fn prioritize_non_tool_grade(mut self, prioritize: bool) -> Self {
        self.prioritize_non_tool_grade = Some(prioritize);
        self
    }

    /// What kind of submission it is.
    #[must_use]
    pub fn submission_type(mut self, kind: SubmissionType) -> Self {
        self.submission_type = Some(kind);
        self
    }

    /// The text or URL submitted, by the type.
    #[must_use]
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.submission_data = Some(data.into());
        self
    }

    /// When it was submitted. Canvas refuses a time more than a minute ahead of its own.
    #[must_use]
    pub fn submitted_at(mut self, time: Timestamp) -> Self {
        self.submitted_at = Some(time);
        self
    }

    /// Adds a file, which makes it an `online_upload`.
    #[must_use]
    pub fn file(mut self, file: ContentItem) -> Self {
        self.content_items.push(file);
        self
    }

    /// Puts it on a score.
    pub fn set_on(&self, extensions: &mut Extensions) -> Result<(), ExtensionError> {
        extensions.set(SUBMISSION, self)
    }
}

/// A file that Canvas fetches from the tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentItem {
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
}

impl ContentItem {
    /// The file at a URL, which Canvas fetches without credentials.
    pub fn file(url: impl Into<String>) -> Self {
        Self { kind: "file", url: url.into(), title: None, media_type: None }
    }

    /// The name to show.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The media type, such as `application/pdf`.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }
}

/// What Canvas answers to a score with a submission ([`SUBMISSION`] in the reply).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SubmissionReply {
    /// The files it is fetching.
    pub content_items: Vec<AcceptedContentItem>,
}

impl SubmissionReply {
    /// That of a reply to a score, if Canvas sent one. The reply's members are read as [`Extensions`].
    pub fn of(reply: &Extensions) -> Result<Option<Self>, ExtensionError> {
        reply.read(SUBMISSION)
    }
}

impl ScoreBuilder {
    /// Says what was submitted, to a Canvas ([`canvas::SUBMISSION`](SUBMISSION)). Others may refuse the score for it.
    pub fn canvas_submission(self, submission: &Submission) -> Self {
        self.extension(SUBMISSION, submission)
    }
}

impl Receipt {
    /// What Canvas answered to a [submission](ScoreBuilder::canvas_submission), if it did.
    ///
    /// # Errors
    ///
    /// [`ExtensionError::Read`] where it cannot be understood; the score was accepted all the same.
    pub fn canvas_submission(&self) -> Result<Option<SubmissionReply>, ExtensionError> {
        let Some(body) = &self.body else { return Ok(None) };
        let read = |source: serde_json::Error| ExtensionError::Read {
            name: SUBMISSION.to_owned(),
            source: source.into(),
        };
        SubmissionReply::of(&serde_json::from_str(body.get()).map_err(read)?)
    }
}

/// A file that Canvas is fetching.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AcceptedContentItem {
    /// `file`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Where the tool serves it.
    pub url: Option<String>,
    /// Its name.
    pub title: Option<String>,
    /// The URL that tells how far Canvas has come.
    pub progress: Option<String>,
}

#[expect(clippy::ref_option, reason = "the signature serde asks for")]
fn as_text<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_str(&date::format(*time)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_a_score(submission: &Submission) -> String {
        let mut extensions = Extensions::new();
        submission.set_on(&mut extensions).unwrap();
        serde_json::to_string(&extensions).unwrap()
    }

    #[test]
    fn a_submission_is_a_nested_object() {
        // AGS-EXT-04
        let submission = Submission::new()
            .new_submission(true)
            .submission_type(SubmissionType::OnlineUrl)
            .data("https://tool.test/w/9")
            .submitted_at("2026-03-02T10:00:00.5+01:00".parse().unwrap());
        assert_eq!(
            on_a_score(&submission),
            concat!(
                r#"{"https://canvas.instructure.com/lti/submission":{"new_submission":true,"submission_type":"online_url","#,
                r#""submission_data":"https://tool.test/w/9","submitted_at":"2026-03-02T09:00:00.500Z"}}"#
            )
        );
    }

    #[test]
    fn what_is_not_set_is_not_sent() {
        assert_eq!(on_a_score(&Submission::new()), r#"{"https://canvas.instructure.com/lti/submission":{}}"#);
    }

    #[test]
    fn files_are_content_items() {
        let submission = Submission::new()
            .preserve_score(true)
            .prioritize_non_tool_grade(false)
            .file(ContentItem::file("https://tool.test/f/1").title("essay.pdf").media_type("application/pdf"))
            .file(ContentItem::file("https://tool.test/f/2"));
        assert_eq!(
            on_a_score(&submission),
            concat!(
                r#"{"https://canvas.instructure.com/lti/submission":{"preserve_score":true,"prioritize_non_tool_grade":false,"#,
                r#""content_items":[{"type":"file","url":"https://tool.test/f/1","title":"essay.pdf","media_type":"application/pdf"},"#,
                r#"{"type":"file","url":"https://tool.test/f/2"}]}}"#
            )
        );
    }

    #[test]
    fn submission_types_have_canvas_names() {
        use SubmissionType as T;
        let all =
            [T::None, T::BasicLtiLaunch, T::OnlineTextEntry, T::ExternalTool, T::OnlineUpload, T::OnlineUrl];
        assert_eq!(
            serde_json::to_string(&all).unwrap(),
            r#"["none","basic_lti_launch","online_text_entry","external_tool","online_upload","online_url"]"#
        );
    }

    #[test]
    fn a_reply_names_the_files_canvas_fetches() {
        let reply: Extensions = serde_json::from_str(
            r#"{"resultUrl":"https://c.test/r/1","https://canvas.instructure.com/lti/submission":
                {"content_items":[{"type":"file","url":"u","title":"t","progress":"p","new":1},{"title":null}]}}"#,
        )
        .unwrap();
        let items = SubmissionReply::of(&reply).unwrap().unwrap().content_items;
        assert_eq!(
            (items.len(), items[0].progress.as_deref(), items[1].title.as_deref()),
            (2, Some("p"), None)
        );
    }

    #[test]
    fn item_members_are_read_and_set() {
        // AGS-EXT-05
        let mut extensions: Extensions = serde_json::from_str(
            r#"{"https://canvas.instructure.com/lti/submission_type":{"type":"none"},
                "https://canvas.instructure.com/lti/launch_url":"https://tool.test/launch"}"#,
        )
        .unwrap();
        assert_eq!(ItemSubmission::of(&extensions).unwrap(), Some(ItemSubmission::none()));
        assert_eq!(launch_url(&extensions).unwrap().as_deref(), Some("https://tool.test/launch"));
        ItemSubmission::external_tool("https://tool.test/a").set_on(&mut extensions).unwrap();
        assert_eq!(
            extensions.get(SUBMISSION_TYPE).unwrap().get(),
            r#"{"type":"external_tool","external_tool_url":"https://tool.test/a"}"#
        );
        assert_eq!(launch_url(&Extensions::new()).unwrap(), None);
    }
}
