//! What the server answers.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use crate::tokens::Realm;

/// Of a request, and of an answer that is asked for.
const MOST_BYTES: usize = 16 << 20;
const ME: &[u8] = br#"{"id":"1","email":"ada@example.com","name":"Ada Lovelace","roles":["author","admin"]}"#;

type Answer = Response<Full<Bytes>>;

pub(crate) async fn answer(realm: Arc<Realm>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let path = request.uri().path();
    Ok(match (request.method(), path) {
        (&Method::GET, "/public") => json(Bytes::from_static(ME)),
        (&Method::POST, "/auth/login") => {
            // Whoever comes is welcome; the body is read, so that the connection can go on.
            body(request).await;
            json(realm.sign_in().to_string().into())
        }
        (&Method::POST, "/auth/refresh") => refresh(&realm, &body(request).await).await,
        (&Method::POST, "/auth/logout") => {
            if let Some(refresh_token) = refresh_token(&body(request).await) {
                realm.sign_out(&refresh_token);
            }
            status(StatusCode::NO_CONTENT)
        }
        _ if !is_authorized(&realm, &request) => {
            body(request).await;
            realm.unauthorized.send_modify(|count| *count += 1);
            let mut answer = status(StatusCode::UNAUTHORIZED);
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            answer
        }
        (&Method::GET, "/me") => json(Bytes::from_static(ME)),
        (&Method::POST, "/echo") => Response::new(Full::new(body(request).await)),
        (&Method::GET, path) => match path.strip_prefix("/bytes/").and_then(|count| count.parse().ok()) {
            Some(count) if count <= MOST_BYTES => Response::new(Full::new(vec![b'x'; count].into())),
            _ => status(StatusCode::NOT_FOUND),
        },
        _ => status(StatusCode::NOT_FOUND),
    })
}

async fn refresh(realm: &Realm, body: &[u8]) -> Answer {
    realm.arrived.send_modify(|count| *count += 1);
    // Nobody drops the sender while somebody is served.
    let _ = realm.held.subscribe().wait_for(|held| !held).await;
    match refresh_token(body).and_then(|refresh_token| realm.refresh(&refresh_token)) {
        Some(tokens) => json(tokens.to_string().into()),
        None => status(StatusCode::UNAUTHORIZED),
    }
}

fn refresh_token(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("refresh_token")?.as_str()?.to_owned())
}

fn is_authorized(realm: &Realm, request: &Request<Incoming>) -> bool {
    request.headers().get(AUTHORIZATION).is_some_and(|value| realm.accepts(value.as_bytes()))
}

async fn body(request: Request<Incoming>) -> Bytes {
    let body = Limited::new(request.into_body(), MOST_BYTES).collect().await;
    body.map(http_body_util::Collected::to_bytes).unwrap_or_default()
}

fn json(body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn status(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = status;
    answer
}
