//! `PUT {line item}`, `application/vnd.ims.lis.v2.lineitem+json` (AGS 3.2.6).

use std::fmt;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};

use crate::get_line_item;
use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::{Error, ErrorKind, LineItem, Refusal, Scope, ServiceUrl, media, request, web_page};

/// Changes a line item: reads it, changes it, writes it back. A PUT replaces the whole line item, so all that was read
/// goes back, also what this library does not know.
///
/// A platform may take some of the changes and not others (AGS 3.2.6): the output is the line item as it is afterwards. A
/// platform that takes another maximum score rescales the results: read them again.
///
/// ```
/// use lti_ags::UpdateLineItem;
///
/// let operation = UpdateLineItem::new(|item| item.set_label("Essay 2 (final)"))
///     .at("https://lms.example/lineitems/31")?;
/// # let _ = operation;
/// # Ok::<(), lti_ags::Error>(())
/// ```
pub struct UpdateLineItem<'a> {
    line_item: Option<ServiceUrl>,
    without: Vec<String>,
    verifies: bool,
    before: Option<LineItem>,
    stage: Stage<'a>,
}

enum Stage<'a> {
    Read(Edit<'a>),
    Write(LineItem),
    Verify,
}

type Edit<'a> = Box<dyn FnOnce(&mut LineItem) -> Result<(), Error> + Send + 'a>;

/// A line item that has been updated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Updated {
    /// As the platform has it now: as it answered the update, or as it was read after one that was not answered by it.
    pub item: LineItem,
    /// As the platform had it just before, where that was read. Compare it with what was read earlier to see whether
    /// somebody else had changed it.
    pub before: Option<LineItem>,
}

impl<'a> UpdateLineItem<'a> {
    /// Reads the launch's own line item, changes it and writes it back. If `edit` fails, nothing is written.
    pub fn new(edit: impl FnOnce(&mut LineItem) -> Result<(), Error> + Send + 'a) -> Self {
        Self::begin(None, Stage::Read(Box::new(edit)))
    }

    /// Writes a line item that was read earlier and changed since, at its id, without reading it again: what others
    /// changed meanwhile is lost.
    pub fn put(item: LineItem) -> Self {
        Self::begin(item.id().and_then(|id| id.parse().ok()), Stage::Write(item))
    }

    fn begin(line_item: Option<ServiceUrl>, stage: Stage<'a>) -> Self {
        Self { line_item, without: Vec::new(), verifies: false, before: None, stage }
    }

    /// Updates the line item at this URL.
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

    /// Leaves members of these JSON names out of what is written: Blackboard refuses read-only ones, such as
    /// `resourceLinkId`. On other platforms, what is left out is unset.
    #[must_use]
    pub fn without<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.without.extend(names.into_iter().map(Into::into));
        self
    }

    /// Reads the line item again also where the platform answers the update with one: Moodle 4.5 repeats what it was sent,
    /// also what it does not hold.
    #[must_use]
    pub fn verified(mut self) -> Self {
        self.verifies = true;
        self
    }

    fn url(&mut self, context: &Context<'_>) -> Result<&ServiceUrl, Error> {
        if self.line_item.is_none() && matches!(self.stage, Stage::Write(_)) {
            return Err(
                Error::input("the line item has no URL as its id; say where it is").section("AGS 3.2.3")
            );
        }
        Ok(match &mut self.line_item {
            Some(url) => url,
            none => none.insert(context.endpoint.line_item()?.clone()),
        })
    }

    /// The line item of an answer, which is at the URL that was asked unless it says otherwise.
    fn read(&self, response: &Response<&[u8]>, exchange: &Exchange<'_>) -> Result<LineItem, Error> {
        let item = get_line_item::read(response, exchange)?;
        Ok(match &self.line_item {
            Some(url) => item.or_id(url.as_str()),
            None => item,
        })
    }
}

impl Operation for UpdateLineItem<'_> {
    type Output = Updated;
    const NAME: &'static str = "update line item";

    fn scopes(&self) -> &'static [Scope] {
        const { &[Scope::LINE_ITEM] }
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        let url = self.url(context)?.clone();
        match &self.stage {
            Stage::Read(_) | Stage::Verify => request::get(&url, media::LINE_ITEM),
            Stage::Write(item) => {
                let without: Vec<_> = self.without.iter().map(String::as_str).collect();
                request::write(Method::PUT, &url, &item.update().without(&without))
            }
        }
    }

    fn response(mut self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        web_page::check(&response, exchange, self.private())?;
        let read = self.read(&response, exchange);
        match self.stage {
            Stage::Read(edit) => {
                let mut item = read?;
                self.before = Some(item.clone());
                edit(&mut item)?;
                // A PUT is not redirected, so it goes to where the line item was found.
                self.line_item = Some(exchange.url().to_string().parse()?);
                Ok(Answer::Next(Self { stage: Stage::Write(item), ..self }))
            }
            // 200 and 204 without a line item: it is applied, and has to be read (AGS A.1).
            Stage::Write(_) if self.verifies || read.is_err() => {
                Ok(Answer::Next(Self { stage: Stage::Verify, ..self }))
            }
            Stage::Write(_) | Stage::Verify => Ok(Answer::Done(Updated { item: read?, before: self.before })),
        }
    }

    fn refused(self, refusal: Refusal, _: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        // ILIAS and Sakai, which makes line items of launches "on demand".
        let keeps_it = refusal.status() == StatusCode::METHOD_NOT_ALLOWED
            || refusal.status() == StatusCode::BAD_REQUEST && refusal.says("on-demand");
        if keeps_it && matches!(self.stage, Stage::Write(_)) {
            let message = "the platform keeps this line item; it cannot be changed";
            return Err(Error::refused(ErrorKind::CoupledLineItem, message, refusal).section("AGS 3.2.6"));
        }
        Err(refusal.into())
    }
}

impl fmt::Debug for UpdateLineItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Read(_) => "read",
            Stage::Write(_) => "write",
            Stage::Verify => "verify",
        };
        f.debug_struct("UpdateLineItem")
            .field("line_item", &self.line_item)
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}
