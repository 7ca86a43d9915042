//! The control API: realms are made and told what to do over HTTP.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::options::RealmOptions;
use crate::realm::{CommandError, Realm};

/// A control API that listens on loopback.
#[derive(Debug)]
pub struct Authority {
    socket: TcpListener,
    control_url: String,
}

#[derive(Clone, Debug)]
struct Realms {
    control_url: String,
    realms: Arc<Mutex<HashMap<String, Realm>>>,
    next: Arc<Mutex<u64>>,
}

impl Authority {
    /// Binds the control API; port 0 is any free one.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let control_url = format!("http://{}", socket.local_addr()?);
        Ok(Self { socket, control_url })
    }

    /// Where the control API is.
    pub fn control_url(&self) -> &str {
        &self.control_url
    }
}

/// Serves the control API for ever.
pub async fn serve_control(authority: Authority) {
    let realms = Realms { control_url: authority.control_url, realms: Arc::default(), next: Arc::default() };
    let router = Router::new()
        .route("/realms", post(create))
        .route("/realms/{id}", delete(remove))
        .route("/realms/{id}/counters", get(counters))
        .route("/realms/{id}/{command}", post(command))
        .with_state(realms);
    loop {
        if let Ok((stream, _)) = authority.socket.accept().await {
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                // A client that goes away is no concern of the server's.
                let _ =
                    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }
}

impl Realms {
    fn find(&self, id: &str) -> Option<Realm> {
        self.realms.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

async fn create(State(realms): State<Realms>, body: String) -> Response {
    let options = if body.trim().is_empty() { "{}" } else { &body };
    let options: RealmOptions = match serde_json::from_str(options) {
        Ok(options) => options,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let realm = match Realm::start(options).await {
        Ok(realm) => realm,
        Err(error) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    };
    let id = {
        let mut next = realms.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        next.to_string()
    };
    let answer = json!({
        "id": id,
        "api_url": realm.api_url(),
        "auth_url": realm.auth_url(),
        "control_url": format!("{}/realms/{id}", realms.control_url),
    });
    realms.realms.lock().unwrap_or_else(PoisonError::into_inner).insert(id, realm);
    Json(answer).into_response()
}

async fn remove(State(realms): State<Realms>, Path(id): Path<String>) -> Response {
    match realms.realms.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
        Some(_) => Json(json!({})).into_response(),
        None => no_realm(),
    }
}

async fn counters(State(realms): State<Realms>, Path(id): Path<String>) -> Response {
    match realms.find(&id) {
        Some(realm) => Json(realm.counters()).into_response(),
        None => no_realm(),
    }
}

async fn command(
    State(realms): State<Realms>,
    Path((id, name)): Path<(String, String)>,
    body: String,
) -> Response {
    let Some(realm) = realms.find(&id) else { return no_realm() };
    let arguments = if body.trim().is_empty() { Ok(json!({})) } else { serde_json::from_str::<Value>(&body) };
    let result = match arguments {
        Ok(arguments) => realm.carry_out(&name, arguments).await,
        Err(error) => Err(CommandError::Malformed(error)),
    };
    match result {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => {
            let status = match error {
                CommandError::Unknown | CommandError::NoSuchUser => StatusCode::NOT_FOUND,
                CommandError::Malformed(_) => StatusCode::BAD_REQUEST,
                CommandError::TimedOut => StatusCode::REQUEST_TIMEOUT,
                CommandError::Listener(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            refuse(status, &format!("{name}: {error}"))
        }
    }
}

fn no_realm() -> Response {
    refuse(StatusCode::NOT_FOUND, "there is no such realm")
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({"error": why}))).into_response()
}
