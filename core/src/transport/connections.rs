//! How many requests may be on their way to one origin.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Version;
use tokio::sync::Semaphore;
use url::{Origin, Url};

use crate::http::origin::is_origin_of;

/// How many connections an origin gets: what common servers and phones bear. The rest queue, in order.
pub(crate) const MOST_PER_ORIGIN: usize = 64;
/// How many requests one connection of HTTP/2 gets: more than what common servers allow, which is what bounds them then (RFC
/// 9113 section 5.1.2).
const MOST_STREAMS: usize = 256;
/// Redirects may lead to any number of origins: those that nobody uses are forgotten beyond this number.
const MOST_IDLE_ORIGINS: usize = 32;

/// The places for requests, origin by origin. One that is held from before the request is sent until its
/// answer has been read bounds the connections as well.
#[derive(Debug)]
pub(crate) struct Connections {
    places: usize,
    /// Few, so that the first ones are found sooner than by a hash.
    origins: Mutex<Vec<(Origin, Arc<Places>)>>,
}

/// The places of one origin.
#[derive(Debug)]
struct Places {
    /// Each has a connection of its own.
    connections: Semaphore,
    /// All share one.
    streams: Semaphore,
    /// Whether the origin has answered over HTTP/2 last.
    multiplexed: AtomicBool,
}

/// A place; dropping it lets the next request go.
#[derive(Debug)]
pub(crate) struct Permit {
    places: Arc<Places>,
    is_stream: bool,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.places.lane(self.is_stream).add_permits(1);
    }
}

impl Permit {
    /// Says over which version of HTTP the request went.
    pub(crate) fn went_over(&self, version: Version) {
        self.places.multiplexed.store(version == Version::HTTP_2, Ordering::Relaxed);
    }
}

impl Places {
    fn lane(&self, is_stream: bool) -> &Semaphore {
        if is_stream { &self.streams } else { &self.connections }
    }
}

impl Connections {
    /// At most so many connections for each origin.
    pub(crate) fn new(limit: usize) -> Self {
        // The difference is for connections that are on their way back to the pool while the next request opens another.
        // To wait until they are back would cost a loaded host 8 % of its throughput.
        let places = (limit - limit / 8).clamp(1, Semaphore::MAX_PERMITS);
        Self { places, origins: Mutex::default() }
    }

    /// A place, if there is one.
    pub(crate) fn admit_at_once(&self, url: &Url) -> Option<Permit> {
        let places = self.places(url);
        let is_stream = places.multiplexed.load(Ordering::Relaxed);
        places.lane(is_stream).try_acquire().ok()?.forget();
        Some(Permit { places, is_stream })
    }

    /// Waits for a place. Safe to cancel.
    pub(crate) async fn admit(&self, url: &Url) -> Permit {
        let places = self.places(url);
        let is_stream = places.multiplexed.load(Ordering::Relaxed);
        // The semaphore is never closed.
        if let Ok(place) = places.lane(is_stream).acquire().await {
            place.forget();
        }
        Permit { places, is_stream }
    }

    fn places(&self, url: &Url) -> Arc<Places> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, places)) = origins.iter().find(|(origin, _)| is_origin_of(origin, url)) {
            return Arc::clone(places);
        }
        if origins.len() > MOST_IDLE_ORIGINS {
            // Whoever holds or awaits a place holds its semaphore.
            origins.retain(|(_, places)| Arc::strong_count(places) > 1);
        }
        let places = Arc::new(Places {
            connections: Semaphore::new(self.places),
            streams: Semaphore::new(MOST_STREAMS.max(self.places)),
            multiplexed: AtomicBool::new(false),
        });
        origins.push((url.origin(), Arc::clone(&places)));
        places
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn each_origin_has_its_places_and_those_that_nobody_uses_are_forgotten() {
        let connections = Connections::new(64);
        let url = |text: &str| Url::parse(text).expect("a URL");
        let held: Vec<_> = (0..56).map(|_| connections.admit_at_once(&url("https://a.example/1"))).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(connections.admit_at_once(&url("https://a.example/2")).is_none());
        assert!(connections.admit_at_once(&url("https://a.example:8443/")).is_some());
        for number in 0..1000 {
            connections.places(&url(&format!("https://{number}.example/")));
        }
        assert!(connections.origins.lock().expect("no panic").len() <= MOST_IDLE_ORIGINS + 2);
        assert!(connections.admit_at_once(&url("https://a.example/2")).is_none());
        drop(held);
        connections.admit(&url("https://a.example/2")).await;
    }

    fn taken(connections: &Connections, count: usize) -> Vec<Permit> {
        let url = Url::parse("https://a.example/").expect("a URL");
        (0..count).map_while(|_| connections.admit_at_once(&url)).collect()
    }

    #[tokio::test]
    async fn an_origin_that_speaks_http_2_gets_more_requests_until_it_answers_otherwise() {
        let connections = Connections::new(64);
        let first = taken(&connections, 1000);
        assert_eq!(first.len(), 56, "nobody knows yet");
        first[0].went_over(Version::HTTP_2);
        let streams = taken(&connections, 1000);
        assert_eq!(streams.len(), 256);
        streams[0].went_over(Version::HTTP_11);
        assert_eq!(taken(&connections, 1000).len(), 0, "those that are under way count");
        drop(first);
        assert_eq!(taken(&connections, 1000).len(), 56);
        drop(streams);
        assert_eq!(taken(&connections, 1000).len(), 56, "each place goes back to where it was taken");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_place_is_lost_or_made_however_many_are_given_back_at_once() {
        let connections = Arc::new(Connections::new(8));
        let url = Url::parse("https://a.example/").expect("a URL");
        let callers = (0..64).map(|_| {
            let (connections, url) = (Arc::clone(&connections), url.clone());
            tokio::spawn(async move {
                for _ in 0..100 {
                    let permit = connections.admit(&url).await;
                    yield_now().await;
                    drop(permit);
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        let all_places = async {
            for caller in callers {
                caller.await.expect("no panic");
            }
            let mut held = Vec::new();
            for _ in 0..7 {
                held.push(connections.admit(&url).await);
            }
            held
        };
        let _held = timeout(PATIENCE, all_places).await.expect("no place is lost");
        assert!(connections.admit_at_once(&url).is_none(), "there are seven");
    }
}
