//! What a realm serves.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Form, Path, Request, State as Shared};
use axum::http::header::{
    AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{self, Place};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::gate::{Endpoint, When};
use crate::realm::Core;
use crate::tokens::Redeemed;
use crate::users::User;
use crate::wire::Connection;

const CLIENT_ID: &str = "demo";

pub(crate) fn router(core: Arc<Core>) -> Router {
    let guarded = |routes: Router<Arc<Core>>, endpoint: Endpoint| {
        routes.layer(from_fn_with_state((Arc::clone(&core), endpoint), interfere))
    };
    let resources = Router::new()
        .route("/me", get(me))
        .route("/slow", get(me))
        .route("/echo", any(echo))
        .route("/forbidden", get(async || StatusCode::FORBIDDEN))
        .layer(from_fn_with_state(Arc::clone(&core), check_access_token))
        .route("/public", get(async || Json(json!({"public": true}))));
    // Where redirects lead.
    let followed = Router::new()
        .route("/hop/{left}", any(hop))
        .route("/loop", any(async || Redirect::temporary("/loop")))
        .route("/landing", any(async || Json(json!({"landed": true}))))
        .layer(from_fn_with_state(Arc::clone(&core), count_followers));
    Router::new()
        .merge(followed)
        .merge(guarded(Router::new().route("/auth/login", post(login)), Endpoint::Login))
        .merge(guarded(Router::new().route("/auth/refresh", post(refresh)), Endpoint::Refresh))
        .merge(guarded(Router::new().route("/oauth/token", post(oauth_token)), Endpoint::Refresh))
        .merge(guarded(Router::new().route("/auth/logout", post(logout)), Endpoint::Logout))
        .merge(guarded(Router::new().route("/oauth/revoke", post(oauth_revoke)), Endpoint::Logout))
        .merge(guarded(resources, Endpoint::Resource))
        .with_state(core)
}

/// Holds the request and lets go wrong what a test wants, before and after the server acts.
async fn interfere(
    Shared((core, endpoint)): Shared<(Arc<Core>, Endpoint)>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    core.with(|state| match endpoint {
        Endpoint::Refresh => state.counters.refresh_requests += 1,
        Endpoint::Resource => state.counters.resource_requests += 1,
        Endpoint::Login | Endpoint::Logout => {}
    });
    let path = request.uri().path().to_owned();
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let place = core.place(&host);
    core.pass(endpoint, &path, When::Before).await;
    if let Some(fault) = core.fault(endpoint, &path, When::Before).await
        && !fault.is_only_a_delay()
    {
        return fail(fault, None, place, &connection).await;
    }
    let response = next.run(request).await;
    core.pass(endpoint, &path, When::After).await;
    match core.fault(endpoint, &path, When::After).await {
        Some(fault) if !fault.is_only_a_delay() => fail(fault, Some(response), place, &connection).await,
        _ => response,
    }
}

async fn fail(fault: Fault, own: Option<Response>, place: Place<'_>, connection: &Connection) -> Response {
    if let Some(text) = &fault.raw {
        connection.take_over(Delivery::raw(text, &fault)).await;
    }
    let response = answer::build(&fault, own, place).await;
    if fault.needs_the_wire() {
        connection.take_over(Delivery::of(response, &fault)).await;
    }
    response
}

/// Counts who follows a redirect, and what they bring along.
async fn count_followers(Shared(core): Shared<Arc<Core>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let with_body = headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
        || headers.contains_key(TRANSFER_ENCODING);
    let with_credentials = with_body || headers.contains_key(AUTHORIZATION) || headers.contains_key(COOKIE);
    core.with(|state| {
        state.counters.redirects_followed += 1;
        state.counters.redirects_with_credentials += u64::from(with_credentials);
    });
    next.run(request).await
}

async fn hop(Path(left): Path<u32>) -> Redirect {
    match left {
        0 | 1 => Redirect::temporary("/landing"),
        _ => Redirect::temporary(&format!("/hop/{}", left - 1)),
    }
}

async fn check_access_token(Shared(core): Shared<Arc<Core>>, mut request: Request, next: Next) -> Response {
    let mut presented = request.headers().get_all(AUTHORIZATION).iter();
    let token = match (presented.next(), presented.next()) {
        (Some(value), None) => value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")),
        _ => None,
    };
    let owner = core.with(|state| {
        let owner = token.and_then(|token| state.tokens.owner(token));
        let counter = match owner {
            Some(_) => &mut state.counters.resource_ok,
            None => &mut state.counters.resource_unauthorized,
        };
        *counter += 1;
        owner
    });
    match (owner, token) {
        (Some(user), _) => {
            request.extensions_mut().insert(user);
            next.run(request).await
        }
        // RFC 6750 section 3: no error code if no token was presented.
        (None, None) => (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response(),
        (None, Some(_)) => {
            let challenge = [(WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)];
            (StatusCode::UNAUTHORIZED, challenge, Json(json!({"error": "invalid_token"}))).into_response()
        }
    }
}

async fn me(Extension(user): Extension<&'static User>) -> Json<Value> {
    Json(user.to_json())
}

async fn echo(Shared(core): Shared<Arc<Core>>, method: Method, body: Bytes) -> Json<Value> {
    core.with(|state| state.counters.echoed_bytes += body.len() as u64);
    Json(json!({"method": method.as_str(), "body": String::from_utf8_lossy(&body)}))
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

async fn login(Shared(core): Shared<Arc<Core>>, Json(credentials): Json<Credentials>) -> Response {
    let user = User::with_credentials(&credentials.email, &credentials.password);
    core.with(|state| {
        let Some(user) = user else {
            state.counters.login_failures += 1;
            let answer = Json(json!({"error": "invalid_credentials"}));
            return (StatusCode::UNAUTHORIZED, answer).into_response();
        };
        state.counters.logins += 1;
        let mut answer = state.tokens.issue(user, &state.options);
        answer["user"] = user.to_json();
        Json(answer).into_response()
    })
}

#[derive(Deserialize)]
struct RefreshToken {
    refresh_token: String,
}

async fn refresh(
    Shared(core): Shared<Arc<Core>>,
    headers: HeaderMap,
    Json(body): Json<RefreshToken>,
) -> Response {
    match redeem(&core, &headers, &body.refresh_token) {
        Some(answer) => Json(answer).into_response(),
        None => (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_refresh_token"}))).into_response(),
    }
}

/// RFC 6749 section 6. Members are optional, so that their absence can be answered as section 5.2 says.
#[derive(Deserialize)]
struct TokenRequest {
    grant_type: Option<String>,
    refresh_token: Option<String>,
    client_id: Option<String>,
}

async fn oauth_token(
    Shared(core): Shared<Arc<Core>>,
    headers: HeaderMap,
    Form(form): Form<TokenRequest>,
) -> Response {
    let error = |code: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": code}))).into_response();
    if form.client_id.as_deref() != Some(CLIENT_ID) {
        return error("invalid_client");
    }
    if form.grant_type.as_deref() != Some("refresh_token") {
        return error("unsupported_grant_type");
    }
    let Some(token) = form.refresh_token else { return error("invalid_request") };
    redeem(&core, &headers, &token)
        .map_or_else(|| error("invalid_grant"), |answer| Json(answer).into_response())
}

fn redeem(core: &Core, headers: &HeaderMap, token: &str) -> Option<Value> {
    let key = headers.get("Idempotency-Key").and_then(|key| key.to_str().ok());
    core.with(|state| {
        state.idempotency_keys.extend(key.map(str::to_owned));
        let (counter, answer) = match state.tokens.redeem(token, key, &state.options) {
            Redeemed::Rotated(answer) => (&mut state.counters.refreshes, Some(answer)),
            Redeemed::Replayed(answer) => (&mut state.counters.idempotency_replays, Some(answer)),
            Redeemed::InGrace(answer) => (&mut state.counters.grace_replays, Some(answer)),
            Redeemed::Invalid => (&mut state.counters.refresh_rejections, None),
            Redeemed::Reused => {
                state.counters.reuse_detected += 1;
                (&mut state.counters.refresh_rejections, None)
            }
        };
        *counter += 1;
        answer
    })
}

async fn logout(
    Shared(core): Shared<Arc<Core>>,
    headers: HeaderMap,
    Json(body): Json<RefreshToken>,
) -> StatusCode {
    if !headers.contains_key(AUTHORIZATION) {
        return StatusCode::UNAUTHORIZED;
    }
    core.with(|state| {
        state.counters.logouts += 1;
        if state.tokens.revoke(&body.refresh_token) {
            StatusCode::NO_CONTENT
        } else {
            StatusCode::UNAUTHORIZED
        }
    })
}

#[derive(Deserialize)]
struct Revocation {
    token: String,
}

/// RFC 7009: an unknown token is no error.
async fn oauth_revoke(Shared(core): Shared<Arc<Core>>, Form(form): Form<Revocation>) -> StatusCode {
    core.with(|state| {
        state.counters.logouts += 1;
        state.tokens.revoke(&form.token);
    });
    StatusCode::OK
}
