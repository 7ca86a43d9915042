//! Bodies: as bytes, from files, as forms, and in pieces in both directions.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use auth_session::{Error, Multipart, RequestBuilder, StreamingResponse};
use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::error::SessionFailure;
use crate::octets::Octets;

/// How many pieces may wait for the network. Whoever writes faster waits.
const PIECES_AHEAD: usize = 2;

/// What a request carries.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum RequestContent {
    Bytes {
        bytes: Octets,
    },
    /// A file, which is read while it is sent, and read anew if the request is sent again.
    File {
        path: String,
    },
    /// `multipart/form-data`.
    Form {
        parts: Vec<FormPart>,
    },
    /// What the app writes piece by piece. Such a request is never sent twice.
    Pieces {
        body: Arc<OutgoingBody>,
    },
}

/// A part of a form.
#[derive(uniffi::Enum)]
#[allow(missing_docs)]
pub enum FormPart {
    Text {
        name: String,
        value: String,
        media_type: Option<String>,
    },
    Bytes {
        name: String,
        file_name: String,
        media_type: String,
        content: Octets,
    },
    /// Under its own name, unless it gets another.
    File {
        name: String,
        path: String,
        file_name: Option<String>,
        media_type: String,
    },
}

impl RequestContent {
    pub(crate) fn add_to(self, builder: RequestBuilder) -> Result<RequestBuilder, Error> {
        Ok(match self {
            Self::Bytes { bytes } => builder.body(bytes.0),
            Self::File { path } => builder.body_from_file(path),
            Self::Form { parts } => builder.multipart(parts.into_iter().fold(Multipart::new(), add_part)),
            Self::Pieces { body } => builder.body_from_stream(body.take()?),
        })
    }
}

fn add_part(form: Multipart, part: FormPart) -> Multipart {
    match part {
        FormPart::Text { name, value, media_type: None } => form.text(&name, value),
        FormPart::Text { name, value, media_type: Some(media_type) } => {
            form.text_of_type(&name, &media_type, value)
        }
        FormPart::Bytes { name, file_name, media_type, content } => {
            form.bytes(&name, &file_name, &media_type, content.0)
        }
        FormPart::File { name, path, file_name: None, media_type } => form.file(&name, path, &media_type),
        FormPart::File { name, path, file_name: Some(file_name), media_type } => {
            form.file_named(&name, path, &file_name, &media_type)
        }
    }
}

/// A body that the app writes while it is sent. One that is let go of before it is [finished](Self::finish) breaks the
/// request off: half a body never looks like a whole one.
#[derive(uniffi::Object)]
pub struct OutgoingBody {
    sender: Mutex<Option<mpsc::Sender<Piece>>>,
    receiver: Mutex<Option<mpsc::Receiver<Piece>>>,
}

enum Piece {
    Bytes(Bytes),
    End,
}

#[uniffi::export]
impl OutgoingBody {
    /// A body for one request.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        Arc::new(Self { sender: Mutex::new(Some(sender)), receiver: Mutex::new(Some(receiver)) })
    }

    /// Adds a piece; waits until there is room for it. Fails with `cancelled` when nobody reads any more: the request
    /// is over, and says why.
    pub async fn write(&self, piece: Octets) -> Result<(), SessionFailure> {
        self.send(Piece::Bytes(piece.0)).await
    }

    /// The body is whole.
    pub async fn finish(&self) -> Result<(), SessionFailure> {
        let sent = self.send(Piece::End).await;
        // The request may not have begun yet, and will read what is there.
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        sent
    }

    /// Breaks the request off, or what waits to write if no request ever took the body.
    pub fn abandon(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl OutgoingBody {
    async fn send(&self, piece: Piece) -> Result<(), SessionFailure> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sender = sender.ok_or_else(|| Error::InvalidRequest("the body has ended already".to_owned()))?;
        sender.send(piece).await.map_err(|_| SessionFailure::cancelled())
    }

    fn take(&self) -> Result<Incoming, Error> {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        receiver
            .map(|receiver| Incoming { receiver, ended: false })
            .ok_or_else(|| Error::InvalidRequest("a body in pieces is for one request".to_owned()))
    }
}

/// What the app writes, as the core reads it.
struct Incoming {
    receiver: mpsc::Receiver<Piece>,
    ended: bool,
}

impl Stream for Incoming {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match ready!(self.receiver.poll_recv(context)) {
            Some(Piece::Bytes(bytes)) => Poll::Ready(Some(Ok(bytes))),
            Some(Piece::End) => {
                self.ended = true;
                Poll::Ready(None)
            }
            None => {
                self.ended = true;
                Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())))
            }
        }
    }
}

/// The body of an answer, which is read while it arrives. Letting go of it ends the transfer.
#[derive(uniffi::Object)]
pub struct IncomingBody {
    response: Arc<tokio::sync::Mutex<StreamingResponse>>,
    /// The read that is under way. A reader that gave up leaves it to the next one, so that no piece is lost.
    reading: tokio::sync::Mutex<Option<Reading>>,
    cancelled: watch::Sender<bool>,
}

/// The next piece, `None` at the end.
type Reading = JoinHandle<Result<Option<Octets>, SessionFailure>>;

impl IncomingBody {
    pub(crate) fn new(response: StreamingResponse) -> Self {
        Self {
            response: Arc::new(tokio::sync::Mutex::new(response)),
            reading: tokio::sync::Mutex::default(),
            cancelled: watch::Sender::new(false),
        }
    }

    fn read(&self) -> Result<Reading, Error> {
        let (response, mut cancelled) = (Arc::clone(&self.response), self.cancelled.subscribe());
        Ok(auth_session::runtime()?.spawn(async move {
            let mut response = response.lock().await;
            tokio::select! {
                biased;
                _ = cancelled.wait_for(|cancelled| *cancelled) => Err(SessionFailure::cancelled()),
                chunk = response.chunk() => Ok(chunk?.map(Octets)),
            }
        }))
    }
}

#[uniffi::export]
impl IncomingBody {
    /// The next piece; `None` at the end. For one reader.
    pub async fn next(&self) -> Result<Option<Octets>, SessionFailure> {
        let mut reading = self.reading.lock().await;
        if reading.is_none() {
            *reading = Some(self.read()?);
        }
        let Some(read) = reading.as_mut() else { return Ok(None) };
        let piece = read.await;
        *reading = None;
        piece.map_err(|_| Error::Internal("a call panicked".to_owned()))?
    }

    /// Ends the transfer: the reader gets `cancelled`.
    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn read(mut incoming: Incoming) -> Vec<io::Result<Bytes>> {
        let mut pieces = Vec::new();
        while let Some(piece) = poll_fn(|context| Pin::new(&mut incoming).poll_next(context)).await {
            pieces.push(piece);
        }
        pieces
    }

    #[tokio::test]
    async fn a_body_is_whole_only_if_it_was_finished() {
        for finished in [true, false] {
            let body = OutgoingBody::new();
            let incoming = body.take().expect("the first reader");
            body.write(Octets(Bytes::from_static(b"one"))).await.expect("there is room");
            if finished {
                body.finish().await.expect("there is room");
            } else {
                body.abandon();
            }
            let pieces = read(incoming).await;
            assert_eq!(pieces[0].as_deref().expect("a piece"), b"one");
            assert_eq!(
                (pieces.len(), pieces.iter().all(Result::is_ok)),
                (2 - usize::from(finished), finished)
            );
            assert!(body.write(Octets(Bytes::from_static(b"late"))).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_body_that_no_request_has_taken_can_be_finished_and_be_given_up() {
        let body = OutgoingBody::new();
        body.finish().await.expect("there is room");
        assert!(read(body.take().expect("the first reader")).await.is_empty());

        let body = OutgoingBody::new();
        let write = || body.write(Octets(Bytes::new()));
        for _ in 0..PIECES_AHEAD {
            write().await.expect("there is room");
        }
        let (waiting, ()) = tokio::join!(biased; write(), async { body.abandon() });
        assert!(waiting.is_err(), "nobody will ever read");
    }

    #[tokio::test]
    async fn who_writes_to_a_request_that_is_over_is_told_so() {
        let body = OutgoingBody::new();
        drop(body.take().expect("the first reader"));
        let SessionFailure::Failed { code, .. } =
            body.write(Octets(Bytes::new())).await.expect_err("nobody reads");
        assert_eq!(code, "cancelled");
        assert!(body.take().is_err(), "it is for one request");
    }
}
