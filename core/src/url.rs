//! The URLs of a platform's services: opaque bytes that are kept as they came (AGS 3.1), and the origins that a token
//! may go to.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use crate::Error;

/// Everything that a query value must not hold as it is (RFC 3986 §2.3 names the rest).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The length of the longest name in the DNS, as text (RFC 1035 §2.3.4). Errors show hosts, and stay short.
const LONGEST_HOST: usize = 253;

/// An absolute http or https URL of a platform, kept byte for byte.
///
/// A URL is never rebuilt from its parts: case, escapes, order and empty parameters stay as the platform wrote them.
/// Only what cannot be put into an HTTP request is normalised, and a fragment is dropped. A URL with a user name or
/// password is refused. Cloning is cheap.
///
/// ```
/// use lti_ags::ServiceUrl;
///
/// let url: ServiceUrl = "https://lms.example/services.php/2/lineitems/12/lineitem?type_id=1".parse()?;
/// assert_eq!(url.as_str(), "https://lms.example/services.php/2/lineitems/12/lineitem?type_id=1");
/// assert_eq!(url.origin().to_string(), "https://lms.example");
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone)]
pub struct ServiceUrl(Arc<Inner>);

struct Inner {
    text: Box<str>,
    origin: Origin,
    /// Where the scores of a line item at this URL go: whoever posts one posts many.
    scores: OnceLock<Uri>,
}

/// Scheme, host and port: what a token is bound to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    secure: bool,
    host: Box<str>,
    port: u16,
}

type Segments<'a> = Vec<Cow<'a, str>>;
type Pairs = Vec<(String, String)>;

impl ServiceUrl {
    fn new(text: impl Into<Box<str>>, origin: Origin) -> Self {
        Self(Arc::new(Inner { text: text.into(), origin, scores: OnceLock::new() }))
    }

    /// The URL as it was given.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Where it leads.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// Whether both mean the same resource, however they are spelled: letter case of the host, default port, needless
    /// escapes, order of query parameters, a slash at the end.
    pub fn same_resource(&self, other: &Self) -> bool {
        self.meaning() == other.meaning()
    }

    fn meaning(&self) -> (&Origin, Segments<'_>, Pairs) {
        let (path, query) = split_query(self.path_and_query());
        // One by one: an escaped slash is part of its segment (RFC 3986 §2.2).
        let segments = path.trim_end_matches('/').split('/');
        let decoded = segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy()).collect();
        let mut pairs: Vec<_> = query
            .map(|query| url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
            .unwrap_or_default();
        pairs.sort_unstable();
        (&self.0.origin, decoded, pairs)
    }

    fn path_and_query(&self) -> &str {
        let authority = self.0.text.find("://").map_or(0, |at| at + 3);
        let rest = self.0.text.get(authority..).unwrap_or_default();
        rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or_default()
    }

    /// The URL with one more path segment, in front of the query (AGS 3.3.1, 3.4.1).
    pub(crate) fn below(&self, segment: &str) -> Self {
        Self::new(self.text_below(segment), self.0.origin.clone())
    }

    /// Where the scores of the line item at this URL are posted to (AGS 3.4.1).
    pub(crate) fn scores(&self) -> Result<Uri, Error> {
        if let Some(uri) = self.0.scores.get() {
            return Ok(uri.clone());
        }
        let uri = to_uri(self.text_below("scores").into())?;
        Ok(self.0.scores.get_or_init(|| uri).clone())
    }

    fn text_below(&self, segment: &str) -> String {
        let (path, query) = split_query(&self.0.text);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut text = String::with_capacity(self.0.text.len() + segment.len() + 1);
        text.push_str(path);
        text.push('/');
        text.push_str(segment);
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        text
    }

    /// The URL with this query parameter: in place of one of that name, else behind what there is.
    #[must_use]
    pub fn with_query(&self, name: &str, value: &str) -> Self {
        let (path, query) = split_query(&self.0.text);
        let pair = format!("{}={}", utf8_percent_encode(name, VALUE), utf8_percent_encode(value, VALUE));
        let query = query.filter(|query| !query.is_empty());
        let is_named = |existing: &&str| {
            let existing = existing.split('=').next().unwrap_or_default().replace('+', " ");
            percent_decode_str(&existing).decode_utf8_lossy() == name
        };
        let text = match query {
            None => format!("{path}?{pair}"),
            Some(query) if !query.split('&').any(|existing| is_named(&existing)) => {
                format!("{path}?{query}&{pair}")
            }
            Some(query) => {
                let mut replacement = Some(&*pair);
                let pairs = query.split('&').filter_map(|existing| {
                    if is_named(&existing) { replacement.take() } else { Some(existing) }
                });
                format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
            }
        };
        Self::new(text, self.0.origin.clone())
    }

    pub(crate) fn to_uri(&self) -> Result<Uri, Error> {
        to_uri(Bytes::copy_from_slice(self.0.text.as_bytes()))
    }

    pub(crate) fn from_url(url: &Url) -> Result<Self, Error> {
        Self::from_str(url.as_str())
    }
}

fn to_uri(text: Bytes) -> Result<Uri, Error> {
    Uri::from_maybe_shared(text)
        .map_err(|error| Error::input("the URL is too long for a request").because(error))
}

fn split_query(text: &str) -> (&str, Option<&str>) {
    match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    }
}

impl FromStr for ServiceUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let text = text.split_once('#').map_or(text, |(text, _fragment)| text);
        let url = Url::parse(text).map_err(|error| {
            Error::input(format!("`{}` is not an absolute URL", excerpt(text))).because(error)
        })?;
        let origin = Origin::of(&url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::input(format!(
                "the URL of {origin} holds a user name or password; remove it, services take a token"
            )));
        }
        // The two parsers must agree on where the request goes, or a token could leave by their difference.
        let agreed = text.parse::<Uri>().is_ok_and(|uri| Origin::of_uri(&uri).as_ref() == Some(&origin));
        let text = if agreed { text } else { url.as_str() };
        let url = Self::new(text, origin);
        let uri = url.to_uri()?;
        if Origin::of_uri(&uri).as_ref() != Some(&url.0.origin) {
            return Err(Error::input(format!("`{}` cannot be put into a request", excerpt(text))));
        }
        Ok(url)
    }
}

/// The beginning of a text that is no URL, without what may be a password in it.
fn excerpt(text: &str) -> String {
    let text = text.rsplit_once('@').map_or(text, |(_, after)| after);
    text.chars().filter(|character| !character.is_control()).take(80).collect()
}

impl Origin {
    fn of(url: &Url) -> Result<Self, Error> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            other => {
                return Err(Error::input(format!("the scheme of the URL is {}, not https", excerpt(other))));
            }
        };
        if url.host_str().is_some_and(|host| host.len() > LONGEST_HOST) {
            return Err(
                Error::input("the host of the URL is longer than a name can be").section("RFC 1035 §2.3.4")
            );
        }
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self { secure, host: host.to_ascii_lowercase().into(), port }),
            _ => Err(Error::input("the URL names no host")),
        }
    }

    /// Whether it is certainly that of this URL: one written in another way than most is looked at by [`of_uri`](Self::of_uri).
    pub(crate) fn is_of(&self, uri: &Uri) -> bool {
        let scheme = if self.secure { "https" } else { "http" };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = authority.get(..self.host.len()).unwrap_or_default();
        let port = match authority.get(self.host.len()..) {
            Some("") => Some(if self.secure { 443 } else { 80 }),
            port => port.and_then(|port| port.strip_prefix(':')?.parse().ok()),
        };
        uri.scheme_str() == Some(scheme) && host.eq_ignore_ascii_case(&self.host) && port == Some(self.port)
    }

    pub(crate) fn of_uri(uri: &Uri) -> Option<Self> {
        if uri.authority()?.as_str().contains('@') {
            return None;
        }
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let port = match uri.port() {
            Some(port) => port.as_u16(),
            None if secure => 443,
            None => 80,
        };
        let host = uri.host().filter(|host| host.len() <= LONGEST_HOST)?;
        Some(Self { secure, host: host.to_ascii_lowercase().into(), port })
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the scheme is https.
    pub fn is_https(&self) -> bool {
        self.secure
    }

    /// Whether it is this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
    pub fn is_loopback(&self) -> bool {
        &*self.host == "localhost"
            || self.host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || self
                .host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'))
                .and_then(|host| host.parse::<Ipv6Addr>().ok())
                .is_some_and(|address| address.is_loopback())
    }
}

/// An origin is read from any URL of it.
impl FromStr for Origin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(ServiceUrl::from_str(text)?.origin().clone())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.secure { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == default { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

impl PartialEq for ServiceUrl {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ServiceUrl {}

impl Hash for ServiceUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceUrl({})", self.0.text)
    }
}

impl TryFrom<&str> for ServiceUrl {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for ServiceUrl {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<&ServiceUrl> for ServiceUrl {
    type Error = Error;

    fn try_from(url: &ServiceUrl) -> Result<Self, Error> {
        Ok(url.clone())
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl Serialize for ServiceUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text)
    }
}

impl<'de> Deserialize<'de> for ServiceUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
