//! A tool's folder with key and configuration, and the command run in it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use lti_ags_ureq::SigningKey;
use serde_json::Value;

use crate::server::Server;

/// A private key, made once per run of the tests.
pub(crate) static KEY: LazyLock<String> =
    LazyLock::new(|| SigningKey::generate_rsa(2048).unwrap().to_pkcs8_pem().unwrap().as_str().to_owned());

/// A folder of its own, removed in the end.
pub(crate) struct Tool {
    pub(crate) folder: PathBuf,
}

/// What a run of the command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Tool {
    /// A folder with nothing in it.
    pub(crate) fn bare() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("ags-cli-{}-{count}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    /// A tool registered on the server, with a line item there.
    pub(crate) fn at(server: &Server) -> Self {
        Self::with(server, "")
    }

    /// The same, with more lines of configuration.
    pub(crate) fn with(server: &Server, more: &str) -> Self {
        let endpoint = format!("[endpoint]\nlineitem = \"{}\"\n", server.url("/items/9"));
        Self::configured(server, &format!("{endpoint}{more}"))
    }

    /// A tool registered on the server, with a container of line items there, and a line item in it.
    pub(crate) fn in_course(server: &Server) -> Self {
        Self::in_course_with(server, "")
    }

    /// The same, with more lines of configuration.
    pub(crate) fn in_course_with(server: &Server, more: &str) -> Self {
        Self::with(server, &format!("lineitems = \"{}\"\n{more}", server.url("/items")))
    }

    /// A registration on the server, and these lines.
    pub(crate) fn configured(server: &Server, more: &str) -> Self {
        let tool = Self::bare();
        tool.write("tool.pem", &KEY);
        tool.write("ags.toml", &format!("{}{more}", registration(server)));
        tool
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Self::run_in(&self.folder, &[], arguments)
    }

    /// The command on its way, to be read from and killed.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_ags"))
            .args(arguments)
            .current_dir(&self.folder)
            .env_remove("AGS_CONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub(crate) fn run_in(folder: &Path, environment: &[(&str, &Path)], arguments: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_ags"))
            .args(arguments)
            .current_dir(folder)
            .env_remove("AGS_CONFIG")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        // For those who look through all output of the tests for secrets.
        println!("{stdout}{stderr}");
        Ran { code: output.status.code().unwrap(), stdout, stderr }
    }

    /// Posts 85 of 100 for u-1001, with these flags too.
    pub(crate) fn post(&self, flags: &[&str]) -> Ran {
        let post = ["scores", "post", "--user-id", "u-1001", "--score-given", "85", "--score-maximum", "100"];
        self.run(&[&post, flags].concat())
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Ran {
    /// The one JSON line of a success.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        assert!(self.stdout.ends_with('\n') && self.stdout.lines().count() == 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The JSON lines on stdout, of a success or of what came before a failure.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The error of a failure: the last line of stderr, with nothing on stdout.
    pub(crate) fn error(&self) -> Value {
        assert_eq!(self.stdout, "", "{self:?}");
        self.last_error()
    }

    /// The error of a failure: the last line of stderr, whatever came before it.
    pub(crate) fn last_error(&self) -> Value {
        assert_ne!(self.code, 0, "{self:?}");
        let line: Value = serde_json::from_str(self.stderr.lines().last().unwrap()).unwrap();
        let members: Vec<_> = line.as_object().unwrap().keys().collect();
        assert_eq!(members, ["error"]);
        line["error"].clone()
    }

    #[track_caller]
    pub(crate) fn assert_failed(&self, code: i32, kind: &str) {
        let error = self.error();
        assert_eq!((self.code, error["kind"].as_str()), (code, Some(kind)), "{self:?}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }

    #[track_caller]
    pub(crate) fn assert_hides(&self, secrets: &[&str]) {
        for secret in secrets {
            assert!(!self.stdout.contains(secret) && !self.stderr.contains(secret), "{secret} in {self:?}");
        }
    }
}

/// Sends a signal to this process, and to no other.
pub(crate) fn signal(name: &str, child: &Child) {
    let done = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status();
    assert!(done.unwrap().success());
}

/// The lines of a registration on the server.
pub(crate) fn registration(server: &Server) -> String {
    format!(
        "[registration]\nclient_id = \"tool-7f3a\"\ntoken_endpoint = \"{}\"\nprivate_key_file = \"tool.pem\"\n\
         key_id = \"k-2026-01\"\n",
        server.url("/token")
    )
}
