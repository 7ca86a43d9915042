//! A listener that can go offline and come back at the same address.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::wire::{Connection, Wire};

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

/// What the standard library takes, which opened the socket first.
const BACKLOG: u32 = 128;
/// Nobody has an address longer who is about to give it back.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    router: Router,
    online: Mutex<Option<Online>>,
    /// The address while it is offline: nobody else gets it, and whoever connects is refused.
    reserved: Mutex<Option<TcpSocket>>,
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
        let listener = Self {
            address,
            router,
            online: Mutex::default(),
            reserved: Mutex::default(),
            connections: Arc::default(),
        };
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
            let reserved = reserve(self.address).await.ok();
            *self.reserved.lock().unwrap_or_else(PoisonError::into_inner) = reserved;
        }
    }

    pub(crate) async fn go_online(&self) -> io::Result<()> {
        if self.online.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            let reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner).take();
            let socket = match reserved {
                Some(reserved) => reserved,
                None => reserve(self.address).await?,
            };
            self.serve(socket.listen(BACKLOG)?);
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

/// Bound, and not listening.
fn reserve_at_once(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // The connections of before may not be gone altogether.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// A program that starts another one at this moment holds the old socket in the child until that has become the other
/// program.
async fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let began = Instant::now();
    loop {
        match reserve_at_once(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && began.elapsed() < PATIENCE => {
                sleep(PAUSE).await;
            }
            result => return result,
        }
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
    let (wire, returned) = Wire::new(stream);
    let (connection, mut taken_over) = Connection::new();
    let service = TowerToHyperService::new(router.layer(Extension(connection)));
    let builder = Builder::new(TokioExecutor::new());
    let delivery = tokio::select! {
        _ = builder.serve_connection(TokioIo::new(wire), service) => None,
        delivery = taken_over.recv() => delivery,
        _ = online.changed() => return,
    };
    // HTTP has let go of the socket here.
    let Ok(mut stream) = returned.await else { return };
    let last = async {
        match delivery {
            Some(delivery) => delivery.perform(stream).await,
            // A reset now would take the end of an answer with it.
            None => read_on(&mut stream).await,
        }
    };
    tokio::select! {
        () = last => {}
        _ = online.changed() => {}
    }
}

/// Reads until the client closes.
pub(crate) async fn read_on(stream: &mut TcpStream) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
}
