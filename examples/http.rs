//! As much HTTP as a local site and those who fetch its pages need. It works on any stream, so on one with TLS, too.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};

/// Answers one request with what `page` gives for its path, or with 404.
///
/// # Errors
/// The stream's.
pub fn answer(stream: impl Read + Write, page: impl FnOnce(&str) -> Option<Vec<u8>>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let first = head(&mut stream)?.swap_remove(0);
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match page(path) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    let stream = stream.get_mut();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)?;
    stream.flush()
}

/// Asks for a page. The body, if the status is 200.
///
/// # Errors
/// The stream's; InvalidData with the status line, if that is another.
pub fn get(mut stream: impl Read + Write, path: &str) -> Result<Vec<u8>> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    stream.flush()?;
    let mut stream = BufReader::new(stream);
    let head = head(&mut stream)?;
    if head[0].split(' ').nth(1) != Some("200") {
        return Err(Error::new(ErrorKind::InvalidData, head[0].clone()));
    }
    let length = head.iter().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
    let mut body = vec![0; length.ok_or_else(|| Error::new(ErrorKind::InvalidData, "no Content-Length"))?];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// The lines up to the empty one; at least one.
fn head(stream: &mut impl BufRead) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end() {
            "" if lines.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
            "" => return Ok(lines),
            line => lines.push(line.to_owned()),
        }
    }
}
