//! Certificates are checked, and there is no switch to leave it (Security Framework, "Transport Security").

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use common::{Limits, Tool, impatient};
use lti_ags::{Endpoint, ErrorKind, PostScore, Registration, Score, SigningKey};
use rustls::{ServerConfig, ServerConnection, Stream, SupportedProtocolVersion};

scenarios! { a_certificate_that_nobody_vouches_for_is_refused, old_tls_is_not_spoken }

/// A server that speaks TLS with a certificate of its own making, to one caller.
fn serve(versions: &[&'static SupportedProtocolVersion]) -> (String, JoinHandle<bool>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let served = std::thread::spawn(move || {
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        let (mut socket, _) = listener.accept().unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        let request = stream.read(&mut [0; 1024]).is_ok_and(|length| length > 0);
        let _ = stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
        request
    });
    (url, served)
}

fn post_to<T: Tool>(url: &str) -> lti_ags::Error {
    let key = SigningKey::generate_p256().unwrap();
    let registration = Registration::new("tool-7f3a", &format!("{url}/token"), key).unwrap();
    let endpoint = Endpoint::for_line_item(format!("{url}/lineitems/1")).unwrap();
    let mut policy = impatient();
    policy.max_attempts = 1;
    let tool = T::assemble(registration, policy, Limits::default());
    let score = Score::graded("u-1001", 1.0, 1.0).build().unwrap();
    tool.call(&endpoint, PostScore::new(score)).unwrap_err()
}

// AGS-SEC-01, AGS-CERT-07
fn a_certificate_that_nobody_vouches_for_is_refused<T: Tool>() {
    let (url, served) = serve(rustls::ALL_VERSIONS);
    let error = post_to::<T>(&url);
    assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
    assert!(!served.join().unwrap(), "no request was sent");
}

// AGS-SEC-01
fn old_tls_is_not_spoken<T: Tool>() {
    // A server that answers the greeting with an alert: it speaks only what is too old.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let served = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut greeting = [0; 5];
        socket.read_exact(&mut greeting).unwrap();
        // Alert, fatal, protocol_version (RFC 8446 §6).
        socket.write_all(&[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]).unwrap();
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest);
    });
    let error = post_to::<T>(&url);
    assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
    served.join().unwrap();
}
