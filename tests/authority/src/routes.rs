//! What a realm serves.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Form, Request, State as Shared};
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gate::{Endpoint, FaultCommand, When};
use crate::listener::Disconnect;
use crate::realm::Core;
use crate::tokens::Redeemed;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";
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
    Router::new()
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
    Extension(disconnect): Extension<Disconnect>,
    request: Request,
    next: Next,
) -> Response {
    core.with(|state| match endpoint {
        Endpoint::Refresh => state.counters.refresh_requests += 1,
        Endpoint::Resource => state.counters.resource_requests += 1,
        Endpoint::Login | Endpoint::Logout => {}
    });
    let path = request.uri().path().to_owned();
    core.pass(endpoint, &path, When::Before).await;
    if let Some(fault) = core.with(|state| state.gates.fault(endpoint, When::Before)) {
        return fail(fault, &disconnect).await;
    }
    let response = next.run(request).await;
    core.pass(endpoint, &path, When::After).await;
    match core.with(|state| state.gates.fault(endpoint, When::After)) {
        Some(fault) => fail(fault, &disconnect).await,
        None => response,
    }
}

async fn fail(fault: FaultCommand, disconnect: &Disconnect) -> Response {
    if fault.reset {
        disconnect.now();
        // The connection ends here and takes this with it.
        std::future::pending::<()>().await;
    }
    let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), fault.body).into_response();
    for (name, value) in &fault.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

async fn check_access_token(Shared(core): Shared<Arc<Core>>, request: Request, next: Next) -> Response {
    let mut presented = request.headers().get_all(AUTHORIZATION).iter();
    let token = match (presented.next(), presented.next()) {
        (Some(value), None) => value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")),
        _ => None,
    };
    let accepted = core.with(|state| {
        let accepted = token.is_some_and(|token| state.tokens.accepts(token));
        let counter = if accepted {
            &mut state.counters.resource_ok
        } else {
            &mut state.counters.resource_unauthorized
        };
        *counter += 1;
        accepted
    });
    match (accepted, token) {
        (true, _) => next.run(request).await,
        // RFC 6750 section 3: no error code if no token was presented.
        (false, None) => (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response(),
        (false, Some(_)) => {
            let challenge = [(WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)];
            (StatusCode::UNAUTHORIZED, challenge, Json(json!({"error": "invalid_token"}))).into_response()
        }
    }
}

fn user() -> Value {
    json!({"id": "u1", "name": "Ada", "email": EMAIL})
}

async fn me() -> Json<Value> {
    Json(user())
}

async fn echo(method: Method, body: Bytes) -> Json<Value> {
    Json(json!({"method": method.as_str(), "body": String::from_utf8_lossy(&body)}))
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

async fn login(Shared(core): Shared<Arc<Core>>, Json(credentials): Json<Credentials>) -> Response {
    let accepted = credentials.email == EMAIL && credentials.password == PASSWORD;
    core.with(|state| {
        if !accepted {
            state.counters.login_failures += 1;
            let answer = Json(json!({"error": "invalid_credentials"}));
            return (StatusCode::UNAUTHORIZED, answer).into_response();
        }
        state.counters.logins += 1;
        let mut answer = state.tokens.issue(core.options.expires_in_seconds);
        answer["user"] = user();
        Json(answer).into_response()
    })
}

#[derive(Deserialize)]
struct RefreshToken {
    refresh_token: String,
}

async fn refresh(Shared(core): Shared<Arc<Core>>, Json(body): Json<RefreshToken>) -> Response {
    match redeem(&core, &body.refresh_token) {
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

async fn oauth_token(Shared(core): Shared<Arc<Core>>, Form(form): Form<TokenRequest>) -> Response {
    let error = |code: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": code}))).into_response();
    if form.client_id.as_deref() != Some(CLIENT_ID) {
        return error("invalid_client");
    }
    if form.grant_type.as_deref() != Some("refresh_token") {
        return error("unsupported_grant_type");
    }
    let Some(token) = form.refresh_token else { return error("invalid_request") };
    redeem(&core, &token).map_or_else(|| error("invalid_grant"), |answer| Json(answer).into_response())
}

fn redeem(core: &Core, token: &str) -> Option<Value> {
    core.with(|state| match state.tokens.redeem(token, core.options.expires_in_seconds) {
        Redeemed::Rotated(answer) => {
            state.counters.refreshes += 1;
            Some(answer)
        }
        Redeemed::Invalid => {
            state.counters.refresh_rejections += 1;
            None
        }
        Redeemed::Reused => {
            state.counters.refresh_rejections += 1;
            state.counters.reuse_detected += 1;
            None
        }
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
