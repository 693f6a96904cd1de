//! What a client did against the rules, named by requirement. A violation is kept whether or not the request was
//! refused for it, so that a platform's leniency does not hide a client's fault.

use std::borrow::Cow;
use std::fmt;

/// Whose rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A MUST or SHOULD of AGS, LTI Core, the Security Framework or an RFC they build on.
    Specification,
    /// Advice drawn from how real platforms behave; conformance does not depend on it.
    Practice,
}

/// One broken rule. Never holds a token, an assertion, a comment or a score.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The requirement, such as `AGS-SCORE-03`.
    pub rule: &'static str,
    /// Whether a specification or experience says so.
    pub kind: Kind,
    /// What was wrong.
    pub sentence: Cow<'static, str>,
    /// The exchange of the ledger in which it happened.
    pub exchange: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Specification => "",
            Kind::Practice => " (practice)",
        };
        write!(f, "{}{kind} in exchange {}: {}", self.rule, self.exchange, self.sentence)
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The OAuth or bearer error code; empty where the service has none.
    pub(crate) error: &'static str,
    pub(crate) reason: Cow<'static, str>,
}

/// What is found out about a request while it is examined: every broken rule, and the first reason to refuse it.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) broken: Vec<(&'static str, Kind, Cow<'static, str>)>,
    pub(crate) refusal: Option<Refusal>,
}

impl Verdict {
    /// A broken rule of the specification, tolerated.
    pub(crate) fn fault(&mut self, rule: &'static str, sentence: impl Into<Cow<'static, str>>) {
        self.broken.push((rule, Kind::Specification, sentence.into()));
    }

    /// Practice not followed, tolerated.
    pub(crate) fn advise(&mut self, rule: &'static str, sentence: impl Into<Cow<'static, str>>) {
        self.broken.push((rule, Kind::Practice, sentence.into()));
    }

    /// Refuses without blaming the client; the first refusal stands.
    pub(crate) fn refuse(&mut self, status: u16, error: &'static str, reason: impl Into<Cow<'static, str>>) {
        self.refusal.get_or_insert_with(|| Refusal { status, error, reason: reason.into() });
    }

    /// A broken rule for which the request is refused.
    pub(crate) fn reject(
        &mut self,
        status: u16,
        error: &'static str,
        rule: &'static str,
        sentence: impl Into<Cow<'static, str>>,
    ) {
        let sentence = sentence.into();
        self.refuse(status, error, sentence.clone());
        self.fault(rule, sentence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_stands_and_every_fault_is_kept() {
        let mut verdict = Verdict::default();
        verdict.refuse(404, "", "unknown user");
        verdict.reject(400, "", "AGS-SCORE-03", "scoreGiven is negative");
        verdict.advise("AGS-MEDIA-02", "charset");
        assert_eq!(verdict.refusal.unwrap().status, 404);
        assert_eq!(verdict.broken.len(), 2);
    }
}
