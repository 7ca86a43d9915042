//! What a realm serves.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
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
use crate::ledger::{Redemption, RefreshSeen, Sighting};
use crate::realm::Core;
use crate::tokens::Redeemed;
use crate::users::User;
use crate::wire::Connection;

const CLIENT_ID: &str = "demo";

pub(crate) fn router(core: Arc<Core>) -> Router {
    let guarded = |routes: Router<Arc<Core>>, endpoint: Endpoint| {
        routes.layer(from_fn_with_state((Arc::clone(&core), endpoint), interfere))
    };
    let seen = |routes: Router<Arc<Core>>| routes.layer(from_fn_with_state(Arc::clone(&core), see));
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
        .merge(seen(guarded(Router::new().route("/auth/refresh", post(refresh)), Endpoint::Refresh)))
        .merge(seen(guarded(Router::new().route("/oauth/token", post(oauth_token)), Endpoint::Refresh)))
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
    let sighting = request.extensions().get::<Sighting>().cloned();
    core.pass(endpoint, &path, When::Before).await;
    if let Some(fault) = core.fault(endpoint, &path, When::Before).await
        && !fault.is_only_a_delay()
    {
        return fail(fault, None, place, &connection, sighting).await;
    }
    let response = next.run(request).await;
    core.pass(endpoint, &path, When::After).await;
    match core.fault(endpoint, &path, When::After).await {
        Some(fault) if !fault.is_only_a_delay() => {
            fail(fault, Some(response), place, &connection, sighting).await
        }
        _ => response,
    }
}

/// Token requests are small.
const MOST_REQUEST_BYTES: usize = 1 << 20;

/// Enters a refresh request into the ledger.
async fn see(Shared(core): Shared<Arc<Core>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_REQUEST_BYTES).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let sighting = Sighting::begin(&core, token_in(&body), idempotency_key(&parts.headers));
    sighting.change(|seen| seen.client = text_of(&parts.headers, "X-Client"));
    parts.extensions.insert(sighting.clone());
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    sighting.change(|seen| seen.answered = seen.redemption.is_some() && !seen.is_disturbed);
    response
}

/// The refresh token of a request in either dialect.
fn token_in(body: &[u8]) -> Option<String> {
    if let Ok(request) = serde_json::from_slice::<RefreshToken>(body) {
        return Some(request.refresh_token);
    }
    // The tokens of a realm need no percent-encoding.
    let mut fields = std::str::from_utf8(body).ok()?.split('&').filter_map(|field| field.split_once('='));
    fields.find(|(name, _)| *name == "refresh_token").map(|(_, value)| value.to_owned())
}

fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    text_of(headers, "Idempotency-Key")
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

async fn fail(
    fault: Fault,
    own: Option<Response>,
    place: Place<'_>,
    connection: &Connection,
    sighting: Option<Sighting>,
) -> Response {
    if let Some(sighting) = &sighting {
        sighting.change(|seen| seen.is_disturbed = true);
    }
    if let Some(text) = &fault.raw {
        connection.take_over(Delivery::raw(text, &fault, sighting)).await;
    }
    let response = answer::build(&fault, own, place).await;
    if fault.needs_the_wire() {
        connection.take_over(Delivery::of(response, &fault, sighting)).await;
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
        if let Some(token) = token {
            state.ledger.used(token);
        }
        let counter = match owner {
            Some(_) => &mut state.counters.resource_ok,
            None => &mut state.counters.resource_unauthorized,
        };
        *counter += 1;
        state.counters.resource_without_token += u64::from(token.is_none());
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
    Extension(sighting): Extension<Sighting>,
    headers: HeaderMap,
    Json(body): Json<RefreshToken>,
) -> Response {
    match redeem(&core, &sighting, &headers, &body.refresh_token) {
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
    Extension(sighting): Extension<Sighting>,
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
    redeem(&core, &sighting, &headers, &token)
        .map_or_else(|| error("invalid_grant"), |answer| Json(answer).into_response())
}

fn redeem(core: &Core, sighting: &Sighting, headers: &HeaderMap, token: &str) -> Option<Value> {
    let key = idempotency_key(headers);
    let (redemption, was_needless, answer) = core.with(|state| {
        state.ledger.used(token);
        let was_needless = state.tokens.is_needless(token);
        let redeemed = state.tokens.redeem(token, key.as_deref(), &state.options);
        state.idempotency_keys.extend(key);
        let (counter, redemption, answer) = match redeemed {
            Redeemed::Rotated(answer) => (&mut state.counters.refreshes, Redemption::Rotated, Some(answer)),
            Redeemed::Replayed(answer) => {
                (&mut state.counters.idempotency_replays, Redemption::Replayed, Some(answer))
            }
            Redeemed::InGrace(answer) => {
                (&mut state.counters.grace_replays, Redemption::InGrace, Some(answer))
            }
            Redeemed::Invalid => (&mut state.counters.refresh_rejections, Redemption::Invalid, None),
            Redeemed::Reused => {
                state.counters.reuse_detected += 1;
                (&mut state.counters.refresh_rejections, Redemption::Reused, None)
            }
        };
        *counter += 1;
        (redemption, was_needless, answer)
    });
    let brought = |name: &str| answer.as_ref()?[name].as_str().map(str::to_owned);
    sighting.change(|seen: &mut RefreshSeen| {
        seen.redemption = Some(redemption);
        seen.was_needless = was_needless;
        (seen.successor, seen.access) = (brought("refresh_token"), brought("access_token"));
    });
    answer
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
