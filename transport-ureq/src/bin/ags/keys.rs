//! `ags keygen` and `ags jwks`: a tool's key, and the public half that platforms fetch (Security Framework, "Key Set URL").

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use lti_ags_ureq::{JwkSet, KeyError, SigningKey};
use serde::Serialize;

use crate::args::{Global, Jwks, Keygen};
use crate::failure::{Failure, chain};
use crate::output::{self, Output};

/// The length of a new RSA key.
const BITS: usize = 2048;

pub(crate) fn generate(global: &Global, args: &Keygen) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Generated<'a> {
        private_key_file: &'a str,
        key_id: &'a str,
    }
    let shown = args.out.display().to_string();
    let refused = |error: &io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format_args!(
            "{shown} is there already, and a key is never overwritten; name another file"
        )),
        _ => Failure::usage(format_args!("{shown} cannot be made: {error}")),
    };
    // Before a key is made in vain; `write` sees to it that no file is overwritten.
    if args.out.symlink_metadata().is_ok() {
        return Err(refused(&io::ErrorKind::AlreadyExists.into()));
    }
    let key = SigningKey::generate_rsa(BITS).map_err(|error| Failure::input_file(chain(&error)))?;
    let key = identified(key, args.key_id.as_deref());
    let pem = key.to_pkcs8_pem().ok_or_else(|| Failure::input_file("the new key cannot be written"))?;
    write(&args.out, pem.as_str()).map_err(|error| refused(&error))?;

    let key_id = key.key_id();
    let flag = if args.key_id.is_some() { format!(" --key-id {key_id}") } else { String::new() };
    let words = format!(
        "A new RSA key of {BITS} bits is in {shown}. Configure it:\n  \
         private_key_file = {shown:?}\n  key_id = {key_id:?}\n\
         Platforms get its public half: ags jwks {shown}{flag}"
    );
    Output::new(global.json).tell(&Generated { private_key_file: &shown, key_id }, &words)
}

pub(crate) fn publish(global: &Global, args: &Jwks) -> Result<(), Failure> {
    if args.key_id.is_some() && args.files.len() > 1 {
        return Err(Failure::usage("--key-id names one key; give one file with it"));
    }
    let mut set = JwkSet::new();
    for file in &args.files {
        let key = identified(read(file)?, args.key_id.as_deref());
        // The same key again, in another file, is the same key.
        set.add(&key).map_err(|error| in_file(file, &error))?;
    }
    if global.json {
        return Output::new(true).tell(&set, "");
    }
    // For people too it is JSON: it is there to be published.
    let pretty = serde_json::to_string_pretty(&set).map_err(|error| Failure::output(&error.into()))?;
    output::write(&format!("{pretty}\n")).map(drop)
}

/// Reads a private key in PEM.
pub(crate) fn read(file: &Path) -> Result<SigningKey, Failure> {
    let pem = fs::read(file).map_err(|error| {
        Failure::input_file(format_args!("the private key in {} cannot be read: {error}", file.display()))
    })?;
    SigningKey::from_pem(pem).map_err(|error| in_file(file, &error))
}

fn in_file(file: &Path, error: &KeyError) -> Failure {
    Failure::input_file(format_args!("{}: {}", file.display(), chain(error)))
}

fn identified(key: SigningKey, key_id: Option<&str>) -> SigningKey {
    match key_id {
        Some(key_id) => key.with_key_id(key_id),
        None => key,
    }
}

/// Writes a file that was not there, for its owner alone; half a key is not left behind.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file: File = options.open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}
