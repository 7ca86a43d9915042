//! A listener that can go offline and come back at the same address.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// How many connections are open, and how many were at most.
#[derive(Debug, Default)]
struct Connections {
    open: AtomicUsize,
    peak: AtomicUsize,
}

/// A connection that is open.
struct Open(Arc<Connections>);

impl Open {
    fn one_more(connections: &Arc<Connections>) -> Self {
        let open = connections.open.fetch_add(1, Ordering::SeqCst) + 1;
        connections.peak.fetch_max(open, Ordering::SeqCst);
        Self(Arc::clone(connections))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Ends the connection of a request without an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disconnect(Arc<Notify>);

impl Disconnect {
    pub(crate) fn now(&self) {
        self.0.notify_one();
    }
}

#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    router: Router,
    online: Mutex<Option<Online>>,
    connections: Arc<Connections>,
}

#[derive(Debug)]
struct Online {
    /// Dropping the sender ends the listener and all its connections.
    stop: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Listener {
    pub(crate) async fn start(router: Router) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let listener = Self { address, router, online: Mutex::new(None), connections: Arc::default() };
        listener.serve(socket);
        Ok(listener)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The most connections that were open at once.
    pub(crate) fn peak_connections(&self) -> usize {
        self.connections.peak.load(Ordering::SeqCst)
    }

    /// Refuses new connections and resets the open ones.
    pub(crate) async fn go_offline(&self) {
        let online = self.online.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Online { stop, accepting }) = online {
            drop(stop);
            // When the task is over, the address is free.
            let _ = accepting.await;
        }
    }

    pub(crate) async fn go_online(&self) -> io::Result<()> {
        if self.online.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            self.serve(TcpListener::bind(self.address).await?);
        }
        Ok(())
    }

    fn serve(&self, socket: TcpListener) {
        let (stop, online) = watch::channel(());
        let accepting =
            tokio::spawn(accept(socket, self.router.clone(), online, Arc::clone(&self.connections)));
        *self.online.lock().unwrap_or_else(PoisonError::into_inner) = Some(Online { stop, accepting });
    }
}

async fn accept(
    socket: TcpListener,
    router: Router,
    mut online: watch::Receiver<()>,
    connections: Arc<Connections>,
) {
    loop {
        tokio::select! {
            biased;
            _ = online.changed() => return,
            accepted = socket.accept() => {
                if let Ok((stream, _)) = accepted {
                    let open = Open::one_more(&connections);
                    let serving = serve(stream, router.clone(), online.clone());
                    tokio::spawn(async move {
                        serving.await;
                        drop(open);
                    });
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, router: Router, mut online: watch::Receiver<()>) {
    // When this side closes, it is to break off: the client then sees a reset, as from a lost server.
    let _ = stream.set_zero_linger();
    let _ = stream.set_nodelay(true);
    let disconnect = Disconnect::default();
    let service = TowerToHyperService::new(router.layer(Extension(disconnect.clone())));
    let builder = Builder::new(TokioExecutor::new());
    tokio::select! {
        _ = builder.serve_connection(TokioIo::new(stream), service) => {}
        _ = disconnect.0.notified() => {}
        _ = online.changed() => {}
    }
}
