//! Scopes: the permissions that a launch offers and a token carries (AGS 3.2, 3.3.1, 3.4.1).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A permission, named by a URI.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// Read, create, update and delete line items.
    pub const LINE_ITEM: Self = Self::new("https://purl.imsglobal.org/spec/lti-ags/scope/lineitem");
    /// Read line items.
    pub const LINE_ITEM_READONLY: Self =
        Self::new("https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly");
    /// Read results.
    pub const RESULT_READONLY: Self =
        Self::new("https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly");
    /// Post scores.
    pub const SCORE: Self = Self::new("https://purl.imsglobal.org/spec/lti-ags/scope/score");

    /// The four scopes of Assignment and Grade Services.
    pub const AGS: [Self; 4] =
        [Self::LINE_ITEM, Self::LINE_ITEM_READONLY, Self::RESULT_READONLY, Self::SCORE];

    /// The scope of another LTI service.
    pub const fn new(uri: &'static str) -> Self {
        Self(Cow::Borrowed(uri))
    }

    /// Its URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_ags(&self) -> bool {
        Self::AGS.contains(self)
    }
}

impl From<&str> for Scope {
    fn from(uri: &str) -> Self {
        match Self::AGS.into_iter().find(|scope| scope.as_str() == uri) {
            Some(scope) => scope,
            None => Self(Cow::Owned(uri.to_owned())),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of scopes: ordered, without duplicates, cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scopes(Arc<[Scope]>);

impl Scopes {
    /// The four scopes of Assignment and Grade Services.
    pub fn ags() -> Self {
        Scope::AGS.into_iter().collect()
    }

    /// Whether it holds the scope.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.binary_search(scope).is_ok()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }

    pub(crate) fn contains_any(&self, any_of: &[Scope]) -> bool {
        any_of.iter().any(|scope| self.contains(scope))
    }

    pub(crate) fn parse(text: &str) -> Self {
        text.split_ascii_whitespace().map(Scope::from).collect()
    }
}

impl<'a> IntoIterator for &'a Scopes {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut scopes: Vec<_> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes.into())
    }
}

/// Separated by spaces, as in a token request (RFC 6749 §3.3).
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Scope::as_str)).finish()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let uris = Vec::<Cow<'de, str>>::deserialize(deserializer)?;
        Ok(uris.iter().map(|uri| Scope::from(&**uri)).collect())
    }
}
