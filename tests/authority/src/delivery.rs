//! Answers that are written to the socket by hand, because no HTTP implementation would send them: cut
//! off, in pieces, without a date, or not HTTP at all.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_LENGTH, DATE};
use axum::response::Response;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::fault::{Cut, Date, End, Fault, Pieces, Place};
use crate::ledger::Sighting;
use crate::listener::read_on;

/// An answer and how it goes over the wire. Always HTTP/1.1, and always the last one of its connection.
#[derive(Debug)]
pub(crate) struct Delivery {
    head: Vec<u8>,
    body: Body,
    cut: Option<Cut>,
    pieces: Option<Pieces>,
    /// The client may get an answer as long as this is on its way.
    sighting: Option<Sighting>,
}

impl Delivery {
    /// The fault's own bytes.
    pub(crate) fn raw(text: &str, fault: &Fault, sighting: Option<Sighting>) -> Self {
        let head = text.as_bytes().to_vec();
        Self { head, body: Body::empty(), cut: fault.cut(), pieces: fault.pieces, sighting }
    }

    pub(crate) fn of(response: Response, fault: &Fault, sighting: Option<Sighting>) -> Self {
        let (parts, body) = response.into_parts();
        let mut head = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
        for (name, value) in &parts.headers {
            head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        if !parts.headers.contains_key(DATE) && !matches!(fault.date, Some(Date::Missing)) {
            let date = httpdate::fmt_http_date(SystemTime::now());
            head.extend(format!("date: {date}\r\n").into_bytes());
        }
        // Without a length, the end of the connection is the end of the body.
        if let Some(length) = body.size_hint().exact()
            && !parts.headers.contains_key(CONTENT_LENGTH)
        {
            // What is cut off in the middle must have had a rest, even if there was no body.
            let is_cut = fault.cut().is_some_and(|cut| cut.at == Place::MidBody);
            head.extend(format!("content-length: {}\r\n", length + u64::from(is_cut)).into_bytes());
        }
        head.extend(b"connection: close\r\n\r\n");
        Self { head, body, cut: fault.cut(), pieces: fault.pieces, sighting }
    }

    /// Takes as long as the client stays, where the end is silent.
    pub(crate) async fn perform(mut self, mut stream: TcpStream) {
        // A client that goes away is what some tests are about.
        let _ = self.write(&mut stream).await;
        let end = self.cut.map_or(End::Fin, |cut| cut.by);
        if !matches!(end, End::Silence) {
            // Before the client learns that nothing more comes.
            self.sighting = None;
        }
        if let End::Reset = end {
            // The socket does not linger: closing it is a reset.
            return;
        }
        if let End::Fin = end {
            let _ = stream.shutdown().await;
        }
        read_on(&mut stream).await;
    }

    async fn write(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        let pieces = self.pieces;
        match self.cut.map(|cut| cut.at) {
            Some(Place::BeforeHeaders) => Ok(()),
            Some(Place::MidHeaders) => send(stream, pieces, &self.head[..self.head.len() / 2]).await,
            Some(Place::MidBody) => {
                send(stream, pieces, &self.head).await?;
                match self.next_frame().await {
                    Some(first) => send(stream, pieces, &first[..first.len() / 2]).await,
                    None => Ok(()),
                }
            }
            None => {
                let mut answer = std::mem::take(&mut self.head);
                while let Some(frame) = self.next_frame().await {
                    answer.extend_from_slice(&frame);
                }
                let last = answer.split_off(answer.len().saturating_sub(1));
                send(stream, pieces, &answer).await?;
                // With its last byte the client has the answer, and may send the next request before this goes on.
                self.sighting = None;
                stream.write_all(&last).await
            }
        }
    }

    async fn next_frame(&mut self) -> Option<Bytes> {
        let body = &mut self.body;
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        frame.ok()?.into_data().ok()
    }
}

async fn send(stream: &mut TcpStream, pieces: Option<Pieces>, bytes: &[u8]) -> io::Result<()> {
    let Some(Pieces { bytes: size, every_ms }) = pieces else { return stream.write_all(bytes).await };
    for piece in bytes.chunks(size.max(1)) {
        stream.write_all(piece).await?;
        sleep(Duration::from_millis(every_ms)).await;
    }
    Ok(())
}
