//! How a tool asks for a token: the form, and the assertion in it, verified as a platform verifies it (RFC 6749 §4.4,
//! RFC 7523; Security Framework 4.1; worked example 2).
#![cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use crate::common::{self, Read, TOKEN_ENDPOINT, Tool, answer, answer_with, graded, time, token_answer};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::CryptoProvider;
use lti_ags::{
    Algorithm, Endpoint, ErrorKind, Jwk, JwkSet, KeyError, Policy, PostScore, Registration, Scope, Scopes,
    SigningKey, TokenScopes,
};
use serde_json::{Value, json};

const DEPLOYMENT: &str = "https://purl.imsglobal.org/spec/lti/claim/deployment_id";

static RSA: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate_rsa(2048).unwrap().with_key_id("k-2026-01"));

fn provider() -> &'static CryptoProvider {
    #[cfg(feature = "aws-lc-rs")]
    return &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
    #[cfg(not(feature = "aws-lc-rs"))]
    return &jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
}

/// Verifies an assertion from the published key set alone, as a platform does, and gives its header and claims.
fn verified(keys: &JwkSet, assertion: &str) -> (Value, Value) {
    use base64::Engine as _;
    let decode = |part: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
    let (message, signature) = assertion.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();

    let published = serde_json::to_value(keys).unwrap();
    let key = published["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let member = |name: &str| key[name].as_str().unwrap();
    let key = DecodingKey::from_rsa_components(member("n"), member("e")).unwrap();
    let verifier = (provider().verifier_factory)(&header["alg"].as_str().unwrap().parse().unwrap(), &key);
    verifier.unwrap().verify(message.as_bytes(), &decode(signature)).unwrap();
    (header, serde_json::from_slice(&decode(claims)).unwrap())
}

fn published(keys: &[&SigningKey]) -> JwkSet {
    let mut set = JwkSet::new();
    for key in keys {
        set.add(key).unwrap();
    }
    set
}

fn registration() -> Registration {
    Registration::new("tool-7f3a", TOKEN_ENDPOINT, RSA.clone()).unwrap().with_deployment_id("dep-42")
}

fn tool(registration: Registration) -> Tool {
    Tool::with(registration, Policy::default())
}

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

/// The claims of the assertion with which this registration asks for a token.
fn claims(registration: Registration) -> Value {
    let mut tool = tool(registration);
    tool.call(post()).unwrap();
    tool.assertion(0).1
}

#[test]
fn a_token_request_is_a_form_with_each_parameter_once() {
    // AGS-TOKREQ-01
    let mut tool = tool(registration());
    tool.call(post()).unwrap();
    let request = &tool.token_requests[0];
    assert_eq!((request.method().as_str(), request.uri().to_string()), ("POST", TOKEN_ENDPOINT.to_owned()));
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    let names: Vec<_> = tool.form(0).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["grant_type", "client_assertion_type", "client_assertion", "scope"]);
    assert_eq!(tool.form_value(0, "grant_type"), "client_credentials");
    assert_eq!(
        tool.form_value(0, "client_assertion_type"),
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
}

#[test]
fn the_form_is_encoded_as_forms_are() {
    // AGS-TOKREQ-01, AGS-TOKREQ-03, worked example 2
    let mut tool = tool(registration())
        .at(Endpoint::new([Scope::SCORE, Scope::LINE_ITEM]).with_line_item(common::LINE_ITEM).unwrap());
    tool.call(post()).unwrap();
    let body = std::str::from_utf8(tool.token_requests[0].body()).unwrap();
    let assertion = tool.form_value(0, "client_assertion");
    assert_eq!(
        body,
        format!(
            "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type\
             %3Ajwt-bearer&client_assertion={assertion}&scope=https%3A%2F%2Fpurl.imsglobal.org%2Fspec%2Flti-ags\
             %2Fscope%2Flineitem+https%3A%2F%2Fpurl.imsglobal.org%2Fspec%2Flti-ags%2Fscope%2Fscore"
        )
    );
}

#[test]
fn the_assertion_is_the_only_authentication() {
    // AGS-TOKREQ-02
    let mut tool = tool(registration());
    tool.call(post()).unwrap();
    assert!(!tool.token_requests[0].headers().contains_key("authorization"));
    assert!(tool.form(0).iter().all(|(name, _)| name != "client_secret"));
    assert_eq!(tool.token_requests[0].uri().query(), None);
}

#[test]
fn the_scopes_of_the_endpoint_are_asked_for_as_a_list() {
    // AGS-TOKREQ-03
    let mut tool = tool(registration());
    tool.call(post()).unwrap();
    let scope = tool.form_value(0, "scope");
    let asked: BTreeSet<_> = scope.split(' ').collect();
    let all = Scopes::ags();
    let wanted: BTreeSet<_> = all.iter().map(Scope::as_str).collect();
    assert_eq!((asked, scope.split(' ').count()), (wanted, 4));
}

#[test]
fn asking_for_no_scope_at_all_is_an_error_here() {
    // AGS-TOKREQ-03
    let roster: Scope = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly".into();
    for scopes in [vec![], vec![roster]] {
        let endpoint = Endpoint::new(scopes).with_line_item(common::LINE_ITEM).unwrap();
        let mut tool = tool(registration()).at(endpoint);
        let step = tool.session.authorize(&tool.endpoint, tool.now);
        assert_eq!(tool.drive(step).unwrap_err().kind(), ErrorKind::MissingScope);
        assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::MissingScope);
        assert_eq!(tool.counts(), (0, 0));
    }
}

#[test]
fn issuer_and_subject_are_the_client_id() {
    // AGS-TOKREQ-04
    let claims = claims(registration());
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("tool-7f3a"), &json!("tool-7f3a")));
}

#[test]
fn the_audience_is_the_token_endpoint_as_it_was_written_unless_another_is_set() {
    // AGS-TOKREQ-05
    assert_eq!(claims(registration())["aud"], TOKEN_ENDPOINT);
    // Not as a URL library would write it again.
    for written in
        ["https://AUTH.northfield.test:443/a/../token", "https://auth.northfield.test/oauth2/token?"]
    {
        let registration = Registration::new("tool-7f3a", written, RSA.clone()).unwrap();
        let mut tool = tool(registration);
        let lti_ags::Step::Send(request, _) = tool.session.begin(&tool.endpoint, post(), tool.now) else {
            panic!()
        };
        tool.token_requests.push(request);
        assert_eq!(tool.assertion(0).1["aud"], written);
    }

    let mut other = tool(registration().with_audience("https://auth.northfield.test/core"));
    other.call(post()).unwrap();
    assert_eq!(other.assertion(0).1["aud"], "https://auth.northfield.test/core");
    assert_eq!(other.token_requests[0].uri(), TOKEN_ENDPOINT);

    let array = registration().with_audience(vec![TOKEN_ENDPOINT.to_owned()]);
    assert_eq!(claims(array)["aud"], json!([TOKEN_ENDPOINT]));
}

#[test]
fn an_assertion_lives_five_minutes_counted_in_whole_seconds() {
    // AGS-TOKREQ-06
    let mut policy = Policy::default();
    policy.back_dating = Duration::ZERO;
    let mut tool = Tool::with(registration(), policy);
    tool.now = time("2026-03-02T09:00:00.987654321Z");
    tool.call(post()).unwrap();
    let claims = tool.assertion(0).1;
    assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(1_772_442_000), Some(1_772_442_300)));
}

#[test]
fn an_assertion_can_be_back_dated_for_a_platform_whose_clock_is_behind() {
    // AGS-TOKREQ-13
    let mut policy = Policy::default();
    assert_eq!(policy.back_dating, Duration::from_secs(5), "Moodle has no leeway");
    policy.back_dating = Duration::from_secs(10);
    let mut tool = Tool::with(registration(), policy);
    tool.call(post()).unwrap();
    let claims = tool.assertion(0).1;
    assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(1_772_441_990), Some(1_772_442_300)));
}

#[test]
fn no_assertion_id_comes_twice() {
    // AGS-TOKREQ-07
    let once = || token_answer(r#"{"access_token":"t-once","expires_in":0}"#);
    let mut tool = Tool::new().token_answers((0..1000).map(|_| once()));
    for _ in 0..1000 {
        tool.call(post()).unwrap();
    }
    let ids: BTreeSet<_> = (0..1000).map(|n| tool.assertion(n).1["jti"].to_string()).collect();
    assert_eq!((tool.counts(), ids.len()), ((1000, 1000), 1000));
    // Nor does another session with another seed repeat one.
    let session = lti_ags::Session::new(registration(), lti_ags::Seed::new(8));
    let mut other = Tool { session, ..Tool::new() };
    other.call(post()).unwrap();
    assert!(!ids.contains(&other.assertion(0).1["jti"].to_string()));
}

#[test]
fn a_token_request_that_is_repeated_has_a_new_assertion_of_its_own_time() {
    // AGS-TOKREQ-07
    let mut tool = tool(registration()).token_answers([answer_with(503, &[("retry-after", b"30")], b"")]);
    tool.call(post()).unwrap();
    let (first, second) = (tool.assertion(0).1, tool.assertion(1).1);
    assert_ne!(first["jti"], second["jti"]);
    let signature = |n| tool.form_value(n, "client_assertion").rsplit('.').next().unwrap().to_owned();
    assert_ne!(signature(0), signature(1));
    assert_eq!(second["exp"].as_i64().unwrap() - first["exp"].as_i64().unwrap(), 30);
}

#[test]
fn the_deployment_is_named_where_it_is_known() {
    // AGS-TOKREQ-08
    assert_eq!(claims(registration())[DEPLOYMENT], "dep-42");
    let unknown = Registration::new("tool-7f3a", TOKEN_ENDPOINT, RSA.clone()).unwrap();
    assert!(claims(unknown).get(DEPLOYMENT).is_none());
}

#[test]
fn a_platform_verifies_the_assertion_with_the_published_key() {
    // AGS-TOKREQ-09, AGS-CERT-01, AGS-SEC-04
    let mut tool = tool(registration());
    tool.call(post()).unwrap();
    let (header, claims) = verified(&published(&[&RSA]), &tool.form_value(0, "client_assertion"));
    assert_eq!(header, json!({"typ": "JWT", "alg": "RS256", "kid": "k-2026-01"}));
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("tool-7f3a"), &json!("tool-7f3a")));
    assert_eq!(claims["aud"], TOKEN_ENDPOINT);
    assert!(
        claims["iat"].as_i64().unwrap() <= 1_772_442_000 && claims["exp"].as_i64().unwrap() > 1_772_442_000
    );
    assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 32));
}

#[test]
fn symmetric_keys_and_algorithms_cannot_be_had() {
    // AGS-TOKREQ-09, AGS-CERT-07
    for name in ["none", "HS256", "HS384", "HS512"] {
        assert!(name.parse::<Algorithm>().is_err(), "{name}");
    }
    assert!(SigningKey::from_pem("a shared secret of some length").is_err());
    assert!(serde_json::from_str::<Jwk>(r#"{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}"#).is_err());
}

#[test]
fn an_assertion_is_three_parts_of_base64url_without_padding() {
    // AGS-TOKREQ-10
    let mut tool = tool(registration());
    tool.call(post()).unwrap();
    let assertion = tool.form_value(0, "client_assertion");
    assert_eq!(assertion.matches('.').count(), 2);
    assert!(assertion.split('.').all(|part| !part.is_empty()
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))));
}

#[test]
fn the_query_of_the_token_endpoint_is_kept_and_a_fragment_refused() {
    // AGS-TOKREQ-11
    let url = "https://auth.northfield.test/oauth2/token?tenant=3";
    let mut tool = tool(Registration::new("tool-7f3a", url, RSA.clone()).unwrap());
    tool.call(post()).unwrap();
    assert_eq!(tool.token_requests[0].uri().path_and_query().unwrap(), "/oauth2/token?tenant=3");
    assert_eq!(tool.assertion(0).1["aud"], url);

    let error = Registration::new("tool-7f3a", &format!("{TOKEN_ENDPOINT}#x"), RSA.clone()).unwrap_err();
    assert_eq!((error.kind(), error.specification()), (ErrorKind::InvalidInput, Some("RFC 6749 §3.2")));
}

#[test]
fn a_registration_that_cannot_be_one_is_refused_at_once() {
    for (client_id, url) in
        [(" ", TOKEN_ENDPOINT), ("tool-7f3a", "/token"), ("tool-7f3a", ""), ("tool-7f3a", "mailto:a@b.test")]
    {
        let error = Registration::new(client_id, url, RSA.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{client_id:?} {url:?}");
    }
    let mut plain =
        tool(Registration::new("tool-7f3a", "http://auth.northfield.test/token", RSA.clone()).unwrap());
    assert_eq!(plain.call(post()).unwrap_err().kind(), ErrorKind::InsecureUrl);
    assert_eq!(plain.counts(), (0, 0));
}

#[test]
fn further_claims_and_the_client_id_parameter_are_for_those_who_ask() {
    // AGS-TOKREQ-12
    let registration = registration().with_claim("https://tool.test/tenant", json!([3])).unwrap();
    let mut tool = tool(registration.with_client_id_parameter());
    tool.call(post()).unwrap();
    let (_, claims) = verified(&published(&[&RSA]), &tool.form_value(0, "client_assertion"));
    assert_eq!(claims["https://tool.test/tenant"], json!([3]));
    assert_eq!(tool.form_value(0, "client_id"), claims["sub"].as_str().unwrap());
    for name in ["iss", "sub", "aud", "iat", "exp", "jti", DEPLOYMENT] {
        let error = self::registration().with_claim(name, "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
    }
}

#[test]
fn json_is_asked_for_and_no_more_scopes_than_were_chosen() {
    // AGS-TOKREQ-14
    let mut policy = Policy::default();
    policy.token_scopes = TokenScopes::OfOperation;
    let mut tool = Tool::with(registration(), policy);
    tool.call(post()).unwrap();
    assert_eq!(tool.token_requests[0].headers()["accept"], "application/json");
    assert_eq!(tool.form_value(0, "scope"), Scope::SCORE.as_str());
    tool.call(Read::line_items()).unwrap();
    assert_eq!(tool.form_value(1, "scope"), Scope::LINE_ITEM_READONLY.as_str());
    tool.call(post()).unwrap();
    assert_eq!(tool.counts().0, 2, "a token for each set of scopes");

    let endpoint = Endpoint::new([Scope::SCORE]).with_line_item(common::LINE_ITEM).unwrap();
    let mut tool = self::tool(registration()).at(endpoint);
    tool.call(post()).unwrap();
    assert_eq!(tool.form_value(0, "scope"), Scope::SCORE.as_str());
}

#[test]
fn short_rsa_keys_are_refused() {
    // AGS-SEC-03
    assert!(matches!(SigningKey::generate_rsa(1024), Err(KeyError::RsaSize { bits: 1024, .. })));
    // 1024 bits: 128 octets of ones.
    let short = format!(r#"{{"kty":"RSA","n":"{}w","e":"AQAB","kid":"short"}}"#, "_".repeat(170));
    let short: Jwk = serde_json::from_str(&short).unwrap();
    assert!(matches!(common::key().with_public_jwk(short), Err(KeyError::RsaTooShort { bits: 1024, .. })));
}

#[test]
fn the_published_set_has_what_platforms_look_for_and_nothing_private() {
    // AGS-SEC-04, AGS-SEC-05
    let set = serde_json::to_value(published(&[&RSA])).unwrap();
    let [key] = set["keys"].as_array().unwrap().as_slice() else { panic!("{set}") };
    let names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
    assert_eq!((&key["kid"], &key["e"]), (&json!("k-2026-01"), &json!("AQAB")));
    assert!(!set.to_string().contains('='));

    let pem = RSA.to_pkcs8_pem().unwrap();
    let secret = pem.as_str().lines().nth(5).unwrap().to_owned();
    let registration = registration();
    for shown in [format!("{:?}", *RSA), format!("{registration:?}"), format!("{pem:?}"), set.to_string()] {
        assert!(!shown.contains(&secret), "{shown}");
    }
}

#[test]
fn a_new_key_has_a_new_id_and_both_are_published_for_a_while() {
    // AGS-SEC-06
    let new = SigningKey::generate_rsa(2048).unwrap();
    let mut set = published(&[&RSA]);
    let reused = new.clone().with_key_id("k-2026-01");
    assert!(matches!(set.add(&reused), Err(KeyError::DuplicateKeyId { .. })));
    let new = new.with_key_id("k-2026-02");
    set.add(&new).unwrap();

    for key in [&*RSA, &new] {
        let registration = Registration::new("tool-7f3a", TOKEN_ENDPOINT, key.clone()).unwrap();
        let mut tool = tool(registration);
        tool.call(post()).unwrap();
        let (header, _) = verified(&set, &tool.form_value(0, "client_assertion"));
        assert_eq!(header["kid"], key.key_id());
    }
}

#[test]
fn each_registration_signs_with_the_key_of_its_own() {
    // AGS-SEC-07
    let other = SigningKey::generate_rsa(2048).unwrap().with_key_id("k-canvas");
    let ids = [RSA.clone(), other].map(|key| {
        let mut tool = tool(Registration::new("tool-7f3a", TOKEN_ENDPOINT, key.clone()).unwrap());
        tool.call(post()).unwrap();
        verified(&published(&[&key]), &tool.form_value(0, "client_assertion")).0["kid"].clone()
    });
    assert_eq!(ids, ["k-2026-01", "k-canvas"]);
}

#[test]
fn a_key_that_fails_to_sign_sends_nothing() {
    struct Away;
    impl lti_ags::Signer for Away {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
            Err("the KMS is away".into())
        }
    }
    let key = SigningKey::external(Algorithm::Rs256, "k", Away);
    let mut tool = tool(Registration::new("tool-7f3a", TOKEN_ENDPOINT, key).unwrap());
    let error = tool.call(post()).unwrap_err();
    assert_eq!((error.kind(), tool.counts()), (ErrorKind::InvalidKey, (0, 0)));
    assert!(common::shown(&error).contains("the KMS is away"), "{error:?}");
}

#[test]
fn authorizing_asks_for_a_token_and_tells_what_was_granted() {
    // AGS-TOKRES-03
    let mut tool = tool(registration());
    let step = tool.session.authorize(&tool.endpoint, tool.now);
    let grant = tool.drive(step).unwrap();
    assert_eq!((grant.scopes, tool.counts()), (Scopes::ags(), (1, 0)));
    tool.answers.push_back(answer(204, ""));
    tool.call(post()).unwrap();
    assert_eq!(tool.counts(), (1, 1));
}
