//! A form of parts (RFC 7578), whose files are read while they are sent.

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::fs::File;

use crate::error::Error;

/// A `multipart/form-data` body. Files are not held in memory, and are read anew if the request is sent again.
/// `Debug` does not show what is in the parts.
#[derive(Default)]
pub struct Multipart {
    parts: Vec<Part>,
    boundary: String,
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multipart").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

struct Part {
    head: String,
    content: Content,
}

enum Content {
    Bytes(Bytes),
    File(PathBuf),
}

/// A stretch of a body.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Bytes),
    File { file: File, length: u64 },
}

impl Multipart {
    /// A form without parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text field.
    pub fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.part(name, None, None, Content::Bytes(value.into().into()))
    }

    /// Adds a text field that says what it is, such as `application/json`.
    pub fn text_of_type(self, name: &str, media_type: &str, value: impl Into<String>) -> Self {
        self.part(name, None, Some(media_type), Content::Bytes(value.into().into()))
    }

    /// Adds a file whose content is in memory. The media type is one such as `image/jpeg`.
    pub fn bytes(self, name: &str, file_name: &str, media_type: &str, content: impl Into<Bytes>) -> Self {
        self.part(name, Some(file_name), Some(media_type), Content::Bytes(content.into()))
    }

    /// Adds a file from the file system under its own name. It must not change until the request is over.
    pub fn file(self, name: &str, path: impl Into<PathBuf>, media_type: &str) -> Self {
        let path = path.into();
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.file_named(name, path, &file_name, media_type)
    }

    /// As [`file`](Self::file), under another name than its own.
    pub fn file_named(self, name: &str, path: impl Into<PathBuf>, file_name: &str, media_type: &str) -> Self {
        self.part(name, Some(file_name), Some(media_type), Content::File(path.into()))
    }

    fn part(
        mut self,
        name: &str,
        file_name: Option<&str>,
        media_type: Option<&str>,
        content: Content,
    ) -> Self {
        let mut head = format!("Content-Disposition: form-data; name=\"{}\"", escape(name));
        if let Some(file_name) = file_name {
            head += &format!("; filename=\"{}\"", escape(file_name));
        }
        if let Some(media_type) = media_type {
            // What cannot stand in a header could end it.
            let safe = media_type.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
            head += "\r\nContent-Type: ";
            head += if safe { media_type } else { "application/octet-stream" };
        }
        self.parts.push(Part { head, content });
        self
    }

    /// Chooses the boundary: random, so that it occurs in no part.
    pub(super) fn seal(mut self) -> Result<Self, Error> {
        let mut random = [0_u8; 16];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| Error::Internal("the operating system gave no random bytes".into()))?;
        self.boundary = format!("{:032x}", u128::from_le_bytes(random));
        Ok(self)
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub(super) async fn pieces(&self) -> Result<Vec<Piece>, Error> {
        let mut pieces = Vec::with_capacity(3 * self.parts.len() + 1);
        for part in &self.parts {
            let head = format!("--{}\r\n{}\r\n\r\n", self.boundary, part.head);
            pieces.push(Piece::Bytes(head.into()));
            pieces.push(match &part.content {
                Content::Bytes(bytes) => Piece::Bytes(bytes.clone()),
                Content::File(path) => Piece::file(path).await?,
            });
            pieces.push(Piece::Bytes(Bytes::from_static(b"\r\n")));
        }
        pieces.push(Piece::Bytes(format!("--{}--\r\n", self.boundary).into()));
        Ok(pieces)
    }
}

/// The HTML standard, "multipart/form-data encoding algorithm": quotes and line ends are percent-encoded.
fn escape(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_are_written_as_the_rfc_says_and_names_cannot_break_out() {
        let form = Multipart::new()
            .text("a\"\r\nX: y", "1")
            .text_of_type("t", "application/json", "{}")
            .bytes("f", "x.bin", "image/png\r\nX: y", &b"\x00\xff"[..])
            .seal()
            .expect("random bytes");
        let mut written = Vec::new();
        for piece in form.pieces().await.expect("no files") {
            let Piece::Bytes(bytes) = piece else { panic!("no files") };
            written.extend_from_slice(&bytes);
        }
        let boundary = form.content_type().replace("multipart/form-data; boundary=", "");
        let mut expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"a%22%0D%0AX: y\"\r\n\r\n1\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"t\"\r\n\
             Content-Type: application/json\r\n\r\n{{}}\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        expected.extend_from_slice(b"\x00\xff");
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert_eq!(written, expected);
    }
}
