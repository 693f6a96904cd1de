//! `ags keygen` and `ags jwks`.

use std::fs;

use lti_ags_ureq::SigningKey;
use serde_json::json;

use crate::server::Server;
use crate::tool::{KEY, Tool, registration};

const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

#[test]
fn a_new_key_is_for_its_owner_alone_and_works() {
    let tool = Tool::bare();
    let ran = tool.run(&["keygen", "--out", "new.pem", "--json"]);
    let told = ran.json();
    assert_eq!(told["private_key_file"], "new.pem");
    assert_eq!(told.as_object().unwrap().len(), 2);
    let pem = fs::read_to_string(tool.path("new.pem")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(tool.path("new.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let key = SigningKey::from_pem(&pem).unwrap();
    assert_eq!(told["key_id"], key.public_jwk().unwrap().thumbprint().unwrap());
    for line in pem.lines().filter(|line| !line.starts_with('-')) {
        ran.assert_hides(&[line]);
    }

    // The pair is accepted where it is configured.
    let server = Server::willing();
    tool.write("ags.toml", &registration(&server).replace("tool.pem", "new.pem"));
    tool.run(&["token", "--json"]).json();
}

#[test]
fn a_key_gets_the_id_that_it_is_given_and_people_are_told_what_to_configure() {
    let tool = Tool::bare();
    let told = tool.run(&["keygen", "--out", "a.pem", "--key-id", "k-2026-02", "--json"]).json();
    assert_eq!(told["key_id"], "k-2026-02");
    let ran = tool.run(&["keygen", "--out", "b.pem", "--key-id", "k-2026-03"]);
    assert!(ran.stdout.contains("key_id = \"k-2026-03\"") && ran.stdout.contains("b.pem"), "{ran:?}");
}

#[test]
fn nothing_is_overwritten() {
    let tool = Tool::bare();
    tool.write("there.pem", "precious");
    tool.run(&["keygen", "--out", "there.pem", "--json"]).assert_failed(2, "usage");
    assert_eq!(fs::read_to_string(tool.path("there.pem")).unwrap(), "precious");
    tool.run(&["keygen", "--out", "nowhere/new.pem", "--json"]).assert_failed(2, "usage");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(tool.path("target.pem"), tool.path("link.pem")).unwrap();
        tool.run(&["keygen", "--out", "link.pem", "--json"]).assert_failed(2, "usage");
        assert!(!tool.path("target.pem").exists());
    }
}

#[test]
fn neither_command_needs_a_configuration() {
    let tool = Tool::bare();
    tool.write("bad.toml", "this is not TOML");
    tool.run(&["keygen", "--out", "new.pem", "--config", "bad.toml", "--claims", "none.json", "--json"])
        .json();
    tool.run(&["jwks", "new.pem", "--config", "none.toml", "--json"]).json();
}

#[test]
fn a_key_set_holds_the_public_halves_and_no_private_member() {
    let tool = Tool::bare();
    tool.write("a.pem", &KEY);
    tool.write("b.pem", SigningKey::generate_p256().unwrap().to_pkcs8_pem().unwrap().as_str());
    let ran = tool.run(&["jwks", "a.pem", "b.pem", "--json"]);
    let set = ran.json();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!((keys.len(), set.as_object().unwrap().len()), (2, 1));
    for (key, (kind, algorithm)) in keys.iter().zip([("RSA", "RS256"), ("EC", "ES256")]) {
        assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!(kind), &json!(algorithm), &json!("sig")));
        for member in PRIVATE_MEMBERS {
            assert!(key.get(member).is_none(), "{member}");
        }
    }
    let thumbprint = SigningKey::from_pem(&*KEY).unwrap().public_jwk().unwrap().thumbprint().unwrap();
    assert_eq!(keys[0]["kid"], thumbprint);
    for line in KEY.lines().filter(|line| !line.starts_with('-')) {
        ran.assert_hides(&[line]);
    }
    // People get the same, laid out.
    let people = tool.run(&["jwks", "a.pem", "b.pem"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&people.stdout).unwrap(), set);
}

#[test]
fn one_file_can_be_given_an_id_and_the_same_key_counts_once() {
    let tool = Tool::bare();
    tool.write("a.pem", &KEY);
    tool.write("copy.pem", &KEY);
    assert_eq!(tool.run(&["jwks", "a.pem", "--key-id", "k-1", "--json"]).json()["keys"][0]["kid"], "k-1");
    let set = tool.run(&["jwks", "a.pem", "copy.pem", "--json"]).json();
    assert_eq!(set["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn a_file_that_is_no_private_key_is_a_bad_input_file() {
    let tool = Tool::bare();
    tool.write("a.pem", &KEY);
    tool.write("text.pem", "hello");
    tool.write("public.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    for file in ["none.pem", "text.pem", "public.pem", "."] {
        let ran = tool.run(&["jwks", "a.pem", file, "--json"]);
        ran.assert_failed(2, "input_file");
        assert!(ran.error()["message"].as_str().unwrap().contains(file), "{ran:?}");
    }
}
