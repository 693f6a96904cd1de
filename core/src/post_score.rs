//! `POST {line item}/scores`, `application/vnd.ims.lis.v1.score+json` (AGS 3.4).

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::{Error, ErrorKind, Refusal, Scope, Score, ServiceUrl, media, request, web_page};

/// How many bytes a score takes, its comment apart: most take less.
const BODY: usize = 320;

/// Posts a score to a line item: the launch's own, unless another is named.
///
/// A score is sent again, with the same bytes and timestamp, where nobody knows what became of it; a platform that has
/// it already then says that the timestamp is stale, and the outcome is [`Outcome::Superseded`].
///
/// ```
/// use lti_ags::{PostScore, Score};
///
/// let score = Score::graded("u-1001", 85.0, 100.0).build()?;
/// let operation = PostScore::new(score).at("https://lms.example/lineitems/9")?;
/// # let _ = operation;
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PostScore {
    score: Score,
    line_item: Option<ServiceUrl>,
}

/// That a platform has accepted a score. Whether it shows it is another matter: results tell (AGS 4.1).
///
/// `Debug` leaves out the body, in which platforms repeat the comment (Open edX).
#[derive(Clone)]
#[non_exhaustive]
pub struct Receipt {
    /// What became of it.
    pub outcome: Outcome,
    /// The timestamp that it was sent with.
    pub timestamp: Timestamp,
    /// How many requests it took, token requests apart.
    pub attempts: u32,
    /// The URL of the result, where the platform tells it (Canvas).
    pub result_url: Option<String>,
    /// The JSON object that the platform answered with, if it did.
    pub body: Option<Box<RawValue>>,
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("outcome", &self.outcome)
            .field("timestamp", &self.timestamp)
            .field("attempts", &self.attempts)
            .field("result_url", &self.result_url)
            .finish_non_exhaustive()
    }
}

/// What became of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The platform took it.
    Sent,
    /// The platform already held it, or a later one, when it was sent again.
    Superseded,
}

impl PostScore {
    /// Posts to the launch's own line item.
    pub fn new(score: Score) -> Self {
        Self { score, line_item: None }
    }

    pub(crate) fn to(line_item: ServiceUrl, score: Score) -> Self {
        Self { score, line_item: Some(line_item) }
    }

    /// Posts to this line item.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] where it is no absolute URL.
    pub fn at<U>(mut self, line_item: U) -> Result<Self, Error>
    where
        U: TryInto<ServiceUrl>,
        Error: From<U::Error>,
    {
        self.line_item = Some(line_item.try_into()?);
        Ok(self)
    }

    fn receipt(&self, outcome: Outcome, exchange: &Exchange<'_>) -> Receipt {
        Receipt {
            outcome,
            timestamp: self.score.timestamp().unwrap_or_default(),
            attempts: exchange.requests(),
            result_url: None,
            body: None,
        }
    }
}

impl Operation for PostScore {
    type Output = Receipt;
    const NAME: &'static str = "post score";

    fn scopes(&self) -> &'static [Scope] {
        const { &[Scope::SCORE] }
    }

    // A score is told apart by its timestamp: the same one twice is the same score (AGS 3.4.9).
    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn private(&self) -> Option<&str> {
        self.score.comment()
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        let line_item = match &self.line_item {
            Some(line_item) => line_item,
            None => context.endpoint.line_item()?,
        };
        let user_id = self.score.user_id();
        if let Some(timestamp) = self.score.timestamp() {
            context.timestamps.observe(line_item.as_str(), user_id, timestamp);
        } else {
            let timestamp = context.timestamps.next(line_item.as_str(), user_id, context.now);
            self.score.set_timestamp(timestamp);
        }
        // Compact: Moodle answers 200 to a score it refuses when the JSON has a line break in it.
        let mut body = Vec::with_capacity(BODY + self.score.comment().map_or(0, str::len));
        serde_json::to_writer(&mut body, &self.score)
            .map_err(|error| Error::input("the score cannot be written as JSON").because(error))?;
        let uri = line_item.scores()?;
        Ok(request::build(Method::POST, uri, [(CONTENT_TYPE, media::SCORE)], body.into()))
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "resultUrl", default)]
            result_url: Option<String>,
        }
        web_page::check(&response, exchange, self.private())?;
        let mut receipt = self.receipt(Outcome::Sent, exchange);
        let body = response.body();
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii();
        match body.first() {
            // Moodle 4.5: a refusal whose status line PHP could not write.
            Some(b'[') => {
                let message = "the platform answered with a list, which is how Moodle hides a refusal";
                return Err(Error::refused(
                    ErrorKind::ScoreRefused,
                    message,
                    exchange.refusal(&response).hide(self.private()),
                ));
            }
            Some(b'{') => {
                receipt.result_url = serde_json::from_slice(body).ok().and_then(|body: Body| body.result_url);
                receipt.body = serde_json::from_slice(body).ok();
            }
            _ => {}
        }
        Ok(Answer::Done(receipt))
    }

    fn refused(self, refusal: Refusal, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        let (kind, message) = match refusal.status() {
            _ if is_stale(&refusal) => {
                if exchange.is_in_doubt() {
                    return Ok(Answer::Done(self.receipt(Outcome::Superseded, exchange)));
                }
                (ErrorKind::StaleTimestamp, "the platform already holds this or a later score of the user")
            }
            _ if is_about_the_user(&refusal) => (
                ErrorKind::UserNotGradable,
                "the platform cannot grade this user, who is unknown or not enrolled, or whose role is not graded",
            ),
            StatusCode::NOT_FOUND | StatusCode::GONE => (
                ErrorKind::NotFound,
                "the platform does not find the line item, or (ILIAS, OpenOLAT) the user; look for the line item again",
            ),
            StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::NOT_ACCEPTABLE => (
                ErrorKind::ScoreRefused,
                "the platform does not take application/vnd.ims.lis.v1.score+json; is this a line item's URL?",
            ),
            StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
                (ErrorKind::ScoreRefused, "the platform refused the score")
            }
            _ => return Err(refusal.into()),
        };
        Err(Error::refused(kind, message, refusal).section("AGS 3.4"))
    }
}

/// 409 is AGS's and Moodle's word for it; Canvas and Open edX answer 400 and say it in the body.
fn is_stale(refusal: &Refusal) -> bool {
    match refusal.status() {
        StatusCode::CONFLICT => true,
        StatusCode::BAD_REQUEST => [
            "before last updated timestamp",
            "updated to a later point in time",
            "already exists for the provided timestamp",
            "earlier timestamp",
        ]
        .iter()
        .any(|words| refusal.says(words)),
        _ => false,
    }
}

fn is_about_the_user(refusal: &Refusal) -> bool {
    let words: &[&str] = match refusal.status() {
        StatusCode::BAD_REQUEST => &[
            "incorrect score received",     // Moodle, in the reason phrase
            "user does not belong to site", // Sakai
            "user could not be found",      // Blackboard
        ],
        StatusCode::UNPROCESSABLE_ENTITY => &[
            "user not found in course", // Canvas
            "not a student",            // Canvas
            "cannot be graded",         // Brightspace: the role
            "can be graded",            // Brightspace: the role
        ],
        StatusCode::FORBIDDEN => &["user in requested score is not enrolled"], // Brightspace
        StatusCode::NOT_FOUND => &["user in requested score does not exist"],  // Brightspace
        _ => return false,
    };
    // Moodle 4.5 says nothing in the body but `[]`; its one 400 for a well-formed score means the user.
    let moodle = refusal.status() == StatusCode::BAD_REQUEST
        && refusal.body().trim() == "[]"
        && refusal.content_type().is_some_and(|content_type| content_type.contains("lis.v1.score"));
    moodle || words.iter().any(|words| refusal.says(words))
}
