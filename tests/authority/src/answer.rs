//! The answer that a fault makes of the server's, or sends in its place.

use std::time::{Duration, SystemTime};

use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use axum::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::body::{GzipBomb, Oversized};
use crate::fault::{Content, Date, Fault, Members, Redirect};

/// Where the request came to, and the realm's other address.
pub(crate) struct Place<'a> {
    pub(crate) here: &'a str,
    pub(crate) elsewhere: &'a str,
}

/// Builds it; `own` is what the server answers, where it has acted.
pub(crate) async fn build(fault: &Fault, own: Option<Response>, place: Place<'_>) -> Response {
    let mut response = match own {
        Some(own) if !fault.has_answer() => own,
        _ => stand_in(fault, place),
    };
    response = match &fault.content {
        Some(Content::Members(members)) => change(response, |answer| with_members(answer, members)).await,
        Some(Content::Template(text)) => change(response, |answer| fill(text, &answer)).await,
        _ => response,
    };
    let headers = response.headers_mut();
    if let Some(date) = fault.date.and_then(skewed) {
        headers.insert(DATE, date);
    }
    if let Some(bytes) = fault.padding_bytes
        && let Ok(padding) = HeaderValue::try_from("a".repeat(bytes))
    {
        headers.insert(HeaderName::from_static("x-padding"), padding);
    }
    replace(headers, &fault.headers.0);
    response
}

fn stand_in(fault: &Fault, place: Place<'_>) -> Response {
    let json = |body: Body| ([(CONTENT_TYPE, "application/json")], body).into_response();
    let gzip =
        |body: Body| ([(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip")], body).into_response();
    let (usual, mut response) = match (&fault.content, fault.redirect) {
        (_, Some(redirect)) => {
            let location = match redirect {
                Redirect::Loop => format!("{}/loop", place.here),
                Redirect::Hops(hops) => format!("{}/hop/{hops}", place.here),
                Redirect::CrossOrigin => format!("{}/landing", place.elsewhere),
            };
            (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)].into_response())
        }
        (Some(Content::Json(text)), _) => (StatusCode::OK, json(text.clone().into())),
        (Some(Content::Bytes(bytes)), _) => (StatusCode::OK, json(bytes.clone().into())),
        (Some(Content::Oversized(bytes)), _) => (StatusCode::OK, json(Body::new(Oversized::new(*bytes)))),
        (Some(Content::GzipBomb(bytes)), _) => (StatusCode::OK, gzip(Body::new(GzipBomb::new(*bytes)))),
        // The magic number and the method are right, what follows is not.
        (Some(Content::BadGzip), _) => (StatusCode::OK, gzip(vec![0x1f, 0x8b, 8, 0, 7, 7, 7, 7].into())),
        (Some(Content::Members(_) | Content::Template(_)) | None, _) => {
            (StatusCode::INTERNAL_SERVER_ERROR, fault.body.clone().unwrap_or_default().into_response())
        }
    };
    *response.status_mut() = fault.status.map_or(usual, |status| status.0);
    response
}

/// Changes the server's own JSON answer; one that is not a JSON object stays as it is.
async fn change(response: Response, change: impl FnOnce(Map<String, Value>) -> String) -> Response {
    let (mut parts, body) = response.into_parts();
    // The server's own answers are small.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let body = match serde_json::from_slice(&body) {
        Ok(Value::Object(answer)) => change(answer).into(),
        _ => body,
    };
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

fn with_members(mut answer: Map<String, Value>, members: &Members) -> String {
    answer.retain(|name, _| !members.omit.contains(name));
    answer.extend(members.set.clone());
    Value::Object(answer).to_string()
}

fn fill(template: &str, answer: &Map<String, Value>) -> String {
    answer.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("${name}"), value.as_str().unwrap_or_default())
    })
}

/// A header that is given takes the place of those with the same name.
fn replace(headers: &mut HeaderMap, given: &HeaderMap) {
    for name in given.keys() {
        headers.remove(name);
        for value in given.get_all(name) {
            headers.append(name, value.clone());
        }
    }
}

fn skewed(date: Date) -> Option<HeaderValue> {
    let Date::SkewSeconds(seconds) = date else { return None };
    let skew = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    let time = if seconds < 0 { now.checked_sub(skew) } else { now.checked_add(skew) };
    // The format has four digits for the year.
    let time = time.filter(|time| *time < SystemTime::UNIX_EPOCH + LAST_DATE)?;
    HeaderValue::try_from(httpdate::fmt_http_date(time.max(SystemTime::UNIX_EPOCH))).ok()
}

/// The end of the year 9999.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);
