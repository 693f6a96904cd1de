//! Submission reviews: a launch from the gradebook into the work of one user (AGS 4.6; LTI Submission Review 1.0).

use crate::{Error, Launch, Score, ScoreBuilder, ServiceUrl};

const MESSAGE_TYPE: &str = "LtiSubmissionReviewRequest";

/// A launch that opens the work of one user for one line item, as a rule for a teacher to grade it.
///
/// After grading, send whoever launched to [`return_url`](Self::return_url).
///
/// ```
/// use lti_ags::Launch;
///
/// let launch = Launch::from_json(r#"{
///     "iss": "https://lms.example", "aud": "tool-7f3a", "sub": "u-9",
///     "https://purl.imsglobal.org/spec/lti/claim/message_type": "LtiSubmissionReviewRequest",
///     "https://purl.imsglobal.org/spec/lti/claim/for_user": {"user_id": "u-1001"},
///     "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
///         "scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"],
///         "lineitem": "https://lms.example/lineitems/4"
///     }
/// }"#)?;
/// let score = launch.submission_review()?.graded(17.5, 20.0).build()?;
/// assert_eq!((score.user_id(), score.scoring_user_id()), ("u-1001", Some("u-9")));
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SubmissionReview {
    user_id: String,
    reviewer_id: Option<String>,
    line_item: ServiceUrl,
    return_url: Option<String>,
}

impl Launch {
    /// The submission review that this launch asks for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where the launch is of another kind or does not say whose work it is about;
    /// [`ErrorKind::ServiceNotAvailable`](crate::ErrorKind::ServiceNotAvailable) where it does not say for which line item.
    pub fn submission_review(&self) -> Result<SubmissionReview, Error> {
        if self.message_type() != Some(MESSAGE_TYPE) {
            return Err(Error::input("the launch is no submission review").section("AGS 4.6"));
        }
        let Some(user_id) = self.for_user_id() else {
            let message = "the launch asks for a submission review, but not of whose work";
            return Err(Error::input(message).section("AGS 4.6"));
        };
        Ok(SubmissionReview {
            user_id: user_id.to_owned(),
            // A learner may look at their own work, and does not grade it.
            reviewer_id: self.user_id().filter(|reviewer| *reviewer != user_id).map(Into::into),
            line_item: self.endpoint()?.line_item()?.clone(),
            return_url: self.return_url().map(Into::into),
        })
    }
}

impl SubmissionReview {
    /// Whose work it is.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Who looks at it; `None` where that is the same user, or an anonymous one.
    pub fn reviewer_id(&self) -> Option<&str> {
        self.reviewer_id.as_deref()
    }

    /// The line item that it is for.
    pub fn line_item(&self) -> &ServiceUrl {
        &self.line_item
    }

    /// Where to send whoever launched when the review is done.
    pub fn return_url(&self) -> Option<&str> {
        self.return_url.as_deref()
    }

    /// A final score for the user under review, given by who looks at the work, unless that is the user.
    pub fn graded(&self, given: f64, maximum: f64) -> ScoreBuilder {
        let score = Score::graded(&*self.user_id, given, maximum);
        match &self.reviewer_id {
            Some(reviewer) => score.scoring_user_id(&**reviewer),
            None => score,
        }
    }
}
