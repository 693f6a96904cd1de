//! Lists as streams: of pages, and of the line items or results in them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use hyper::body::Body;
use lti_ags::http::Response;
use lti_ags::{Endpoint, Error, Listing, Member, Operation, Page, PageRequest};

use crate::Client;
use crate::exchange::{BoxError, HttpService};

impl<S, B> Client<S>
where
    S: HttpService<Response = Response<B>> + Clone,
    B: Body,
    B::Error: Into<BoxError>,
{
    /// The pages of a list, which begins with a list operation or a [`Continuation`](lti_ags::Continuation). Each is read
    /// when it is asked for. The stream ends after an error.
    pub fn pages<O, T>(
        &self,
        endpoint: &Endpoint,
        first: O,
    ) -> impl Stream<Item = Result<Page<T>, Error>> + Unpin + use<S, B, O, T>
    where
        O: Operation<Output = Page<T>>,
        T: Member,
    {
        let (client, endpoint) = (self.clone(), endpoint.clone());
        Pages(Reading::new(first, move |request| {
            let (client, endpoint) = (client.clone(), endpoint.clone());
            async move { client.call(&endpoint, request).await }
        }))
    }

    /// The line items or results of a list, of all its pages, of which it holds one at a time. The stream ends after an
    /// error.
    ///
    /// ```no_run
    /// # use lti_ags_hyper::{Client, Endpoint, Error, Https, ListResults};
    /// # async fn example(client: &Client<Https>, endpoint: &Endpoint) -> Result<(), Error> {
    /// use std::future::poll_fn;
    /// use std::pin::Pin;
    ///
    /// use futures_core::Stream;
    ///
    /// let mut results = client.items(endpoint, ListResults::new());
    /// // `StreamExt::next` of the futures crate does the same.
    /// while let Some(result) = poll_fn(|context| Pin::new(&mut results).poll_next(context)).await {
    ///     println!("{:?} percent", result?.percent());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn items<O, T>(
        &self,
        endpoint: &Endpoint,
        first: O,
    ) -> impl Stream<Item = Result<T, Error>> + Unpin + use<S, B, O, T>
    where
        O: Operation<Output = Page<T>>,
        T: Member,
    {
        let (client, endpoint) = (self.clone(), endpoint.clone());
        Items(Reading::new(first, move |request| {
            let (client, endpoint) = (client.clone(), endpoint.clone());
            async move { client.call(&endpoint, request).await }
        }))
    }

    /// A whole list, of `cap` members at most.
    ///
    /// # Errors
    ///
    /// Those of its pages; [`ErrorKind::ResponseTooLarge`](lti_ags::ErrorKind::ResponseTooLarge) where it has more members.
    /// It is never cut short.
    pub async fn collect<O, T>(&self, endpoint: &Endpoint, first: O, cap: usize) -> Result<Vec<T>, Error>
    where
        O: Operation<Output = Page<T>>,
        T: Member,
    {
        let (mut listing, mut members) = (Listing::new(first), Vec::new());
        while let Some(request) = listing.request() {
            let page = self.call(endpoint, request).await;
            listing.follow(&page);
            page?.append_to(&mut members, cap)?;
        }
        Ok(members)
    }
}

/// A list, how to read a page of it, and the page that is being read.
struct Reading<O, T, R, F> {
    listing: Listing<O, T>,
    read: R,
    page: Option<Pin<Box<F>>>,
}

/// Nothing in it is pinned but the future, which has a box of its own.
impl<O, T, R, F> Unpin for Reading<O, T, R, F> {}

impl<O, T, R, F> Reading<O, T, R, F>
where
    O: Operation<Output = Page<T>>,
    T: Member,
    R: FnMut(PageRequest<O, T>) -> F,
    F: Future<Output = Result<Page<T>, Error>>,
{
    fn new(first: O, read: R) -> Self {
        Self { listing: Listing::new(first), read, page: None }
    }

    fn poll_page(&mut self, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let page = match (&mut self.page, self.listing.request()) {
            (Some(page), _) => page,
            (none, Some(request)) => none.insert(Box::pin((self.read)(request))),
            (None, None) => return Poll::Ready(None),
        };
        let page = ready!(page.as_mut().poll(context));
        self.page = None;
        Poll::Ready(Some(page))
    }
}

struct Pages<O, T, R, F>(Reading<O, T, R, F>);

impl<O, T, R, F> Stream for Pages<O, T, R, F>
where
    O: Operation<Output = Page<T>>,
    T: Member,
    R: FnMut(PageRequest<O, T>) -> F,
    F: Future<Output = Result<Page<T>, Error>>,
{
    type Item = Result<Page<T>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let page = ready!(self.0.poll_page(context));
        if let Some(page) = &page {
            self.0.listing.follow(page);
        }
        Poll::Ready(page)
    }
}

struct Items<O, T, R, F>(Reading<O, T, R, F>);

impl<O, T, R, F> Stream for Items<O, T, R, F>
where
    O: Operation<Output = Page<T>>,
    T: Member,
    R: FnMut(PageRequest<O, T>) -> F,
    F: Future<Output = Result<Page<T>, Error>>,
{
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.0.listing.take() {
                return Poll::Ready(Some(item));
            }
            match ready!(self.0.poll_page(context)) {
                Some(page) => self.0.listing.receive(page),
                None => return Poll::Ready(None),
            }
        }
    }
}
