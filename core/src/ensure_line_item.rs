//! Finds a line item or creates it: `GET {container}?…`, then `POST {container}` where nothing matches (AGS 3.2.15, 4.8).

use bytes::Bytes;
use http::{Request, Response};

use crate::filter::Filter;
use crate::listing::PageRequest;
use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::page::Page;
use crate::{
    CreateLineItem, Error, ErrorKind, LineItem, ListLineItems, NewLineItem, Refusal, Scope, ServiceUrl,
    UpdateLineItem,
};

/// How many of several matches an error names.
const NAMED: usize = 5;

/// Finds the line item with the resource link id, resource id and tag of this one, those that it has, or creates it where
/// there is none. It never makes a second one.
///
/// They match exactly, whatever the platform makes of its filters, and all pages are read. Where the answer to the creation
/// is lost, it is looked for again and never created twice: if it is not there (yet), the error is
/// [`ErrorKind::OutcomeUnknown`], and ensuring it once more later is safe. Two processes that ensure the same line item at
/// the same moment may each create one: AGS has nothing to prevent that.
///
/// Give it a resource id or a tag: platforms return these as they are (AGS 3.2.5), but some (Sakai, Blackboard) do not
/// bind a new line item to a resource link, and would not find it again by that alone.
///
/// ```
/// use lti_ags::{EnsureLineItem, NewLineItem};
///
/// let lab = NewLineItem::new("Lab 3", 20.0)?.with_resource_id("lab-3").with_tag("grade");
/// let operation = EnsureLineItem::new(lab);
/// # let _ = operation;
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Debug)]
pub struct EnsureLineItem {
    plan: Plan,
    stage: Stage,
}

#[derive(Debug)]
struct Plan {
    item: NewLineItem,
    container: Option<ServiceUrl>,
    updates: bool,
    found: Vec<LineItem>,
    /// Why it is not known whether it was created, or where it is.
    doubt: Option<Error>,
}

#[derive(Debug)]
enum Stage {
    Look(PageRequest<ListLineItems, LineItem>),
    Create(CreateLineItem),
    Update(UpdateLineItem<'static>),
}

/// A line item that is there now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ensured {
    /// As the platform has it. Its label and maximum may differ from those asked for, unless it was to be
    /// [updated](EnsureLineItem::and_update).
    pub item: LineItem,
    /// Whether it was created, and not found.
    pub created: bool,
}

impl EnsureLineItem {
    /// Ensures it in the launch's container.
    pub fn new(item: NewLineItem) -> Self {
        Plan { item, container: None, updates: false, found: Vec::new(), doubt: None }.look()
    }

    /// Ensures it in another container.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] where it is no absolute URL.
    pub fn in_container<U>(self, container: U) -> Result<Self, Error>
    where
        U: TryInto<ServiceUrl>,
        Error: From<U::Error>,
    {
        Ok(Plan { container: Some(container.try_into()?), ..self.plan }.look())
    }

    /// Gives what is found the label and maximum asked for. Another maximum makes the platform rescale the results.
    #[must_use]
    pub fn and_update(mut self) -> Self {
        self.plan.updates = true;
        self
    }
}

impl Plan {
    /// Looks through the list, from its beginning.
    fn look(mut self) -> EnsureLineItem {
        self.found.clear();
        let list = ListLineItems::matching(self.filter(), self.container.clone());
        self.at(Stage::Look(PageRequest::First(list)))
    }

    fn at(self, stage: Stage) -> EnsureLineItem {
        EnsureLineItem { plan: self, stage }
    }

    fn filter(&self) -> Filter {
        let item = self.item.as_line_item();
        Filter {
            resource_link_id: item.resource_link_id().map(Into::into),
            resource_id: item.resource_id().map(Into::into),
            tag: item.tag().map(Into::into),
            user_id: None,
        }
    }

    fn looked(mut self, page: Page<LineItem>) -> Result<Answer<EnsureLineItem>, Error> {
        for item in page.items {
            // Where the list shifts between two pages, one may be on both.
            let is_known = item.id().is_some() && self.found.iter().any(|found| found.id() == item.id());
            if !is_known {
                self.found.push(item);
            }
        }
        match (&*self.found, page.next) {
            ([_, _, ..], _) => Err(ambiguous(&self.found)),
            (_, Some(next)) => Ok(Answer::Next(self.at(Stage::Look(PageRequest::Next(next))))),
            ([item], None) => {
                let item = item.clone();
                self.found(item)
            }
            ([], None) => self.missing(),
        }
    }

    fn found(self, item: LineItem) -> Result<Answer<EnsureLineItem>, Error> {
        let created = self.doubt.is_some();
        let wanted = self.item.as_line_item();
        let is_as_wanted = (item.label(), item.score_maximum()) == (wanted.label(), wanted.score_maximum());
        if is_as_wanted || created || !self.updates {
            return Ok(done(item, created));
        }
        let id =
            item.id().ok_or_else(|| Error::malformed("the platform lists the line item without its id"))?;
        let (label, maximum) = (wanted.label().to_owned(), wanted.score_maximum());
        let update = UpdateLineItem::new(move |item| {
            item.set_label(&label)?;
            item.set_score_maximum(maximum)
        });
        let update = update.at(id)?;
        Ok(Answer::Next(self.at(Stage::Update(update))))
    }

    fn missing(mut self) -> Result<Answer<EnsureLineItem>, Error> {
        if let Some(doubt) = self.doubt.take() {
            let message = "nobody knows whether the line item was created: it is not in the list, or not yet; ensure it \
                           again later";
            return Err(doubt.meaning(ErrorKind::OutcomeUnknown, message));
        }
        let create = CreateLineItem::new(self.item.clone());
        let create = match &self.container {
            Some(container) => create.in_container(container)?,
            None => create,
        };
        Ok(Answer::Next(self.at(Stage::Create(create))))
    }

    fn updated(self, answer: Answer<UpdateLineItem<'static>>) -> Answer<EnsureLineItem> {
        match answer {
            Answer::Done(updated) => done(updated.item, false),
            Answer::Next(update) => Answer::Next(self.at(Stage::Update(update))),
        }
    }

    /// The line item may be there now: it is looked for, and not created once more.
    fn doubt(mut self, error: Error) -> Answer<EnsureLineItem> {
        self.doubt = Some(error);
        Answer::Next(self.look())
    }
}

fn done(item: LineItem, created: bool) -> Answer<EnsureLineItem> {
    Answer::Done(Ensured { item, created })
}

fn ambiguous(items: &[LineItem]) -> Error {
    let named: Vec<_> =
        items.iter().take(NAMED).map(|item| item.id().unwrap_or_else(|| item.label())).collect();
    let more = if items.len() > NAMED { ", …" } else { "" };
    let message = format!("several line items match: {}{more}", named.join(", "));
    Error::new(ErrorKind::AmbiguousLineItem, message).section("AGS 4.8")
}

impl Operation for EnsureLineItem {
    type Output = Ensured;
    const NAME: &'static str = "ensure line item";

    fn scopes(&self) -> &'static [Scope] {
        match &self.stage {
            Stage::Look(list) => list.scopes(),
            Stage::Create(create) => create.scopes(),
            Stage::Update(update) => update.scopes(),
        }
    }

    fn replay(&self) -> Replay {
        match &self.stage {
            Stage::Look(list) => list.replay(),
            Stage::Create(create) => create.replay(),
            Stage::Update(update) => update.replay(),
        }
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        if self.plan.filter().is_empty() {
            let message =
                "a line item cannot be found again without a resource link id, a resource id or a tag";
            return Err(Error::input(message).section("AGS 4.8"));
        }
        match &mut self.stage {
            Stage::Look(list) => list.request(context),
            Stage::Create(create) => create.request(context),
            Stage::Update(update) => update.request(context),
        }
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        let Self { plan, stage } = self;
        match stage {
            Stage::Look(list) => match list.response(response, exchange)? {
                Answer::Done(page) => plan.looked(page),
                Answer::Next(list) => Ok(Answer::Next(plan.at(Stage::Look(list)))),
            },
            Stage::Create(create) => match create.response(response, exchange) {
                Ok(Answer::Done(item)) => Ok(done(item, true)),
                Ok(Answer::Next(create)) => Ok(Answer::Next(plan.at(Stage::Create(create)))),
                Err(error) => Ok(plan.doubt(error)),
            },
            Stage::Update(update) => Ok(plan.updated(update.response(response, exchange)?)),
        }
    }

    fn refused(self, refusal: Refusal, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        let Self { plan, stage } = self;
        match stage {
            Stage::Create(create) => match create.refused(refusal, exchange)? {
                Answer::Done(item) => Ok(done(item, true)),
                Answer::Next(create) => Ok(Answer::Next(plan.at(Stage::Create(create)))),
            },
            Stage::Look(_) => Err(refusal.into()),
            Stage::Update(update) => Ok(plan.updated(update.refused(refusal, exchange)?)),
        }
    }

    fn in_doubt(self, error: Error) -> Result<Answer<Self>, Error> {
        Ok(self.plan.doubt(error))
    }
}
