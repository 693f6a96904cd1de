//! The token and its scopes (Security Framework 4.1, AGS 3.1).

use lti_ags_ureq::{Audience, Endpoint, Error, ErrorKind, Scope, Scopes};

use crate::failure::Failure;

use super::Check;
use super::recognised::Recognised;

/// What each scope is for.
static PURPOSES: [(Scope, &str); 4] = [
    (Scope::LINE_ITEM, "create, change and delete line items"),
    (Scope::LINE_ITEM_READONLY, "read line items"),
    (Scope::RESULT_READONLY, "read results"),
    (Scope::SCORE, "post scores"),
];

impl Check<'_> {
    /// Gets a token, and says whether there is anything to go on with.
    pub(super) fn token(&mut self) -> Result<bool, Failure> {
        match self.platform.client().authorize(self.platform.endpoint()) {
            Ok(grant) => {
                let lifetime = grant.lifetime.as_secs();
                self.granted = grant.scopes;
                let place = self.registration.token_endpoint();
                let detail = format!("A token is granted, for {lifetime} seconds, by {place}.");
                self.report.fine("token", &self.report.shown(&detail))?;
            }
            Err(error) if is_about_scopes(&error) => return self.scope_by_scope(&error),
            Err(error) => {
                let detail = self.no_token(&error);
                self.report.fails("token", &detail, self.platform.failure(error))?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The platform refuses all scopes together (Canvas, Sakai): which of them does it give?
    fn scope_by_scope(&mut self, refused: &Error) -> Result<bool, Failure> {
        let asked: Vec<_> = self.platform.endpoint().scopes().iter().cloned().collect();
        let is_given = |scope: &Scope| {
            self.platform
                .client()
                .authorize(&Endpoint::new([scope.clone()]))
                .is_ok_and(|grant| grant.scopes.contains(scope))
        };
        self.granted = asked.into_iter().filter(is_given).collect();
        if self.granted.is_empty() {
            let detail = format!("No token: {}.", self.why(refused));
            self.report.fails("token", &detail, self.platform.failure(refused.clone()))?;
            return Ok(false);
        }
        let detail = format!(
            "The platform refuses a token for all scopes at once ({}), and grants some one by one; ags then asks for \
             what each command needs.",
            self.why(refused)
        );
        self.report.differs("token", &detail)?;
        Ok(true)
    }

    /// Why there is no token, and all that an administrator compares with the registration on the platform.
    fn no_token(&self, error: &Error) -> String {
        let registration = &self.registration;
        let mut detail = format!("No token: {}.", self.why(error));
        if !matches!(
            error.kind(),
            ErrorKind::TokenRefused | ErrorKind::MalformedResponse | ErrorKind::ServerError
        ) {
            return format!("{detail} The token endpoint is {}.", registration.token_endpoint());
        }
        let audience = match registration.audience() {
            Audience::One(audience) => format!("{audience:?}"),
            Audience::Many(audiences) => format!("{audiences:?}"),
        };
        let sent = format!(
            "To compare with the platform's registration of the tool: client id {:?}; key id {:?} ({}; `ags jwks` \
             writes its public half); audience {audience}; token endpoint {}.",
            registration.client_id(),
            registration.key().key_id(),
            registration.key().algorithm(),
            registration.token_endpoint(),
        );
        detail.extend([" ", &self.report.shown(&sent)]);
        if let Some(hint) = self.recognised.and_then(Recognised::where_tokens_fail) {
            detail.extend([" ", hint]);
        }
        detail
    }

    /// What the token allows, and what it should.
    pub(super) fn scopes(&mut self) -> Result<(), Failure> {
        let offered = self.platform.endpoint().scopes();
        let missing: Vec<_> = PURPOSES
            .iter()
            .filter(|(scope, _)| offered.contains(scope) && !implied(&self.granted, scope))
            .collect();
        let allowed: Vec<_> = PURPOSES
            .iter()
            .filter(|(scope, _)| self.granted.contains(scope))
            .map(|(_, purpose)| *purpose)
            .collect();
        let allowed =
            if allowed.is_empty() { "nothing of this service".to_owned() } else { allowed.join("; ") };
        let Some((first, _)) = missing.first() else {
            return self
                .report
                .fine("scopes", &format!("The token allows all that is asked for: {allowed}."));
        };
        let listed: Vec<_> =
            missing.iter().map(|(scope, purpose)| format!("{} ({purpose})", short(scope))).collect();
        let detail = format!(
            "The token allows: {allowed}. Asked for and not granted: {}. {}",
            listed.join(", "),
            self.who_allows_it()
        );
        if self.platform.names_scopes() || self.granted.iter().all(|scope| !Scope::AGS.contains(scope)) {
            let failure = Failure::new(
                "missing_scope",
                format_args!("the platform granted the token without the scope {first}"),
            );
            return self.report.fails("scopes", &detail, failure);
        }
        self.report.differs("scopes", &detail)
    }

    pub(super) fn who_allows_it(&self) -> String {
        let place = self.recognised.and_then(Recognised::where_scopes_are_allowed);
        let place = place.map(|place| format!(", {place}")).unwrap_or_default();
        format!("An administrator of the platform can allow it for the tool{place}.")
    }

    /// What a token allows and the platform does not.
    pub(super) fn deletion(&mut self) -> Result<(), Failure> {
        let Some(platform) = self.recognised.filter(|platform| platform.keeps_line_items()) else {
            return Ok(());
        };
        if !self.may(&[Scope::LINE_ITEM]) {
            return Ok(());
        }
        let detail = format!(
            "{platform} lets no tool delete a line item, whatever the token allows: one that a tool creates stays."
        );
        self.report.differs("delete", &detail)
    }

    /// What there is to work on.
    pub(super) fn places(&mut self) -> Result<(), Failure> {
        let endpoint = self.platform.endpoint();
        match (endpoint.line_items(), endpoint.line_item()) {
            (Ok(_), Ok(_)) => Ok(()),
            (Ok(_), Err(_)) => self.report.fine(
                "endpoint",
                "There is a container of line items, and no line item of the launch's own: scores need --line-item.",
            ),
            (Err(_), Ok(_)) => self.report.fine(
                "endpoint",
                "There is a line item, and no container: line items cannot be listed or created.",
            ),
            (Err(error), Err(_)) => {
                let detail = "There is neither a container nor a line item to work on, so that nothing but the token \
                              could be checked. They come from [endpoint], or from the claims of a launch (--claims).";
                self.report.fails("endpoint", detail, error)
            }
        }
    }
}

/// Canvas and Sakai say so by the code that RFC 6749 §5.2 has for it.
fn is_about_scopes(error: &Error) -> bool {
    let refusal = error.refusal();
    error.kind() == ErrorKind::TokenRefused
        && refusal.and_then(|refusal| refusal.error_code()).is_some_and(|code| code == "invalid_scope")
}

/// Who may change line items may read them, too.
fn implied(granted: &Scopes, scope: &Scope) -> bool {
    granted.contains(scope) || *scope == Scope::LINE_ITEM_READONLY && granted.contains(&Scope::LINE_ITEM)
}

/// The last word of a scope's URI.
fn short(scope: &Scope) -> &str {
    scope.as_str().rsplit('/').next().unwrap_or_default()
}
