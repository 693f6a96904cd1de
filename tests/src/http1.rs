//! HTTP/1.1 on one connection, both ways (RFC 9112): reads what clients send, and writes any bytes at all, also those
//! no HTTP library would.

use std::io::{self, Read, Write};

use http::{HeaderName, HeaderValue, Method, Request, Uri, header};

use crate::ledger::RawHead;
use crate::reply::{Delivery, Reply};

const LARGEST_HEAD: usize = 64 << 10;
const LARGEST_BODY: usize = 64 << 20;
const MOST_HEADERS: usize = 100;

/// Why no request could be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The connection is gone.
    Io,
    /// It is not HTTP; answered with this status.
    Malformed(u16),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

/// A request, and whether the client is ready for another one after it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) request: Request<Vec<u8>>,
    pub(crate) keep_alive: bool,
}

struct Head {
    request: Request<Vec<u8>>,
    keep_alive: bool,
    size: usize,
}

/// What has come in on a connection and is not used up yet.
#[derive(Debug)]
pub(crate) struct Reader<S> {
    stream: S,
    number: u64,
    buffer: Vec<u8>,
}

impl<S: Read + Write> Reader<S> {
    pub(crate) fn new(stream: S, number: u64) -> Self {
        Self { stream, number, buffer: Vec::new() }
    }

    /// The next request; `None` when the client has closed the connection between two.
    pub(crate) fn next(&mut self) -> Result<Option<Received>, ReadError> {
        let Head { mut request, keep_alive, size } = loop {
            if let Some(head) = parse_head(&self.buffer, self.number)? {
                break head;
            }
            if self.buffer.len() > LARGEST_HEAD {
                return Err(ReadError::Malformed(431));
            }
            if !self.fill()? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(ReadError::Malformed(400)) };
            }
        };
        self.buffer.drain(..size);
        let length = body_length(&request)?;
        if request.headers().get(header::EXPECT).is_some_and(|value| value == "100-continue") {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        *request.body_mut() = match length {
            Some(length) => self.take(length)?,
            None => self.chunks()?,
        };
        Ok(Some(Received { request, keep_alive }))
    }

    /// Waits until the client has closed the connection.
    pub(crate) fn end(&mut self) {
        while self.fill().unwrap_or(false) {
            self.buffer.clear();
        }
    }

    /// More bytes; false at the end of the stream.
    fn fill(&mut self) -> Result<bool, ReadError> {
        let mut chunk = [0; 16 << 10];
        let read = self.stream.read(&mut chunk)?;
        self.buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        Ok(read > 0)
    }

    /// Exactly so many bytes.
    fn take(&mut self, length: usize) -> Result<Vec<u8>, ReadError> {
        if length > LARGEST_BODY {
            return Err(ReadError::Malformed(413));
        }
        while self.buffer.len() < length {
            if !self.fill()? {
                return Err(ReadError::Io);
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// A chunked body (RFC 9112 §7.1); extensions and trailers are dropped.
    fn chunks(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(|byte| *byte == b';').next().and_then(|text| str::from_utf8(text).ok());
            let size = size.and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
            let size = size.ok_or(ReadError::Malformed(400))?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            if size > LARGEST_BODY - body.len() {
                return Err(ReadError::Malformed(413));
            }
            body.extend(self.take(size)?);
            if !self.line()?.is_empty() {
                return Err(ReadError::Malformed(400));
            }
        }
    }

    fn line(&mut self) -> Result<Vec<u8>, ReadError> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.drain(..end).collect();
                self.buffer.drain(..2);
                return Ok(line);
            }
            if self.buffer.len() > LARGEST_HEAD || !self.fill()? {
                return Err(ReadError::Malformed(400));
            }
        }
    }
}

fn parse_head(bytes: &[u8], connection: u64) -> Result<Option<Head>, ReadError> {
    const MALFORMED: ReadError = ReadError::Malformed(400);
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let size = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(MALFORMED),
    };
    let target = parsed.path.unwrap_or_default();
    let mut request = Request::new(Vec::new());
    *request.method_mut() = Method::try_from(parsed.method.unwrap_or_default()).map_err(|_| MALFORMED)?;
    *request.uri_mut() = Uri::try_from(target).map_err(|_| MALFORMED)?;
    let mut raw = RawHead { connection, target: target.as_bytes().to_vec(), headers: Vec::new() };
    for field in parsed.headers.iter() {
        let name = HeaderName::try_from(field.name).map_err(|_| MALFORMED)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| MALFORMED)?;
        request.headers_mut().append(name, value);
        raw.headers.push((field.name.as_bytes().to_vec(), field.value.to_vec()));
    }
    // RFC 9112 §3.2: exactly one Host from HTTP/1.1 on.
    let modern = parsed.version == Some(1);
    if modern && request.headers().get_all(header::HOST).iter().count() != 1 {
        return Err(MALFORMED);
    }
    let keep_alive = modern && !has_token(&request, &header::CONNECTION, "close");
    request.extensions_mut().insert(raw);
    Ok(Some(Head { request, keep_alive, size }))
}

/// The body's length; `None` if it is chunked (RFC 9112 §6.3).
fn body_length(request: &Request<Vec<u8>>) -> Result<Option<usize>, ReadError> {
    let lengths: Vec<_> = request.headers().get_all(header::CONTENT_LENGTH).iter().collect();
    let chunked = has_token(request, &header::TRANSFER_ENCODING, "chunked");
    match (chunked, lengths.as_slice()) {
        (true, []) => Ok(None),
        (false, []) if !request.headers().contains_key(header::TRANSFER_ENCODING) => Ok(Some(0)),
        (false, [length]) => {
            let length = length.to_str().ok().and_then(|text| text.parse().ok());
            length.map(Some).ok_or(ReadError::Malformed(400))
        }
        _ => Err(ReadError::Malformed(400)),
    }
}

fn has_token(request: &Request<Vec<u8>>, name: &HeaderName, token: &str) -> bool {
    let values = request.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|given| given.trim().eq_ignore_ascii_case(token))
}

/// The bytes of a reply, in one piece so that they leave in one write.
pub(crate) fn encode(reply: &Reply) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + reply.body.len());
    out.extend_from_slice(format!("HTTP/1.1 {} ", reply.status).as_bytes());
    out.extend_from_slice(&reply.reason);
    out.extend_from_slice(b"\r\n");
    for (name, value) in &reply.headers {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    let has = |wanted: &str| reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    // RFC 9110 §8.6: none with 1xx and 204; a 304 would describe another body.
    let bodiless = matches!(reply.status, 100..=199 | 204 | 304) && reply.delivery != Delivery::WrongLength;
    if !bodiless && !has("Content-Length") && !has("Transfer-Encoding") {
        out.extend_from_slice(format!("Content-Length: {}\r\n", reply.announced().len()).as_bytes());
    }
    if reply.delivery == Delivery::SendAndClose && !has("Connection") {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&reply.body);
    match reply.delivery {
        Delivery::WrongLength if reply.body.is_empty() => out.push(b'0'),
        Delivery::Truncate => drop(out.pop()),
        _ => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(text: &str) -> Reader<Cursor<Vec<u8>>> {
        Reader::new(Cursor::new(text.as_bytes().to_vec()), 1)
    }

    #[test]
    fn requests_follow_one_another_on_a_connection() {
        let mut reader = read(
            "POST /a?b HTTP/1.1\r\nHost: x\r\nX-Odd: \u{fc}\r\nContent-Length: 3\r\n\r\nabc\
             GET /c HTTP/1.1\r\nhost: x\r\nConnection: Close\r\n\r\n",
        );
        let first = reader.next().unwrap().unwrap();
        assert!(first.keep_alive);
        assert_eq!(
            (first.request.uri().to_string().as_str(), first.request.body().as_slice()),
            ("/a?b", &b"abc"[..])
        );
        let head = first.request.extensions().get::<RawHead>().unwrap();
        assert_eq!(head.headers[1], (b"X-Odd".to_vec(), "\u{fc}".as_bytes().to_vec()));
        let second = reader.next().unwrap().unwrap();
        assert!(!second.keep_alive);
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn chunked_bodies_are_put_together() {
        let mut reader = read(
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
             3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n",
        );
        assert_eq!(reader.next().unwrap().unwrap().request.body(), b"abc0123456789");
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for text in [
            "POST / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "nonsense\r\n\r\n",
            "GET / HT",
        ] {
            assert!(matches!(read(text).next(), Err(ReadError::Malformed(400))), "{text}");
        }
    }

    #[test]
    fn a_reply_may_hold_any_bytes_and_says_its_length_unless_told_otherwise() {
        let mut reply = Reply::new(400).header("Link", b"\xe2\x80\x9c");
        reply.reason = "Schön".into();
        assert_eq!(encode(&reply), "HTTP/1.1 400 Schön\r\nLink: “\r\nContent-Length: 0\r\n\r\n".as_bytes());
        let reply = Reply::new(200).header("content-length", "9");
        assert_eq!(encode(&reply), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
        assert_eq!(encode(&Reply::new(204)), b"HTTP/1.1 204 No Content\r\n\r\n");
    }
}
