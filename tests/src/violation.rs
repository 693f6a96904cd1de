//! What a client did against the rules, named by requirement. A violation is kept whether or not the request was
//! refused for it, so that a platform's leniency does not hide a client's fault.

use std::borrow::Cow;
use std::fmt;

use crate::cause::Cause;
use crate::ledger::Service;
use crate::personality::Manner;

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
    pub(crate) cause: Cause,
    pub(crate) reason: Cow<'static, str>,
}

/// What is found out about a request while it is examined: every broken rule, and the first reason to refuse it that
/// this platform does not overlook.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) broken: Vec<(&'static str, Kind, Cow<'static, str>)>,
    pub(crate) refusal: Option<Refusal>,
    manner: &'static dyn Manner,
    service: Service,
}

impl Verdict {
    pub(crate) fn new(manner: &'static dyn Manner, service: Service) -> Self {
        Self { broken: Vec::new(), refusal: None, manner, service }
    }

    /// A broken rule of the specification, tolerated.
    pub(crate) fn fault(&mut self, rule: &'static str, sentence: impl Into<Cow<'static, str>>) {
        self.broken.push((rule, Kind::Specification, sentence.into()));
    }

    /// Practice not followed, tolerated.
    pub(crate) fn advise(&mut self, rule: &'static str, sentence: impl Into<Cow<'static, str>>) {
        self.broken.push((rule, Kind::Practice, sentence.into()));
    }

    /// Refuses without blaming the client; the first refusal stands.
    pub(crate) fn refuse(&mut self, cause: Cause, reason: impl Into<Cow<'static, str>>) {
        if self.refusal.is_none() && !self.manner.overlooks(cause, self.service) {
            self.refusal = Some(Refusal { cause, reason: reason.into() });
        }
    }

    /// A broken rule for which the request is refused.
    pub(crate) fn reject(
        &mut self,
        cause: Cause,
        rule: &'static str,
        sentence: impl Into<Cow<'static, str>>,
    ) {
        let sentence = sentence.into();
        self.refuse(cause, sentence.clone());
        self.fault(rule, sentence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personality::Personality;

    #[test]
    fn the_first_refusal_stands_and_every_fault_is_kept() {
        let mut verdict = Verdict::new(Personality::Spec.manner(), Service::Scores);
        verdict.refuse(Cause::UnknownUser, "unknown user");
        verdict.reject(Cause::Negative, "AGS-SCORE-03", "scoreGiven is negative");
        verdict.advise("AGS-MEDIA-02", "charset");
        assert_eq!(verdict.refusal.unwrap().cause, Cause::UnknownUser);
        assert_eq!(verdict.broken.len(), 2);
    }

    #[test]
    fn what_a_platform_overlooks_is_a_fault_all_the_same() {
        let mut verdict = Verdict::new(Personality::Moodle.manner(), Service::Scores);
        verdict.reject(Cause::Negative, "AGS-SCORE-03", "scoreGiven is negative");
        assert_eq!(verdict.refusal, None);
        assert_eq!(verdict.broken.len(), 1);
    }
}
