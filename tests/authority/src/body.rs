//! Bodies that are made while they are sent, so that their size costs the server nothing.

use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Frame;

const PIECE: usize = 64 * 1024;
static ZEROS: [u8; PIECE] = [0; PIECE];
static WHITE_SPACE: [u8; PIECE] = [b' '; PIECE];

/// White space of a length that is not announced.
pub(crate) struct Oversized {
    left: u64,
}

impl Oversized {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { left: bytes }
    }
}

impl HttpBody for Oversized {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(
            next_piece(&mut self.left)
                .map(|length| Ok(Frame::data(Bytes::from_static(&WHITE_SPACE[..length])))),
        )
    }
}

/// Zeros, compressed a thousand times smaller.
pub(crate) struct GzipBomb {
    left: u64,
    /// Taken when all is written.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl GzipBomb {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { left: bytes, encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())) }
    }

    fn next(&mut self) -> Option<Bytes> {
        while let Some(encoder) = &mut self.encoder {
            let Some(length) = next_piece(&mut self.left) else { break };
            encoder.write_all(&ZEROS[..length]).expect("memory takes everything");
            if !encoder.get_ref().is_empty() {
                return Some(std::mem::take(encoder.get_mut()).into());
            }
        }
        let rest = self.encoder.take()?.finish().expect("memory takes everything");
        Some(rest.into())
    }
}

impl HttpBody for GzipBomb {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|piece| Ok(Frame::data(piece))))
    }
}

fn next_piece(left: &mut u64) -> Option<usize> {
    let length = usize::try_from(*left).unwrap_or(PIECE).min(PIECE);
    *left -= length as u64;
    (length > 0).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_gzip_bomb_is_valid_gzip_of_the_size_that_was_asked_for() {
        const SIZE: usize = 1_000_001;
        let mut bomb = GzipBomb::new(SIZE as u64);
        let mut compressed = Vec::new();
        while let Some(piece) = bomb.next() {
            compressed.extend_from_slice(&piece);
        }
        assert!(compressed.len() < SIZE / 100, "{} bytes", compressed.len());
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut plain).expect("valid gzip");
        assert!(plain.len() == SIZE && plain.iter().all(|byte| *byte == 0));
    }
}
