//! `DELETE {line item}` (AGS 3.2).

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::{Error, ErrorKind, Refusal, Scope, ServiceUrl, request, web_page};

/// Deletes a line item. **As a rule the grades in it go with it.**
///
/// - Blackboard deletes the column with all attempts; nothing restores it.
/// - Canvas deletes the assignment where it is its default line item, and refuses where the assignment was made in Canvas
///   itself (401).
/// - Moodle 4.5 deletes the column, mostly even an activity's own; where it does not, it answers 403.
/// - Brightspace keeps the grades, but severs the column from the tool.
/// - Open edX and OpenOLAT refuse always; Sakai refuses for a line item that it made on demand.
///
/// The launch's own line item is not deleted unless it is [forced](Self::force): it belongs to the link that was launched,
/// and later launches may come without one. Whoever is refused by the platform gets
/// [`ErrorKind::CoupledLineItem`] too.
///
/// ```
/// use lti_ags::DeleteLineItem;
///
/// let operation = DeleteLineItem::new("https://lms.example/lineitems/31")?;
/// # let _ = operation;
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DeleteLineItem {
    line_item: ServiceUrl,
    is_forced: bool,
}

impl DeleteLineItem {
    /// Deletes the line item at this URL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] where it is no absolute URL.
    pub fn new<U>(line_item: U) -> Result<Self, Error>
    where
        U: TryInto<ServiceUrl>,
        Error: From<U::Error>,
    {
        Ok(Self { line_item: line_item.try_into()?, is_forced: false })
    }

    /// Deletes it even if it is the launch's own.
    #[must_use]
    pub fn force(mut self) -> Self {
        self.is_forced = true;
        self
    }
}

impl Operation for DeleteLineItem {
    type Output = ();
    const NAME: &'static str = "delete line item";

    fn scopes(&self) -> &'static [Scope] {
        const { &[Scope::LINE_ITEM] }
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        let own = context.endpoint.line_item();
        if !self.is_forced && own.is_ok_and(|own| own.same_resource(&self.line_item)) {
            let message = "this is the launch's own line item, and its grades would go with it; force it if that is meant";
            return Err(Error::new(ErrorKind::CoupledLineItem, message).section("AGS 4.3.1"));
        }
        request::delete(&self.line_item)
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        web_page::check(&response, exchange, self.private())?;
        Ok(Answer::Done(()))
    }

    fn refused(self, refusal: Refusal, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        let is_gone = matches!(refusal.status(), StatusCode::NOT_FOUND | StatusCode::GONE);
        if is_gone && exchange.is_in_doubt() {
            return Ok(Answer::Done(()));
        }
        if is_kept(&refusal) {
            let message = "the platform keeps this line item: it belongs to a link or an activity";
            return Err(Error::refused(ErrorKind::CoupledLineItem, message, refusal).section("AGS 4.3.1"));
        }
        Err(refusal.into())
    }
}

/// No status is prescribed for "not this one". What is about the token is told apart by its words.
fn is_kept(refusal: &Refusal) -> bool {
    let is_about_token =
        refusal.error_code().is_some() || ["token", "scope"].iter().any(|word| refusal.says(word));
    match refusal.status() {
        // Canvas: a 401 without a word, also with a new token.
        StatusCode::UNAUTHORIZED => !is_about_token && refusal.body().trim().is_empty(),
        // Open edX, OpenOLAT, older Moodle.
        StatusCode::FORBIDDEN => !is_about_token && !refusal.is_throttling(),
        // ILIAS.
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => true,
        // Sakai.
        StatusCode::BAD_REQUEST => refusal.says("on-demand"),
        _ => false,
    }
}
