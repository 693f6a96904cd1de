//! A list on its way, page by page (AGS 3.2.4, 3.3.6): what transports make iterators and streams of.

use std::fmt;
use std::vec;

use bytes::Bytes;
use http::{Request, Response};

use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::page::{Continuation, Member, Page};
use crate::{Error, Refusal, Scope};

/// The request for a page: the first one, of an operation, or a later one, of a continuation.
#[derive(Clone, Debug)]
pub enum PageRequest<O, T> {
    /// The first page of a list, or of what is left of it: a [`Continuation`] is such an operation too.
    First(O),
    /// A later page.
    Next(Continuation<T>),
}

impl<O, T> Operation for PageRequest<O, T>
where
    O: Operation<Output = Page<T>>,
    T: Member,
{
    type Output = Page<T>;
    const NAME: &'static str = O::NAME;

    fn scopes(&self) -> &'static [Scope] {
        match self {
            Self::First(operation) => operation.scopes(),
            Self::Next(operation) => operation.scopes(),
        }
    }

    fn replay(&self) -> Replay {
        match self {
            Self::First(operation) => operation.replay(),
            Self::Next(operation) => operation.replay(),
        }
    }

    fn page(&self) -> Option<u32> {
        match self {
            Self::First(operation) => operation.page(),
            Self::Next(operation) => Operation::page(operation),
        }
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        match self {
            Self::First(operation) => operation.request(context),
            Self::Next(operation) => operation.request(context),
        }
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        Ok(match self {
            Self::First(operation) => operation.response(response, exchange)?.wrap(Self::First),
            Self::Next(operation) => operation.response(response, exchange)?.wrap(Self::Next),
        })
    }

    fn refused(self, refusal: Refusal, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        Ok(match self {
            Self::First(operation) => operation.refused(refusal, exchange)?.wrap(Self::First),
            Self::Next(operation) => operation.refused(refusal, exchange)?.wrap(Self::Next),
        })
    }

    fn in_doubt(self, error: Error) -> Result<Answer<Self>, Error> {
        Ok(match self {
            Self::First(operation) => operation.in_doubt(error)?.wrap(Self::First),
            Self::Next(operation) => operation.in_doubt(error)?.wrap(Self::Next),
        })
    }
}

/// A list being read: which page to ask for next, and the members that wait to be taken. It holds one page at most, and is
/// over after an error.
///
/// Transports make iterators and streams of it; a driver of one's own does the same:
///
/// ```
/// use lti_ags::{Error, LineItem, ListLineItems, Listing, Page, PageRequest};
///
/// fn for_each(
///     mut call: impl FnMut(PageRequest<ListLineItems, LineItem>) -> Result<Page<LineItem>, Error>,
/// ) -> Result<(), Error> {
///     let mut listing = Listing::new(ListLineItems::new());
///     while let Some(request) = listing.request() {
///         listing.receive(call(request));
///         while let Some(item) = listing.take() {
///             println!("{}", item?.label());
///         }
///     }
///     Ok(())
/// }
/// ```
pub struct Listing<O, T> {
    request: Option<PageRequest<O, T>>,
    items: vec::IntoIter<T>,
    error: Option<Error>,
}

impl<O, T> Listing<O, T>
where
    O: Operation<Output = Page<T>>,
    T: Member,
{
    /// The list that begins with this operation: a list operation or a [`Continuation`].
    pub fn new(first: O) -> Self {
        Self { request: Some(PageRequest::First(first)), items: Vec::new().into_iter(), error: None }
    }

    /// The request for the next page. `None` where there is none, and until the answer to the last one has been told.
    pub fn request(&mut self) -> Option<PageRequest<O, T>> {
        self.request.take()
    }

    /// Takes note of where the list goes on, and leaves the page to the caller.
    pub fn follow(&mut self, page: &Result<Page<T>, Error>) {
        self.request = page.as_ref().ok().and_then(|page| page.next.clone()).map(PageRequest::Next);
    }

    /// Takes a page, whose members are then [taken](Self::take) one by one.
    pub fn receive(&mut self, page: Result<Page<T>, Error>) {
        self.follow(&page);
        match page {
            Ok(page) => self.items = page.items.into_iter(),
            Err(error) => self.error = Some(error),
        }
    }

    /// The next member of the page at hand; then, once, why there is no further page, if that is an error.
    pub fn take(&mut self) -> Option<Result<T, Error>> {
        self.items.next().map(Ok).or_else(|| self.error.take().map(Err))
    }
}

impl<O, T> fmt::Debug for Listing<O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing")
            .field("items", &self.items.len())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
