//! What is sent again, and how many are sent at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_session::RetryPolicy;
use tokio::sync::mpsc;

use crate::server::{Gate, Reply, Server, guard, signed_in};

/// Fails so many times, then answers.
async fn failing(times: usize, failure: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    let left = AtomicUsize::new(times);
    Server::start(move |_| {
        let fails = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if fails { failure() } else { Reply::new(200) }
    })
    .await
}

#[tokio::test]
async fn an_idempotent_request_outlives_a_server_that_fails_twice() {
    for failure in [|| Reply::Reset, || Reply::new(503), || Reply::new(429).header("retry-after", "0")] {
        let server = failing(2, failure).await;
        let response = server.session().await.put("/").text("body").send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let bodies: Vec<_> = server.requests().iter().map(|seen| seen.text().to_owned()).collect();
        assert_eq!(bodies, ["body"; 3]);
    }
}

#[tokio::test]
async fn attempts_are_bounded_and_the_last_answer_goes_to_the_caller() {
    let server = failing(9, || Reply::new(502)).await;
    let response = server.session().await.get("/").send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), server.requests().len()), (502, 3));
    let session = signed_in(server.config().retry_policy(RetryPolicy::never())).await;
    assert_eq!(session.get("/").send().await.expect("an answer").status(), 502);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_429_waits_and_does_not_refresh() {
    let server = failing(1, || Reply::new(429).header("retry-after", "0")).await;
    assert_eq!(server.session().await.get("/").send().await.expect("an answer").status(), 200);
    assert_eq!((server.requests().len(), server.refreshes()), (2, 0));
    let server = failing(9, || Reply::new(429)).await;
    assert_eq!(server.session().await.get("/").send().await.expect("an answer").status(), 429);
    assert_eq!((server.requests().len(), server.refreshes()), (1, 0));
}

#[tokio::test]
async fn a_post_is_sent_once_unless_it_has_an_idempotency_key() {
    let server = failing(1, || Reply::new(503)).await;
    let session = server.session().await;
    assert_eq!(session.post("/").text("x").send().await.expect("an answer").status(), 503);
    let server = failing(1, || Reply::Reset).await;
    let session = server.session().await;
    assert_eq!(session.post("/").text("x").send().await.expect_err("no answer").code(), "network");
    assert_eq!(server.requests().len(), 1);
    let server = failing(1, || Reply::Reset).await;
    let request = server.session().await.post("/").text("x").idempotency_key("order-7");
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    let keys: Vec<_> =
        server.requests().iter().map(|seen| seen.header("idempotency-key").map(str::to_owned)).collect();
    assert_eq!(keys, [Some("order-7".to_owned()), Some("order-7".to_owned())]);
}

#[tokio::test]
async fn a_server_that_wants_more_time_than_the_request_has_gets_it() {
    let server = failing(1, || Reply::new(503).header("retry-after", "5")).await;
    let request = server.session().await.get("/").timeout(Duration::from_secs(2));
    assert_eq!(request.send().await.expect("an answer").status(), 503);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_callers_share_some_sixty_connections_and_one_refresh() {
    let server = Server::start(|seen| guard(seen, "t2", || Reply::new(200))).await;
    let session = server.session().await;
    let callers: Vec<_> = (0..500).map(|_| tokio::spawn(session.get("/").send())).collect();
    for caller in callers {
        assert_eq!(caller.await.expect("no panic").expect("an answer").status(), 200);
    }
    assert_eq!(server.refreshes(), 1);
    // 64, and some more while others are on their way back to the pool.
    assert!(server.most_open_connections() <= 128, "{}", server.most_open_connections());
}

#[tokio::test]
async fn a_streamed_answer_takes_a_place_until_it_is_read_or_dropped() {
    let held: Arc<std::sync::Mutex<Vec<mpsc::UnboundedSender<Vec<u8>>>>> = Arc::default();
    let holding = Arc::clone(&held);
    let server = Server::start(move |_| {
        let (sender, receiver) = mpsc::unbounded_channel();
        holding.lock().expect("no panic").push(sender);
        Reply::Pieces(receiver)
    })
    .await;
    let session = server.session().await;
    let mut streams = Vec::new();
    for _ in 0..56 {
        streams.push(session.get("/").send_streaming().await.expect("a head"));
    }
    let next = session.get("/").timeout(Duration::from_millis(100)).send_streaming().await;
    assert_eq!(next.expect_err("no place").code(), "timeout");
    assert_eq!(server.requests().len(), 56);
    drop(streams.pop());
    session.get("/").send_streaming().await.expect("a head");
    held.lock().expect("no panic").clear();
    let mut read = streams.pop().expect("a stream");
    assert_eq!(read.chunk().await.expect("an end"), None);
}

#[tokio::test]
async fn a_waiting_caller_takes_less_than_four_kibibytes() {
    let server = Server::start(|_| Reply::new(200)).await;
    let session = server.session().await;
    let request = session.get("/").send();
    assert!(size_of_val(&request) < 4096, "{}", size_of_val(&request));
}

#[tokio::test]
async fn a_queued_request_goes_when_one_that_is_under_way_is_cancelled() {
    let gate = Gate::default();
    let gated = gate.clone();
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/held" => gated.hold(Reply::new(200)),
        _ => Reply::new(200),
    })
    .await;
    let session = signed_in(server.config().max_connections_per_host(1)).await;
    let first = tokio::spawn(session.get("/held").send());
    gate.holds(1).await;
    let second = tokio::spawn(session.get("/").send());
    let third = session.get("/").timeout(Duration::from_millis(50)).send().await;
    assert_eq!(third.expect_err("no place").code(), "timeout");
    first.abort();
    assert_eq!(second.await.expect("no panic").expect("an answer").status(), 200);
}

#[tokio::test]
async fn nobody_holds_a_place_while_waiting_for_a_token() {
    let gate = Gate::default();
    let gated = gate.clone();
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/held" => gated.hold(Reply::new(200)),
        _ => guard(seen, "t2", || Reply::new(200)),
    })
    .await;
    let session = signed_in(server.config().max_connections_per_host(1)).await;
    let held = tokio::spawn(session.get("/held").send());
    gate.holds(1).await;
    let waiting: Vec<_> = (0..20).map(|_| tokio::spawn(session.get("/").send())).collect();
    gate.release();
    assert_eq!(held.await.expect("no panic").expect("an answer").status(), 200);
    for request in waiting {
        assert_eq!(request.await.expect("no panic").expect("an answer").status(), 200);
    }
    assert_eq!(server.refreshes(), 1);
}
