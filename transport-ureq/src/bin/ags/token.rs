//! `ags token`: what the platform grants, never the token.

use lti_ags_ureq::Scope;
use serde::Serialize;

use crate::args::Global;
use crate::failure::Failure;
use crate::platform::Platform;

#[derive(Serialize)]
struct Allowed {
    granted_scopes: Vec<String>,
    expires_in: u64,
    token_type: &'static str,
}

pub(crate) fn run(global: &Global) -> Result<(), Failure> {
    let platform = Platform::open(global, None)?;
    let grant = platform.authorize()?;
    // Scopes are the platform's text: one that repeats the token or the assertion is not shown.
    let granted: Vec<_> = grant.scopes.iter().map(|scope| platform.output().shown(scope.as_str())).collect();
    let offered = platform.endpoint().scopes();
    let is_missing = |scope: &Scope| offered.contains(scope) && !grant.scopes.contains(scope);
    let missing: Vec<_> = Scope::AGS.into_iter().filter(is_missing).map(|scope| scope.to_string()).collect();
    let expires_in = grant.lifetime.as_secs();
    let words = format!(
        "A token was granted, for {expires_in} seconds.\n{}{}",
        list("It allows:", &granted),
        list("Asked for, and not granted:", &missing)
    );
    platform.output().tell(&Allowed { granted_scopes: granted, expires_in, token_type: "bearer" }, &words)
}

fn list(heading: &str, scopes: &[String]) -> String {
    match scopes {
        [] => String::new(),
        scopes => format!("{heading}\n  {}\n", scopes.join("\n  ")),
    }
}
