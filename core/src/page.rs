//! Pages of line items and results: `GET` the next one by the URL that the page before it named (AGS 3.2.4, 3.3.6;
//! RFC 8288).

use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderMap, Request, Response, Uri};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use url::Url;

use crate::filter::Filter;
use crate::link::{self, Next};
use crate::operation::{Answer, Context, Exchange, Operation, Replay};
use crate::{Error, ErrorKind, Scope, ServiceUrl, request};

pub(crate) mod sealed {
    use super::{Error, Filter, HeaderValue, Scope};

    /// What a list must know of its members. Line items and results are all that AGS lists.
    #[expect(unnameable_types, reason = "it seals `Member`")]
    pub trait Listed: Sized {
        const LIST: &'static str;
        fn accept() -> HeaderValue;
        fn scopes() -> &'static [Scope];
        fn passes(&self, filter: &Filter) -> bool;
        /// What no other member of the list has.
        fn identity(&self) -> Option<&str>;
        fn read(body: &[u8], cap: usize) -> Result<Vec<Self>, Error>;
    }
}

/// What a page holds: a [`LineItem`](crate::LineItem) or a [`UserResult`](crate::UserResult).
pub trait Member:
    sealed::Listed + Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

/// A page of a list, as far as its members match the filters.
///
/// Its length says nothing: a page may be empty and not the last. The last one has no [`next`](Self::next).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// The members, in the platform's order.
    pub items: Vec<T>,
    /// The operation that reads the next page.
    pub next: Option<Continuation<T>>,
}

/// Reads the next page, by the URL that the platform named for it. That URL is sent as it is: filters and limit are in it,
/// as far as the platform knows them, so there is nothing to set (AGS 3.2.4). What comes back is filtered again.
///
/// It serialises, so that paging can go on in another process, and holds no secret:
///
/// ```
/// use lti_ags::{Continuation, LineItem};
///
/// let stored = r#"{"version":1,"of":"line items","url":"https://lms.example/lineitems?cursor=abc","page":2,
///                  "filter":{"tag":"grade"},"seen":""}"#;
/// let next: Continuation<LineItem> = serde_json::from_str(stored)?;
/// assert_eq!((next.url().as_str(), next.page()), ("https://lms.example/lineitems?cursor=abc", 2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Continuation<T> {
    url: ServiceUrl,
    filter: Filter,
    trail: Trail,
    member: PhantomData<fn() -> T>,
}

/// Where a list has been: how many pages were read, and how to tell one that comes again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    pages: u32,
    /// Hashes of the pages' URLs and of their first members.
    seen: Vec<u64>,
}

impl<T> Continuation<T> {
    /// Where the page is.
    pub fn url(&self) -> &ServiceUrl {
        &self.url
    }

    /// Its number in the list; the first page is 1.
    pub fn page(&self) -> u32 {
        self.trail.pages.saturating_add(1)
    }
}

impl<T: Member> Operation for Continuation<T> {
    type Output = Page<T>;
    const NAME: &'static str = T::LIST;

    fn scopes(&self) -> &'static [Scope] {
        T::scopes()
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn page(&self) -> Option<u32> {
        Some(self.page())
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        let allowed = context.policy().max_pages;
        if self.page() > allowed {
            let message = format!("there are more than {allowed} pages; raise the limit if that is right");
            return Err(Error::new(ErrorKind::TooManyPages, message));
        }
        request::get(&self.url, T::accept())
    }

    fn response(self, response: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        read(&response, exchange, self.filter, self.trail).map(Answer::Done)
    }
}

impl<T> Page<T> {
    /// Appends its members to those of earlier pages, `cap` at most in all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ResponseTooLarge`] where there are more: a list that was cut short would look like a whole one.
    pub fn append_to(mut self, members: &mut Vec<T>, cap: usize) -> Result<(), Error> {
        if self.items.len() > cap.saturating_sub(members.len()) {
            let message = format!("there are more than {cap} members; raise the limit if that is right");
            return Err(Error::new(ErrorKind::ResponseTooLarge, message));
        }
        members.append(&mut self.items);
        Ok(())
    }
}

/// Reads a page and finds the next one. What is wrong with it is told with the number of the page.
pub(crate) fn read<T: Member>(
    response: &Response<&[u8]>,
    exchange: &Exchange<'_>,
    filter: Filter,
    trail: Trail,
) -> Result<Page<T>, Error> {
    let number = trail.pages.saturating_add(1);
    read_page(response, exchange, filter, trail)
        .map_err(|error| error.at(format_args!("page {number}")).section("AGS 3.2.4"))
}

fn read_page<T: Member>(
    response: &Response<&[u8]>,
    exchange: &Exchange<'_>,
    filter: Filter,
    mut trail: Trail,
) -> Result<Page<T>, Error> {
    let mut items = T::read(response.body(), exchange.policy().max_page_items)
        .map_err(|error| error.answered(exchange.refusal(response)))?;
    trail.enter(exchange.url(), items.first().and_then(T::identity))?;
    items.retain(|item| item.passes(&filter));
    let next = match next_url(response.headers(), exchange.url())? {
        None => None,
        Some(url) => {
            exchange
                .policy()
                .check_destination(url.origin(), exchange.endpoint().origins())
                .map_err(|error| error.at("the link to the next page"))?;
            trail.check(&url)?;
            Some(Continuation { url, filter, trail, member: PhantomData })
        }
    };
    Ok(Page { items, next })
}

/// The URL of the next page: an absolute one byte for byte, a relative one against the URL that answered.
fn next_url(headers: &HeaderMap, answered: &Uri) -> Result<Option<ServiceUrl>, Error> {
    let unreadable = "the link to the next page cannot be read, and without it the list would be cut short";
    let base =
        Url::parse(&answered.to_string()).map_err(|error| Error::malformed(unreadable).because(error))?;
    let target = match link::next(headers, &base) {
        Next::None => return Ok(None),
        Next::Unreadable => return Err(Error::malformed(unreadable)),
        Next::Target(target) => target,
    };
    let url = if Url::parse(&target).is_ok() {
        target.parse()
    } else {
        let url =
            link::resolve(&target, &base).map_err(|error| Error::malformed(unreadable).because(error))?;
        ServiceUrl::from_url(&url)
    };
    url.map(Some).map_err(|error| Error::malformed(unreadable).because(error))
}

impl Trail {
    /// Takes note of a page that has been read. A list that begins like an earlier page is that page again, whatever its
    /// URL: platforms that ignore a cursor begin anew (Moodle 4.5 does, where its links are followed to the letter).
    fn enter(&mut self, url: &Uri, first: Option<&str>) -> Result<(), Error> {
        self.pages = self.pages.saturating_add(1);
        self.note(hash(URL, &url.to_string()))?;
        match first {
            Some(first) => self.note(hash(FIRST, first)),
            None => Ok(()),
        }
    }

    fn note(&mut self, page: u64) -> Result<(), Error> {
        if self.seen.contains(&page) {
            return Err(circle("it has been read before"));
        }
        self.seen.push(page);
        Ok(())
    }

    /// Whether the page at this URL is a new one.
    fn check(&self, next: &ServiceUrl) -> Result<(), Error> {
        if self.seen.contains(&hash(URL, &next.to_uri()?.to_string())) {
            return Err(circle("the next page has been read before"));
        }
        Ok(())
    }
}

fn circle(what: &str) -> Error {
    Error::new(ErrorKind::PageLoop, format!("{what}: the platform's pages lead in a circle"))
}

const URL: u8 = b'u';
const FIRST: u8 = b'f';

/// FNV-1a. It must give the same number in another process, of another build.
fn hash(what: u8, text: &str) -> u64 {
    std::iter::once(what)
        .chain(text.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The form in which a continuation is stored. A later version adds members, or counts up.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    of: String,
    url: ServiceUrl,
    page: u32,
    #[serde(default)]
    filter: Filter,
    /// Sixteen hexadecimal digits each.
    seen: String,
}

const VERSION: u32 = 1;

impl<T: Member> Serialize for Continuation<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seen = String::with_capacity(16 * self.trail.seen.len());
        for page in &self.trail.seen {
            write!(seen, "{page:016x}").map_err(ser::Error::custom)?;
        }
        let stored = Stored {
            version: VERSION,
            of: listed::<T>().to_owned(),
            url: self.url.clone(),
            page: self.page(),
            filter: self.filter.clone(),
            seen,
        };
        stored.serialize(serializer)
    }
}

impl<'de, T: Member> Deserialize<'de> for Continuation<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { version, of, url, page, filter, seen } = Stored::deserialize(deserializer)?;
        if version != VERSION {
            let message = format!("a continuation of version {version} was stored by a later release");
            return Err(de::Error::custom(message));
        }
        if of != listed::<T>() {
            return Err(de::Error::custom(format_args!("it goes on with {of}, not with {}", listed::<T>())));
        }
        let number = |digits: &[u8]| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let seen = seen.as_bytes().chunks(16).map(number).collect::<Option<_>>();
        let seen = seen.ok_or_else(|| de::Error::custom("the pages seen are not hexadecimal digits"))?;
        let trail = Trail { pages: page.saturating_sub(1), seen };
        Ok(Self { url, filter, trail, member: PhantomData })
    }
}

/// `line items` or `results`.
fn listed<T: Member>() -> &'static str {
    T::LIST.strip_prefix("list ").unwrap_or(T::LIST)
}

impl<T> fmt::Debug for Continuation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Continuation")
            .field("url", &self.url)
            .field("page", &self.page())
            .finish_non_exhaustive()
    }
}
