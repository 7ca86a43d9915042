//! The socket under hyper, which a fault can take away from it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use crate::delivery::Delivery;

/// A socket that comes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Taken when it is dropped.
    stream: Option<TcpStream>,
    back: Option<oneshot::Sender<TcpStream>>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> (Self, oneshot::Receiver<TcpStream>) {
        let (back, returned) = oneshot::channel();
        (Self { stream: Some(stream), back: Some(back) }, returned)
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(self.get_mut().stream.as_mut().expect("it is taken only when this is dropped"))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let (Some(stream), Some(back)) = (self.stream.take(), self.back.take()) {
            // If nobody wants it any more, it closes here.
            let _ = back.send(stream);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}

/// The connection of a request, for a handler that wants more than to answer on it.
#[derive(Clone, Debug)]
pub(crate) struct Connection(mpsc::Sender<Delivery>);

impl Connection {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Delivery>) {
        let (sender, taken_over) = mpsc::channel(1);
        (Self(sender), taken_over)
    }

    /// Takes the connection from HTTP; the handler ends with it.
    pub(crate) async fn take_over(&self, delivery: Delivery) -> ! {
        // If another request on it was first, that one has ended this one as well.
        let _ = self.0.try_send(delivery);
        std::future::pending().await
    }
}
