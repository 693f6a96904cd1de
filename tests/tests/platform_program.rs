//! The program `ags-platform`: what it prints, what it writes, and how it ends.
#![cfg(all(feature = "cli", unix))]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

struct Program {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    introduction: String,
}

impl Program {
    /// Starts it and reads up to the empty line after the introduction.
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ags-platform"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut introduction = String::new();
        while !introduction.ends_with("\n\n") {
            assert!(out.read_line(&mut introduction).unwrap() > 0, "{introduction}");
        }
        Self { child, out, introduction }
    }

    fn value(&self, name: &str) -> &str {
        self.introduction.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim()
    }

    fn send(&self, request: &str) {
        let address = self.value("platform ").strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }

    /// Ends its input; the rest of its output and its exit code.
    fn end(mut self) -> (String, i32) {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code().unwrap())
    }
}

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn it_writes_all_a_tool_needs() {
    let folder = Folder(std::env::temp_dir().join(format!("ags-platform-{}", std::process::id())));
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(folder.0.join("tool.pem"), "an old one, for everyone to read").unwrap();
    let program = Program::start(&["--write", folder.0.to_str().unwrap(), "--user-id", "u-1002"]);
    let read = |name: &str| fs::read_to_string(folder.0.join(name)).unwrap();

    let configuration: toml::Table = toml::from_str(&read("ags.toml")).unwrap();
    let (registration, endpoint) = (&configuration["registration"], &configuration["endpoint"]);
    assert_eq!(registration["token_endpoint"].as_str(), Some(program.value("token endpoint")));
    assert_eq!(registration["client_id"].as_str(), Some(program.value("client id")));
    assert_eq!(registration["key_id"].as_str(), Some(program.value("key id")));
    assert_eq!(registration["private_key_file"].as_str(), Some("tool.pem"));
    assert_eq!(endpoint["lineitem"].as_str(), Some(program.value("line item ")));
    assert_eq!(endpoint["scope"].as_array().unwrap().len(), 4);
    assert!(read("tool.pem").starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let mode = fs::metadata(folder.0.join("tool.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let claims: Value = serde_json::from_str(&read("claims.json")).unwrap();
    assert_eq!(
        (claims["aud"].as_str(), claims["sub"].as_str()),
        (Some(program.value("client id")), Some("u-1002"))
    );

    let (rest, code) = program.end();
    assert_eq!((rest.as_str(), code), ("\ngradebook: 0 results\nviolations: 0\n", 0));
}

#[test]
fn it_logs_exchanges_and_fails_when_a_rule_was_broken() {
    let program = Program::start(&[]);
    program.send("GET /nowhere?secret=1");
    program.send("GET /lineitems/li-1/scores");
    let (rest, code) = program.end();
    assert_eq!(code, 1);
    assert!(rest.starts_with("GET /nowhere 404 refused: there is nothing at this URL\n"), "{rest}");
    assert!(rest.contains("AGS-SCORE-19 in exchange 2"), "{rest}");
}

#[test]
fn it_behaves_like_other_platforms() {
    let program = Program::start(&["--as", "brightspace"]);
    assert!(program.value("line items").contains("/d2l/api/lti/ags/2.0/deployment/"));
    assert_eq!(program.value("audience"), "https://api.brightspace.com/auth/token");
    assert_eq!(program.end().1, 0);
}

#[test]
fn it_ends_when_its_time_is_over() {
    let mut program = Program::start(&["--for", "0"]);
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn faults_and_throttling_are_turned_on_by_flags() {
    let program = Program::start(&["--faults", "17", "--throttle", "100,1.5,20"]);
    assert!(
        program.value("faults ").starts_with("seed 17: 3% of all requests: reset"),
        "{}",
        program.introduction
    );
    let (out, _) = program.end();
    assert!(out.contains("violations: 0"), "{out}");

    let throttled = Program::start(&["--throttle", "0"]);
    throttled.send("GET /lineitems");
    let (out, _) = throttled.end();
    assert!(out.contains("GET /lineitems 403 throttled"), "{out}");

    for wrong in ["", "a", "1,2,3,4", "-1", "NaN"] {
        let output = Command::new(env!("CARGO_BIN_EXE_ags-platform"))
            .arg(format!("--throttle={wrong}"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}
