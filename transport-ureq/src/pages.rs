//! Lists as iterators: of pages, and of the line items or results in them.

use std::fmt;
use std::iter::FusedIterator;

use lti_ags::{Endpoint, Error, Listing, Member, Operation, Page, PageRequest};

use crate::Client;

/// The pages of a list, read one by one as they are asked for. It ends after an error.
pub struct Pages<'a, O, T> {
    client: &'a Client,
    endpoint: Endpoint,
    listing: Listing<O, T>,
}

/// The line items or results of a list. It holds one page at a time, and ends after an error.
pub struct Items<'a, O, T>(Pages<'a, O, T>);

impl Client {
    /// The pages of a list, which begins with a list operation or a [`Continuation`](lti_ags::Continuation).
    ///
    /// ```no_run
    /// # use lti_ags_ureq::{Client, Endpoint, Error, ListLineItems};
    /// # fn example(client: &Client, endpoint: &Endpoint) -> Result<(), Error> {
    /// for page in client.pages(endpoint, ListLineItems::new()) {
    ///     let page = page?;
    ///     println!("{} line items; more follow: {}", page.items.len(), page.next.is_some());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn pages<O, T>(&self, endpoint: &Endpoint, first: O) -> Pages<'_, O, T>
    where
        O: Operation<Output = Page<T>>,
        T: Member,
    {
        Pages { client: self, endpoint: endpoint.clone(), listing: Listing::new(first) }
    }

    /// The line items or results of a list, of all its pages.
    ///
    /// ```no_run
    /// # use lti_ags_ureq::{Client, Endpoint, Error, ListResults};
    /// # fn example(client: &Client, endpoint: &Endpoint) -> Result<(), Error> {
    /// for result in client.items(endpoint, ListResults::new()) {
    ///     println!("{:?} percent", result?.percent());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn items<O, T>(&self, endpoint: &Endpoint, first: O) -> Items<'_, O, T>
    where
        O: Operation<Output = Page<T>>,
        T: Member,
    {
        Items(self.pages(endpoint, first))
    }

    /// A whole list, of `cap` members at most.
    ///
    /// # Errors
    ///
    /// Those of its pages; [`ErrorKind::ResponseTooLarge`](lti_ags::ErrorKind::ResponseTooLarge) where it has more members.
    /// It is never cut short.
    pub fn collect<O, T>(&self, endpoint: &Endpoint, first: O, cap: usize) -> Result<Vec<T>, Error>
    where
        O: Operation<Output = Page<T>>,
        T: Member,
    {
        let mut members = Vec::new();
        for page in self.pages(endpoint, first) {
            page?.append_to(&mut members, cap)?;
        }
        Ok(members)
    }
}

impl<O, T> Pages<'_, O, T>
where
    O: Operation<Output = Page<T>>,
    T: Member,
{
    fn read(&self, request: PageRequest<O, T>) -> Result<Page<T>, Error> {
        self.client.call(&self.endpoint, request)
    }
}

impl<O, T> Iterator for Pages<'_, O, T>
where
    O: Operation<Output = Page<T>>,
    T: Member,
{
    type Item = Result<Page<T>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let request = self.listing.request()?;
        let page = self.read(request);
        self.listing.follow(&page);
        Some(page)
    }
}

impl<O, T> Iterator for Items<'_, O, T>
where
    O: Operation<Output = Page<T>>,
    T: Member,
{
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self(pages) = self;
        loop {
            if let Some(item) = pages.listing.take() {
                return Some(item);
            }
            let request = pages.listing.request()?;
            let page = pages.read(request);
            pages.listing.receive(page);
        }
    }
}

impl<O, T> FusedIterator for Pages<'_, O, T>
where
    O: Operation<Output = Page<T>>,
    T: Member,
{
}

impl<O, T> FusedIterator for Items<'_, O, T>
where
    O: Operation<Output = Page<T>>,
    T: Member,
{
}

impl<O, T> fmt::Debug for Pages<'_, O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("listing", &self.listing).finish_non_exhaustive()
    }
}

impl<O, T> fmt::Debug for Items<'_, O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Items").field(&self.0).finish()
    }
}
