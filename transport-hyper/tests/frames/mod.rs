//! As much of HTTP/2 (RFC 9113) as a server needs that does little, or nothing right.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use lti_ags_hyper::rustls::pki_types::PrivateKeyDer;
use lti_ags_hyper::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_rustls::TlsAcceptor;

/// A frame of HTTP/2 (RFC 9113 §4.1).
pub(crate) fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, 0], &stream.to_be_bytes(), payload].concat()
}

/// The same frame with these flags.
pub(crate) fn marked(flags: u8, mut frame: Vec<u8>) -> Vec<u8> {
    frame[4] = flags;
    frame
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;

pub(crate) fn goaway(last_stream: u32, reason: u32) -> Vec<u8> {
    frame(GOAWAY, 0, &[last_stream.to_be_bytes(), reason.to_be_bytes()].concat())
}

/// Reads a client's greeting and frames until its first request has come.
pub(crate) async fn await_request(socket: &mut (impl AsyncRead + Unpin)) {
    let mut preface = [0; 24];
    socket.read_exact(&mut preface).await.unwrap();
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        socket.read_exact(&mut payload).await.unwrap();
        if head[3] == HEADERS {
            return;
        }
    }
}

/// The answer 200, without a body, to the first request of a connection.
pub(crate) fn ok() -> Vec<u8> {
    // END_STREAM and END_HEADERS; `:status 200` is entry 8 of the static table (RFC 7541, appendix A).
    marked(0x05, frame(HEADERS, 1, &[0x88]))
}

/// A server's side with a certificate of its own making, and a client's that trusts it.
pub(crate) fn tls() -> (TlsAcceptor, ClientConfig) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let trusting = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut serving = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![made.cert.der().clone()],
            PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    serving.alpn_protocols = vec![b"h2".to_vec()];
    (TlsAcceptor::from(Arc::new(serving)), trusting)
}
