//! What a request carries: bytes, a file, a form of parts, or a stream.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use super::multipart::{Multipart, Piece};
use crate::error::Error;
use crate::runtime::spawn;

/// How much of a file is read at once, and how much of a body goes out between two reports of progress.
const CHUNK_BYTES: usize = 64 << 10;
/// How many chunks of a file are read ahead of the network.
const CHUNKS_AHEAD: usize = 2;

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransferProgress {
    /// The bytes so far. When a request is sent again, they are counted from zero again.
    pub bytes: u64,
    /// How many there will be, where that is known.
    pub total: Option<u64>,
}

/// Is told how far a body has come. It is called on a thread of the library and must not block.
#[derive(Clone)]
pub(crate) struct Observer(Arc<dyn Fn(TransferProgress) + Send + Sync>);

impl Observer {
    pub(crate) fn new(observer: impl Fn(TransferProgress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observer))
    }

    pub(crate) fn tell(&self, bytes: u64, total: Option<u64>) {
        (self.0)(TransferProgress { bytes, total });
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The body of a request. Clones are the same body.
#[derive(Clone)]
pub(crate) enum RequestBody {
    Bytes(Bytes),
    File(Arc<Path>),
    Multipart(Arc<Multipart>),
    /// Can be sent once: what has been read from it is gone.
    Stream(Arc<Mutex<Option<ByteStream>>>),
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes(_) => "Bytes",
            Self::File(_) => "File",
            Self::Multipart(_) => "Multipart",
            Self::Stream(_) => "Stream",
        })
    }
}

impl RequestBody {
    pub(crate) fn stream(stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self::Stream(Arc::new(Mutex::new(Some(Box::pin(stream)))))
    }

    /// Whether it can be sent, or sent again.
    pub(crate) fn is_there(&self) -> bool {
        match self {
            Self::Bytes(_) | Self::File(_) | Self::Multipart(_) => true,
            Self::Stream(stream) => stream.lock().unwrap_or_else(PoisonError::into_inner).is_some(),
        }
    }

    /// Ready to be sent once. Files are opened here, so that one that is missing is told before anything is
    /// sent. Must be called on the library's runtime, which reads them.
    pub(crate) async fn open(&self, observer: Option<Observer>) -> Result<Opened, Error> {
        let source = match self {
            Self::Bytes(bytes) => {
                let most_at_once = if observer.is_some() { CHUNK_BYTES } else { usize::MAX };
                Source::Bytes { bytes: bytes.clone(), most_at_once }
            }
            Self::File(path) => read_ahead(vec![Piece::file(path).await?]).await?,
            Self::Multipart(form) => read_ahead(form.pieces().await?).await?,
            Self::Stream(stream) => {
                let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
                let stream =
                    stream.ok_or_else(|| Error::InvalidRequest("a stream can be sent once only".into()))?;
                Source::Stream(Mutex::new(stream))
            }
        };
        let total = source.len();
        let sending = Sending::default();
        let outgoing = Outgoing { source, sent: 0, total, observer, sending: sending.clone() };
        Ok(Opened { body: reqwest::Body::wrap(outgoing), sending })
    }
}

/// A body that is about to be sent.
pub(crate) struct Opened {
    pub(crate) body: reqwest::Body,
    pub(crate) sending: Sending,
}

/// What becomes of a body that is being sent.
#[derive(Clone, Default)]
pub(crate) struct Sending(Arc<SendingState>);

#[derive(Default)]
struct SendingState {
    begun: AtomicBool,
    failure: OnceLock<io::ErrorKind>,
}

impl Sending {
    /// Whether the connection has asked for the body, which it does after it has taken the head.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Why no more could be read of what was to be sent. The client that sends it calls this a failure of the connection,
    /// and such a request would be repeated for nothing.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.0.failure.get().copied().map(Error::File)
    }
}

enum Source {
    Bytes {
        bytes: Bytes,
        most_at_once: usize,
    },
    /// A stream need not be `Sync`, but a body must be; nobody contends for the lock.
    Stream(Mutex<ByteStream>),
    Chunks {
        receiver: mpsc::Receiver<io::Result<Bytes>>,
        length: u64,
    },
}

impl Source {
    fn len(&self) -> Option<u64> {
        match self {
            Self::Bytes { bytes, .. } => Some(bytes.len() as u64),
            Self::Stream(_) => None,
            Self::Chunks { length, .. } => Some(*length),
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match self {
            Self::Bytes { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes { bytes, most_at_once } => {
                Poll::Ready(Some(Ok(bytes.split_to(bytes.len().min(*most_at_once)))))
            }
            Self::Stream(stream) => {
                let stream = stream.get_mut().unwrap_or_else(PoisonError::into_inner);
                stream.as_mut().poll_next(context)
            }
            Self::Chunks { receiver, .. } => receiver.poll_recv(context),
        }
    }
}

/// A body on its way out.
struct Outgoing {
    source: Source,
    sent: u64,
    total: Option<u64>,
    observer: Option<Observer>,
    sending: Sending,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.sending.0.begun.store(true, Ordering::Relaxed);
        let chunk = match ready!(self.source.poll_next(context)) {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => {
                self.sending.0.failure.get_or_init(|| error.kind());
                return Poll::Ready(Some(Err(error)));
            }
            None => return Poll::Ready(None),
        };
        self.sent += chunk.len() as u64;
        if let Some(observer) = &self.observer {
            observer.tell(self.sent, self.total);
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    // Without it HTTP/2 would send an empty frame behind each body, and a GET with an empty body would have one.
    fn is_end_stream(&self) -> bool {
        self.total == Some(self.sent)
    }

    fn size_hint(&self) -> SizeHint {
        self.total
            .map_or_else(SizeHint::default, |total| SizeHint::with_exact(total.saturating_sub(self.sent)))
    }
}

/// Reads the pieces one after the other, a little ahead of the network. Dropping the receiver ends it.
async fn read_ahead(pieces: Vec<Piece>) -> Result<Source, Error> {
    let length = pieces.iter().map(Piece::len).sum();
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    spawn(async move {
        for piece in pieces {
            if let Err(error) = piece.send(&sender).await {
                // If nobody receives it, the request is over.
                let _ = sender.send(Err(error)).await;
                return;
            }
        }
    });
    Ok(Source::Chunks { receiver, length })
}

impl Piece {
    pub(super) async fn file(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).await.map_err(|error| Error::File(error.kind()))?;
        let metadata = file.metadata().await.map_err(|error| Error::File(error.kind()))?;
        if !metadata.is_file() {
            return Err(Error::File(io::ErrorKind::InvalidInput));
        }
        Ok(Self::File { file, length: metadata.len() })
    }

    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    async fn send(self, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        match self {
            Self::Bytes(bytes) => sender.send(Ok(bytes)).await.map_err(gone),
            Self::File { file, mut length } => {
                // A file that grows meanwhile is sent as long as it was announced; one that shrinks breaks
                // the request off.
                let mut file = file;
                while length > 0 {
                    let mut chunk =
                        Vec::with_capacity(CHUNK_BYTES.min(usize::try_from(length).unwrap_or(CHUNK_BYTES)));
                    let most = chunk.capacity() as u64;
                    if (&mut file).take(most.min(length)).read_buf(&mut chunk).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    length -= chunk.len() as u64;
                    sender.send(Ok(chunk.into())).await.map_err(gone)?;
                }
                Ok(())
            }
        }
    }
}

impl From<PathBuf> for RequestBody {
    fn from(path: PathBuf) -> Self {
        Self::File(path.into())
    }
}
