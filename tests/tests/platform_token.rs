//! The token endpoint, met by good and bad assertions over real HTTP.

mod support;

use std::net::TcpListener;
use std::time::Duration;

use lti_ags_testing::{Personality, Platform, ScopePolicy, ToolKey, TrustedKeys, names};
use serde_json::{Value, json};
use support::{Connection, TokenRequest, builder, form, platform, rules};

#[test]
fn a_right_assertion_gets_a_token_for_the_scopes_asked() {
    let platform = platform();
    let mut request = TokenRequest::new(&platform, "a");
    request.scope = format!("{} {}", names::SCOPE_SCORE, names::SCOPE_LINE_ITEM);
    let answer = request.send(&platform);
    assert_eq!((answer.status, answer.header("cache-control").as_deref()), (200, Some("no-store")));
    let token = answer.json();
    assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(token["scope"], format!("{} {}", names::SCOPE_LINE_ITEM, names::SCOPE_SCORE));
    platform.assert_no_violations();
    assert_eq!(platform.ledger().token_requests().len(), 1);
}

#[test]
fn every_algorithm_is_verified_by_the_key_it_belongs_to() {
    let rsa = ToolKey::shared();
    let (p256, p384) = (ToolKey::p256("e1").unwrap(), ToolKey::p384("e2").unwrap());
    let mut rsa_jwk = rsa.public_jwk().clone();
    rsa_jwk.as_object_mut().unwrap().remove("alg");
    let keys = json!({ "keys": [rsa_jwk, p256.public_jwk(), p384.public_jwk()] });
    let platform = builder().trust(TrustedKeys::jwks(keys)).start();
    for (key, algorithm) in [
        (rsa, "RS256"),
        (rsa, "RS384"),
        (rsa, "RS512"),
        (rsa, "PS256"),
        (rsa, "PS384"),
        (rsa, "PS512"),
        (&p256, "ES256"),
        (&p384, "ES384"),
    ] {
        let mut request = TokenRequest::new(&platform, algorithm);
        request.key = key.clone();
        request.header = json!({ "typ": "JWT", "alg": algorithm, "kid": key.id() });
        assert_eq!(request.send(&platform).status, 200, "{algorithm}");
    }
    platform.assert_no_violations();
}

/// Changes one thing about a right request.
type Change = fn(&mut TokenRequest);

#[test]
fn each_fault_of_a_token_request_is_named() {
    const DEPLOYMENT: &str = "https://purl.imsglobal.org/spec/lti/claim/deployment_id";
    let cases: &[(&str, &str, u16, Change)] = &[
        ("wrong key", "AGS-TOKREQ-09", 400, |r| r.key = ToolKey::rsa("tool-key-1").unwrap()),
        ("unknown kid", "AGS-TOKREQ-09", 400, |r| r.header["kid"] = "k-9".into()),
        ("no kid", "AGS-TOKREQ-09", 400, |r| r.header = json!({ "typ": "JWT", "alg": "RS256" })),
        ("no typ", "AGS-TOKREQ-09", 200, |r| r.header["typ"] = Value::Null),
        ("jku", "AGS-TOKREQ-09", 200, |r| r.header["jku"] = "http://127.0.0.1/".into()),
        ("iss", "AGS-TOKREQ-04", 400, |r| r.claims["iss"] = "other".into()),
        ("sub", "AGS-TOKREQ-04", 400, |r| r.claims["sub"] = "other".into()),
        ("aud", "AGS-TOKREQ-05", 400, |r| r.claims["aud"] = "https://lms.test/token".into()),
        ("aud list", "AGS-TOKREQ-05", 400, |r| r.claims["aud"] = json!(["https://lms.test/token"])),
        ("iat text", "AGS-TOKREQ-06", 400, |r| r.claims["iat"] = "1772442000".into()),
        ("exp missing", "AGS-TOKREQ-06", 400, |r| r.claims["exp"] = Value::Null),
        ("iat fraction", "AGS-TOKREQ-06", 200, |r| r.claims["iat"] = json!(1_772_441_999.5)),
        ("iat ahead", "AGS-TOKREQ-06", 400, |r| r.claims["iat"] = json!(1_772_442_001)),
        ("exp far", "AGS-TOKREQ-06", 200, |r| r.claims["exp"] = json!(1_772_442_000 + 3601)),
        ("expired", "AGS-TOKREQ-07", 400, |r| r.claims["exp"] = json!(1_772_442_000)),
        ("jti", "AGS-TOKREQ-07", 400, |r| r.claims["jti"] = "".into()),
        ("deployment", "AGS-TOKREQ-08", 400, |r| r.claims[DEPLOYMENT] = "dep-43".into()),
        ("no scope", "AGS-TOKREQ-03", 400, |r| r.scope = "+".into()),
        ("secret", "AGS-TOKREQ-02", 400, |r| r.more = "&client_secret=s".into()),
        ("twice", "AGS-TOKREQ-01", 400, |r| r.more = "&grant_type=client_credentials".into()),
        ("client_id", "AGS-TOKREQ-12", 400, |r| r.more = "&client_id=other".into()),
        ("basic", "AGS-TOKREQ-02", 400, |r| r.http_headers += "Authorization: Basic eDp5\r\n"),
        ("type", "AGS-TOKREQ-01", 400, |r| {
            r.http_headers = "Content-Type: application/json\r\nAccept: application/json\r\n".into();
        }),
        ("accept", "AGS-TOKREQ-14", 200, |r| {
            r.http_headers = "Content-Type: application/x-www-form-urlencoded\r\n".into();
        }),
    ];
    for (name, rule, status, change) in cases {
        let platform = platform();
        let mut request = TokenRequest::new(&platform, "j");
        change(&mut request);
        let answer = request.send(&platform);
        assert_eq!((answer.status, rules(&platform)), (*status, vec![*rule]), "{name}");
        if *status != 200 {
            assert!(answer.json()["error"].is_string(), "{name}");
        }
    }
}

#[test]
fn an_assertion_that_is_no_jwt_is_refused() {
    // AGS-TOKREQ-10
    let platform = platform();
    let request = TokenRequest::new(&platform, "j");
    let right = request.key.sign(&request.header, &request.claims).unwrap();
    for wrong in [format!("{right}="), format!("{right}.x"), "x".to_owned(), format!("%2B{right}")] {
        let body = form(&wrong, names::SCOPE_SCORE);
        let answer =
            Connection::open(&platform).send("POST", "/token", &request.http_headers, &body).unwrap();
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_client")));
    }
    assert_eq!(rules(&platform), ["AGS-TOKREQ-10"; 4]);
}

#[test]
fn an_assertion_counts_once() {
    // AGS-TOKREQ-07
    let platform = platform();
    let request = TokenRequest::new(&platform, "only");
    assert_eq!(request.send(&platform).status, 200);
    assert_eq!(request.send(&platform).status, 400);
    assert_eq!(rules(&platform), ["AGS-TOKREQ-07"]);
}

#[test]
fn a_missing_parameter_and_a_get_are_refused() {
    let platform = platform();
    let headers = "Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let answer = Connection::open(&platform).send("POST", "/token", headers, "grant_type=password").unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(Connection::open(&platform).send("GET", "/token", headers, "").unwrap().status, 405);
    assert!(rules(&platform).contains(&"AGS-TOKREQ-01"));
}

#[test]
fn scopes_are_granted_in_part_or_refused_as_the_policy_says() {
    let granted = |policy| {
        let platform = builder().scopes([names::SCOPE_SCORE]).scope_policy(policy).start();
        let answer = TokenRequest::new(&platform, "j").send(&platform);
        platform.assert_no_violations();
        (answer.status, answer.json())
    };
    let (status, body) = granted(ScopePolicy::GrantSubset);
    assert_eq!((status, body["scope"].as_str()), (200, Some(names::SCOPE_SCORE)));
    let (status, body) = granted(ScopePolicy::RefuseAll);
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_scope")));
}

#[test]
fn registrations_differ_in_audience_deployment_leeway_lifetime_and_url() {
    let platform = builder()
        .client_id("another")
        .deployment_id("dep-1")
        .require_deployment_id()
        .issuer("https://lms.test")
        .audience("https://lms.test/core")
        .iat_leeway(Duration::from_secs(5))
        .token_lifetime(Duration::from_secs(90))
        .token_endpoint_at("/oauth2/token?tenant=3")
        .start();
    let mut request = TokenRequest::new(&platform, "j");
    request.claims["aud"] = json!(["x", "https://lms.test/core"]);
    request.claims["iat"] = json!(platform.now().as_second() + 5);
    assert_eq!(request.send(&platform).json()["expires_in"], 90);
    platform.assert_no_violations();
    request.claims["jti"] = "k".into();
    request.claims.as_object_mut().unwrap().retain(|name, _| !name.ends_with("deployment_id"));
    assert_eq!(request.send(&platform).status, 400);
    // AGS-TOKREQ-11
    let lost = Connection::open(&platform).send("POST", "/oauth2/token", &request.http_headers, "").unwrap();
    assert_eq!(lost.status, 400);
    assert!(rules(&platform).contains(&"AGS-TOKREQ-08") && rules(&platform).contains(&"AGS-TOKREQ-11"));
    assert_eq!(platform.issuer(), "https://lms.test");
}

#[test]
fn a_key_set_is_fetched_when_a_kid_is_unknown_and_then_kept() {
    let tool = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks?v=1", tool.local_addr().unwrap());
    let publisher = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = tool.accept().unwrap();
        let mut request = [0; 1024];
        let read = stream.read(&mut request).unwrap();
        let set = ToolKey::shared().jwks().to_string();
        stream
            .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{set}", set.len()).as_bytes())
            .unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let platform = builder().trust(TrustedKeys::url(url)).start();
    assert_eq!(TokenRequest::new(&platform, "a").send(&platform).status, 200);
    assert!(publisher.join().unwrap().starts_with("GET /jwks?v=1 "));
    // Nobody publishes any more.
    assert_eq!(TokenRequest::new(&platform, "b").send(&platform).status, 200);
    let mut unknown = TokenRequest::new(&platform, "c");
    unknown.header["kid"] = "k-2".into();
    assert_eq!(unknown.send(&platform).status, 400);
    assert_eq!(rules(&platform), ["AGS-TOKREQ-09"]);
}

#[test]
fn one_public_key_as_pem_needs_no_kid() {
    let pem = ToolKey::shared().public_key_pem();
    let platform: Platform = builder().trust(TrustedKeys::pem(pem).unwrap()).start();
    assert_eq!(TokenRequest::new(&platform, "a").send(&platform).status, 200);
    platform.assert_no_violations();
    let mut without = TokenRequest::new(&platform, "b");
    without.header = json!({ "typ": "JWT", "alg": "RS256" });
    assert_eq!(without.send(&platform).status, 200);
    assert_eq!(rules(&platform), ["AGS-TOKREQ-09"]);
    let stranger = ToolKey::p256("x").unwrap();
    assert!(TrustedKeys::pem(stranger.public_key_pem()).is_ok());
    assert!(TrustedKeys::pem("no key").is_err());
}

/// Whoever looks through all output of the tests for secrets must find these.
#[test]
#[expect(clippy::print_stdout, reason = "all output of the tests is looked through for secrets")]
fn what_must_not_be_shown_is_said_on_purpose() {
    for personality in [Personality::Spec, Personality::Moodle, Personality::Canvas] {
        let platform = builder().like(personality).start();
        println!("to be found: {}", support::token(&platform));
    }
}
