//! A Redis server of a test's own, on loopback and in a folder that goes with it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, ErrorKind, Write, stderr};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub struct Redis {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Redis {
    /// Starts one, or says loudly that there is none; in CI there must be one.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with further arguments.
    pub fn start_with(arguments: &[&str]) -> Option<Self> {
        if !is_installed() {
            return None;
        }
        // Another program may take the port that was free.
        let started = (0..10).find_map(|_| {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let folder = std::env::temp_dir().join(format!("lti-ags-redis-{port}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Some(Self { server: serve(&folder, port, arguments)?, folder, port })
        });
        Some(started.expect("redis-server starts on some port"))
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Ends it, as a power cut does.
    pub fn stop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again, on the same port, with nothing in it.
    pub fn restart(&mut self) {
        self.server = serve(&self.folder, self.port, &[]).unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether there is a server to start. Where there is none, it says so loudly; in CI it fails.
fn is_installed() -> bool {
    match Command::new("redis-server").arg("--version").output() {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound && std::env::var_os("CI").is_none() => {
            // Past the test harness, which would keep it to itself.
            let note =
                b"\n!!! NOT TESTED: there is no redis-server on the PATH (apt-get install redis-server)\n\n";
            let _ = stderr().write_all(note);
            false
        }
        Err(error) => panic!("redis-server does not start: {error} (apt-get install redis-server)"),
    }
}

/// The server, when it is ready; `None` where it ends before.
fn serve(folder: &Path, port: u16, arguments: &[&str]) -> Option<Child> {
    let port = port.to_string();
    let quiet = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", &port, "--dir"];
    let mut server = Command::new("redis-server")
        .args(quiet)
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains("Ready to accept connections"));
    if !ready {
        server.wait().unwrap();
        return None;
    }
    // What it says from now on is nobody's concern, but must not fill the pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Some(server)
}
