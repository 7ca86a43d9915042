//! An answer whose body is read as it arrives.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use url::Url;

use super::body::Observer;
use super::response::{Disposition, Response};
use crate::error::Error;
use crate::lifecycle::record::AttemptId;
use crate::runtime::{runtime, surrounded};
use crate::transport::{self, Permit};

/// What there is of an answer's body.
pub(crate) enum Body {
    Whole(Bytes),
    /// On its way. It counts as a connection until it is read or dropped.
    Arriving {
        response: Box<reqwest::Response>,
        _place: Permit,
    },
}

/// The head of a server's answer, and its body as it arrives. Dropping it ends the transfer.
pub struct StreamingResponse {
    pub(super) status: StatusCode,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) disposition: Disposition,
    pub(super) redirected: bool,
    pub(super) body: Body,
    pub(super) idle_timeout: Duration,
    pub(super) observer: Option<Observer>,
    pub(super) received: u64,
    pub(super) total: Option<u64>,
}

impl StreamingResponse {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The URL that answered.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What was made of the answer.
    pub fn disposition(&self) -> Disposition {
        self.disposition
    }

    /// Whether it is the answer to a redirect that was followed.
    pub fn is_redirected(&self) -> bool {
        self.redirected
    }

    /// The next piece of the body as it arrives, decompressed; `None` at the end. Pieces have no meaning of
    /// their own: an event of a server may come in two, and two in one. Safe to cancel: no piece is lost.
    ///
    /// # Errors
    /// [`Error::Timeout`] if nothing arrives for as long as the request's idle timeout; [`Error::Network`] if
    /// the connection breaks.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let chunk = match &mut self.body {
            Body::Whole(bytes) => Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
            Body::Arriving { response, .. } => {
                let idle = self.idle_timeout;
                surrounded(runtime()?, async { timeout(idle, response.chunk()).await })
                    .await
                    .map_err(|_| Error::Timeout(idle))?
                    .map_err(|error| Error::Network(transport::network_failure(&error)))?
            }
        };
        match &chunk {
            Some(chunk) => {
                self.received += chunk.len() as u64;
                if let Some(observer) = &self.observer {
                    observer.tell(self.received, self.total);
                }
            }
            // The connection is free for the next request from here on.
            None => self.body = Body::Whole(Bytes::new()),
        }
        Ok(chunk)
    }

    /// The whole of what is left, up to a limit in bytes.
    pub(crate) async fn whole(mut self, limit: usize) -> Result<Response, Error> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(Error::BodyTooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        let Self { status, url, headers, disposition, redirected, .. } = self;
        Ok(Response { status, url, headers, body: body.freeze(), disposition, redirected })
    }

    /// Writes the body to a file that appears, or replaces what was there, only when it is complete.
    pub(crate) async fn into_file(mut self, path: &Path) -> Result<Response, Error> {
        let failed = |error: std::io::Error| Error::File(error.kind());
        let (mut temporary, file) = Temporary::beside(path).await?;
        let mut file = File::from_std(file);
        while let Some(chunk) = self.chunk().await? {
            file.write_all(&chunk).await.map_err(failed)?;
        }
        // Before the rename: after a power failure there must not be a file without its content.
        file.sync_all().await.map_err(failed)?;
        drop(file);
        tokio::fs::rename(&temporary.path, path).await.map_err(failed)?;
        temporary.renamed = true;
        let Self { status, url, headers, disposition, redirected, .. } = self;
        Ok(Response { status, url, headers, body: Bytes::new(), disposition, redirected })
    }
}

impl fmt::Debug for StreamingResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingResponse")
            .field("status", &self.status)
            .field("disposition", &self.disposition)
            .finish_non_exhaustive()
    }
}

/// A file that is deleted unless it is renamed.
struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    /// Makes the file. Whoever gives up meanwhile leaves none behind: then nobody takes what the thread hands
    /// over, and it is deleted.
    async fn beside(path: &Path) -> Result<(Self, std::fs::File), Error> {
        let mut name = path.file_name().ok_or(Error::File(std::io::ErrorKind::InvalidInput))?.to_owned();
        name.push(format!(".{}.part", AttemptId::random()?.as_str()));
        let path = path.with_file_name(name);
        let create = move || {
            let file = std::fs::File::create_new(&path).map_err(|error| Error::File(error.kind()))?;
            Ok((Self { path, renamed: false }, file))
        };
        let created = tokio::task::spawn_blocking(create).await;
        created.map_err(|_| Error::Internal("no thread to make a file on".into()))?
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // Somebody else may have removed it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
