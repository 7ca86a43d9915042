//! What requests carry and how answers are handed over.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use auth_session::{Disposition, Error, Multipart, TransferProgress};
use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc;

use crate::server::{Reply, Server, guard};

/// What a channel brings, as a stream.
struct Pieces(mpsc::UnboundedReceiver<io::Result<Bytes>>);

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

fn pieces(texts: &[&'static str]) -> Pieces {
    let (sender, receiver) = mpsc::unbounded_channel();
    for text in texts {
        sender.send(Ok(Bytes::from_static(text.as_bytes()))).expect("the receiver is there");
    }
    Pieces(receiver)
}

#[tokio::test]
async fn forms_texts_and_queries_are_written_as_servers_expect_them() {
    let server = Server::start(|_| Reply::new(200)).await;
    let session = server.session().await;
    session
        .post("/a?x=1")
        .query([("q", "a b&c"), ("é", "=")])
        .form([("n", "1 2"), ("m", "&")])
        .send()
        .await
        .expect("an answer");
    session.post("/b").text("grüße").send().await.expect("an answer");
    let seen = server.requests();
    assert_eq!(seen[0].target, "/a?x=1&q=a+b%26c&%C3%A9=%3D");
    assert_eq!(
        (seen[0].text(), seen[0].header("content-type")),
        ("n=1+2&m=%26", Some("application/x-www-form-urlencoded"))
    );
    assert_eq!(
        (seen[1].text(), seen[1].header("content-type")),
        ("grüße", Some("text/plain; charset=utf-8"))
    );
}

#[tokio::test]
async fn a_file_is_sent_and_sent_again_after_a_401() {
    let server = Server::start(|seen| guard(seen, "t2", || Reply::new(200))).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.bin");
    let content: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
    std::fs::write(&path, &content).expect("a file");
    let session = server.session().await;
    assert_eq!(session.put("/").body_from_file(&path).send().await.expect("an answer").status(), 200);
    let seen = server.requests();
    assert!(seen.len() == 2 && seen.iter().all(|seen| seen.body == content));
    assert_eq!(seen[1].header("content-length"), Some("300000"));
    let missing =
        session.put("/").body_from_file(folder.path().join("none")).send().await.expect_err("no file");
    assert_eq!(missing.code(), "file");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_multipart_form_carries_texts_and_streamed_files_and_is_sent_again_after_a_401() {
    let server = Server::start(|seen| guard(seen, "t2", || Reply::new(200))).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cat.jpg");
    std::fs::write(&path, "meow".repeat(50_000)).expect("a file");
    let form = Multipart::new().text("title", "A cat").file("picture", &path, "image/jpeg").file_named(
        "copy",
        &path,
        "dog.jpg",
        "image/jpeg",
    );
    let response = server.session().await.post("/").multipart(form).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let seen = server.requests();
    let boundary =
        seen[0].header("content-type").expect("a type").split_once("boundary=").expect("a boundary").1;
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nA cat\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"cat.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n{content}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"copy\"; filename=\"dog.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n{content}\r\n--{boundary}--\r\n",
        content = "meow".repeat(50_000)
    );
    assert!(seen.len() == 2 && seen.iter().all(|seen| seen.text() == expected));
}

#[tokio::test]
async fn a_stream_is_sent_once_and_a_401_goes_back_while_the_next_request_has_a_fresh_token() {
    let server = Server::start(|seen| guard(seen, "t2", || Reply::new(200))).await;
    let session = server.session().await;
    let response =
        session.post("/").body_from_stream(pieces(&["one ", "two"])).send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.disposition()), (401, Disposition::NotReplayable));
    let response = session.post("/").body_from_stream(pieces(&["three"])).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let bodies: Vec<_> = server.requests().iter().map(|seen| seen.text().to_owned()).collect();
    assert_eq!((bodies, server.refreshes()), (vec!["one two".to_owned(), "three".to_owned()], 1));
}

#[tokio::test]
async fn a_body_that_cannot_be_read_to_its_end_is_an_error_of_the_file_and_is_sent_once() {
    let server = Server::start(|_| Reply::new(200)).await;
    let session = server.session().await;
    let (sender, receiver) = mpsc::unbounded_channel();
    sender.send(Ok(Bytes::from_static(b"one"))).expect("the receiver is there");
    sender.send(Err(io::ErrorKind::PermissionDenied.into())).expect("the receiver is there");
    let error =
        session.put("/").body_from_stream(Pieces(receiver)).send().await.expect_err("a broken stream");
    assert_eq!(error, Error::File(io::ErrorKind::PermissionDenied));
    // A file that gets shorter while it is sent: larger than what is read ahead and what sockets take.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shrinks.bin");
    let file = std::fs::File::create(&path).expect("a file");
    file.set_len(64 << 20).expect("space");
    let (reports, mut told) = mpsc::unbounded_channel();
    let request = session.put("/").body_from_file(&path).on_upload_progress(move |progress| {
        file.set_len(1 << 20).expect("a file can be cut");
        reports.send(progress.bytes).expect("the receiver is there");
    });
    let error = request.send().await.expect_err("a file that shrinks");
    assert_eq!(error, Error::File(io::ErrorKind::UnexpectedEof));
    let mut reached = 0;
    while let Some(bytes) = told.recv().await {
        assert!(bytes > reached, "it was sent again");
        reached = bytes;
    }
}

#[tokio::test]
async fn a_stream_is_not_repeated_after_a_failure_or_a_redirect() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/redirect" => Reply::to(307, "/end"),
        _ => Reply::new(503),
    })
    .await;
    let session = server.session().await;
    let request = session.put("/redirect").body_from_stream(pieces(&["a"]));
    assert_eq!(request.send().await.expect("an answer").disposition(), Disposition::NotReplayable);
    let request = session.put("/fails").body_from_stream(pieces(&["a"]));
    assert_eq!(request.send().await.expect("an answer").status(), 503);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn events_are_handed_over_as_they_arrive_after_a_refresh_like_any_answer() {
    let (events, receiver) = mpsc::unbounded_channel();
    let receiver = Mutex::new(Some(receiver));
    let server = Server::start(move |seen| {
        guard(seen, "t2", || Reply::Pieces(receiver.lock().expect("no panic").take().expect("asked once")))
    })
    .await;
    let request = server.session().await.get("/events").timeout(Duration::from_secs(5));
    let mut response = request.send_streaming().await.expect("a head");
    assert_eq!((response.status().as_u16(), server.refreshes()), (200, 1));
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        events.send(event.into()).expect("the server is there");
        assert_eq!(response.chunk().await.expect("an event").as_deref(), Some(event.as_bytes()));
    }
    drop(events);
    assert_eq!(response.chunk().await.expect("the end"), None);
    assert_eq!(response.chunk().await.expect("the end stays"), None);
}

#[tokio::test]
async fn a_stream_that_falls_silent_times_out_however_long_it_went_well() {
    let (pieces, receiver) = mpsc::unbounded_channel();
    let receiver = Mutex::new(Some(receiver));
    let server =
        Server::start(move |_| Reply::Pieces(receiver.lock().expect("no panic").take().expect("asked once")))
            .await;
    let request = server.session().await.get("/").idle_timeout(Duration::from_millis(200));
    let mut response = request.send_streaming().await.expect("a head");
    pieces.send(b"x".to_vec()).expect("the server is there");
    assert!(response.chunk().await.expect("a piece").is_some());
    assert_eq!(response.chunk().await.expect_err("silence").code(), "timeout");
}

#[tokio::test]
async fn an_answer_becomes_a_file_when_it_is_complete_and_only_if_it_is_a_success() {
    let content = vec![7_u8; 500_000];
    let body = content.clone();
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/missing" => Reply::new(404).body("no such thing"),
        _ => guard(seen, "t2", || Reply::new(200).body(body.clone())),
    })
    .await;
    let session = server.session().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("download.bin");
    std::fs::write(&path, "old").expect("a file");
    let response = session.get("/missing").send_to_file(&path).await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.text().as_str()), (404, "no such thing"));
    assert_eq!(std::fs::read(&path).expect("the file"), b"old");
    let response = session.get("/").send_to_file(&path).await.expect("an answer");
    assert!(response.status().is_success() && response.body().is_empty());
    assert_eq!(std::fs::read(&path).expect("the file"), content);
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1);
}

#[tokio::test]
async fn a_broken_or_cancelled_download_leaves_nothing() {
    let (pieces, receiver) = mpsc::unbounded_channel();
    let receiver = Mutex::new(Some(receiver));
    let server =
        Server::start(move |_| Reply::Pieces(receiver.lock().expect("no panic").take().expect("asked once")))
            .await;
    let folder = tempfile::tempdir().expect("a folder");
    pieces.send(b"half".to_vec()).expect("the server is there");
    let (told, mut arrived) = mpsc::unbounded_channel();
    let request = server.session().await.get("/").on_download_progress(move |progress| {
        told.send(progress.bytes).expect("the test is there");
    });
    let download = tokio::spawn(request.send_to_file(folder.path().join("file")));
    assert_eq!(arrived.recv().await, Some(4));
    download.abort();
    assert!(download.await.expect_err("aborted").is_cancelled());
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

type Told = Arc<Mutex<Vec<TransferProgress>>>;

#[tokio::test]
async fn progress_is_told_in_both_directions() {
    let server = Server::start(|_| Reply::new(200).body(vec![1; 100_000])).await;
    let (sent, received) = (Told::default(), Told::default());
    let (upload, download) = (Arc::clone(&sent), Arc::clone(&received));
    let request = server.session().await.post("/").body(vec![0; 200_000]);
    let response = request
        .on_upload_progress(move |progress| upload.lock().expect("no panic").push(progress))
        .on_download_progress(move |progress| download.lock().expect("no panic").push(progress))
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.body().len(), 100_000);
    for (told, all) in [(&sent, 200_000), (&received, 100_000)] {
        let told = told.lock().expect("no panic");
        assert!(told.is_sorted_by_key(|progress| progress.bytes) && !told.is_empty());
        assert!(told.iter().all(|progress| progress.total == Some(all)));
        assert_eq!(told.last().map(|progress| progress.bytes), Some(all));
    }
    assert!(sent.lock().expect("no panic").len() > 1);
}

#[tokio::test]
async fn the_limit_of_a_body_can_be_set_for_a_session_and_for_a_request() {
    let server = Server::start(|_| Reply::new(200).body(vec![0; 1001])).await;
    let session = crate::server::signed_in(server.config().max_body_bytes(1000)).await;
    assert_eq!(session.get("/").send().await.expect_err("too large").code(), "body_too_large");
    let response = session.get("/").max_body_bytes(1001).send().await.expect("an answer");
    assert_eq!(response.body().len(), 1001);
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 22);
    encoder.write_all(content).expect("memory");
    encoder.into_inner()
}

async fn compressed(encoding: &'static str, body: Vec<u8>) -> Server {
    Server::start(move |seen| {
        let offered = seen.header("accept-encoding").is_some_and(|offered| offered.contains(encoding));
        assert!(offered, "{seen:?}");
        match seen.method.as_str() {
            "HEAD" => Reply::new(200).header("content-encoding", encoding),
            _ => Reply::new(200).header("content-encoding", encoding).body(body.clone()),
        }
    })
    .await
}

#[tokio::test]
async fn compressed_answers_are_decompressed() {
    for (encoding, body) in [("gzip", gzip(b"hello")), ("br", brotli(b"hello"))] {
        let server = compressed(encoding, body).await;
        let session = server.session().await;
        assert_eq!(session.get("/").send().await.expect("an answer").text(), "hello", "{encoding}");
        let mut response = session.get("/").send_streaming().await.expect("a head");
        assert_eq!(response.chunk().await.expect("a body").as_deref(), Some(&b"hello"[..]), "{encoding}");
        let head = session.request(auth_session::Method::HEAD, "/").send().await.expect("an answer");
        assert_eq!((head.status().as_u16(), head.body().len()), (200, 0), "{encoding}");
    }
}

#[tokio::test]
async fn a_compression_bomb_is_too_large_before_much_of_it_is_decompressed() {
    let zeros = vec![0; 64 << 20];
    for (encoding, body) in [("gzip", gzip(&zeros)), ("br", brotli(&zeros))] {
        assert!(body.len() < 1 << 20);
        let server = compressed(encoding, body).await;
        let most = Arc::new(Mutex::new(0));
        let seen = Arc::clone(&most);
        let request = server.session().await.get("/").max_body_bytes(1 << 20);
        let result = request
            .on_download_progress(move |progress| *seen.lock().expect("no panic") = progress.bytes)
            .send()
            .await;
        assert_eq!(result.expect_err("too large").code(), "body_too_large");
        assert!(*most.lock().expect("no panic") < 2 << 20, "{encoding}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_what_its_encoding_says_is_broken() {
    for (encoding, body) in [("gzip", b"not gzip".to_vec()), ("br", b"\xff\xff\xff".to_vec())] {
        let server = compressed(encoding, body).await;
        let request = server.session().await.post("/");
        assert_eq!(request.send().await.expect_err("broken").code(), "network", "{encoding}");
    }
}

#[tokio::test]
async fn a_write_without_a_body_says_so() {
    let server = Server::start(|_| Reply::new(200)).await;
    let session = server.session().await;
    for method in [auth_session::Method::POST, auth_session::Method::PUT, auth_session::Method::PATCH] {
        session.request(method.clone(), "/").send().await.expect("an answer");
        session.request(method, "/").body(Vec::new()).send().await.expect("an answer");
    }
    for method in [auth_session::Method::GET, auth_session::Method::DELETE] {
        session.request(method.clone(), "/").send().await.expect("an answer");
        session.request(method, "/").body(Vec::new()).send().await.expect("an answer");
    }
    let lengths: Vec<_> =
        server.requests().iter().map(|seen| seen.header("content-length").map(str::to_owned)).collect();
    let zero = || Some("0".to_owned());
    assert_eq!(lengths, [zero(), zero(), zero(), zero(), zero(), zero(), None, None, None, None]);
}
