//! Where a redirect may take a request.

use auth_session::{Disposition, Tokens};

use crate::server::{Gate, Reply, Server, guard};

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_with_the_token_and_the_headers() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/old" => Reply::to(301, "/new?a=b"),
        _ => Reply::new(200),
    })
    .await;
    let response = server.session().await.get("/old").header("x-app", "1").send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.url().path()), (200, "/new"));
    let seen = &server.requests()[1];
    assert_eq!(
        (seen.target.as_str(), seen.token(), seen.header("x-app")),
        ("/new?a=b", Some("t1"), Some("1"))
    );
}

#[tokio::test]
async fn a_post_becomes_a_get_after_a_303_and_is_repeated_with_its_body_after_a_307() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/see-other" => Reply::to(303, "/end"),
        "/repeat" => Reply::to(307, "/end"),
        _ => Reply::new(200),
    })
    .await;
    let session = server.session().await;
    session.post("/see-other").text("body").send().await.expect("an answer");
    session.post("/repeat").text("body").send().await.expect("an answer");
    let seen = server.requests();
    assert_eq!((seen[1].method.as_str(), seen[1].text(), seen[1].header("content-type")), ("GET", "", None));
    assert_eq!((seen[3].method.as_str(), seen[3].text()), ("POST", "body"));
    assert_eq!(seen[3].header("content-type"), Some("text/plain; charset=utf-8"));
}

#[tokio::test]
async fn a_redirect_loop_ends_and_the_caller_gets_the_last_answer() {
    let server = Server::start(|_| Reply::to(302, "/again")).await;
    let response = server.session().await.get("/").send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.disposition()), (302, Disposition::RedirectRefused));
    assert_eq!(server.requests().len(), 11);
}

#[tokio::test]
async fn no_more_redirects_are_followed_than_the_request_allows() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/2" => Reply::to(302, "/1"),
        "/1" => Reply::to(302, "/0"),
        _ => Reply::new(200),
    })
    .await;
    let session = server.session().await;
    for (limit, status, path, redirected) in
        [(0, 302, "/2", false), (1, 302, "/1", true), (2, 200, "/0", true), (u32::MAX, 200, "/0", true)]
    {
        let response = session.get("/2").max_redirects(limit).send().await.expect("an answer");
        assert_eq!((response.status().as_u16(), response.url().path()), (status, path), "{limit}");
        assert_eq!(response.is_redirected(), redirected, "{limit}");
        let refused = response.disposition() == Disposition::RedirectRefused;
        assert_eq!(refused, status == 302, "{limit}");
    }
    let response = session.get("/2").send_streaming().await.expect("an answer");
    assert!(response.is_redirected() && response.status() == 200);
    assert!(!session.get("/0").send().await.expect("an answer").is_redirected());
}

#[tokio::test]
async fn a_401_after_a_redirect_repeats_the_last_hop_only() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/order" => Reply::to(303, "/receipt"),
        _ => guard(seen, "t2", || Reply::new(200)),
    })
    .await;
    let response = server.session().await.post("/order").text("one").send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let targets: Vec<_> = server.requests().into_iter().map(|seen| seen.method + &seen.target).collect();
    assert_eq!(targets, ["POST/order", "GET/receipt", "GET/receipt"]);
}

#[tokio::test]
async fn another_origin_without_tls_is_not_gone_to_at_all() {
    let other = Server::start(|_| Reply::new(200)).await;
    let target = format!("{}/", other.url);
    let server = Server::start(move |_| Reply::to(302, &target)).await;
    let response = server.session().await.get("/").send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.disposition()), (302, Disposition::RedirectRefused));
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_request_whose_user_has_changed_meanwhile_is_neither_redirected_nor_sent_again() {
    for reply in [|| Reply::to(302, "/again"), || Reply::new(503), || Reply::Reset] {
        let gate = Gate::default();
        let gated = gate.clone();
        let server = Server::start(move |_| gated.hold(reply())).await;
        let session = server.session().await;
        let request = tokio::spawn(session.get("/").send());
        gate.holds(1).await;
        session.adopt(Tokens::new("another-user")).await.expect("header-safe tokens");
        gate.release();
        // What a server has said is an answer; without one there is an error. Either says what happened.
        let said = match request.await.expect("no panic") {
            Ok(response) => response.disposition().name(),
            Err(error) => error.code(),
        };
        assert_eq!((said, server.requests().len()), ("session_changed", 1));
    }
}
