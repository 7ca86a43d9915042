//! How many requests may be on their way to one origin.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Version;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use url::{Origin, Url};

use crate::http::origin::is_origin_of;
use crate::runtime::runtime;

/// How many connections an origin gets: what common servers and phones bear. The rest queue, in order.
pub(crate) const MOST_PER_ORIGIN: usize = 64;
/// The connection's own task, and the one that puts it into the pool, with some to spare.
const TURNS_UNTIL_POOLED: usize = 8;
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
    all: usize,
    free: Semaphore,
    /// Those whose connections are on their way back to the pool.
    returning: AtomicUsize,
}

/// A place; dropping it lets the next request go.
#[derive(Debug)]
pub(crate) struct Permit {
    places: Arc<Places>,
    /// Its connection carries any number of requests.
    multiplexed: bool,
}

impl Permit {
    /// Says over which version of HTTP the request went.
    pub(crate) fn went_over(&mut self, version: Version) {
        self.multiplexed = version == Version::HTTP_2;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let places = &self.places;
        let runtime = match runtime() {
            Ok(runtime) if !self.multiplexed && !places.are_mostly_free() => runtime,
            _ => return places.free.add_permits(1),
        };
        // One task for all that come back meanwhile: a task for each would cost more than the rest of this module.
        if places.returning.fetch_add(1, Ordering::AcqRel) == 0 {
            runtime.spawn(Arc::clone(places).give_back());
        }
    }
}

impl Places {
    fn new(all: usize) -> Self {
        Self { all, free: Semaphore::new(all), returning: AtomicUsize::new(0) }
    }

    /// Whether as many connections again as are in use would keep within the bound: then it does not matter that the
    /// next request may open one because the last one is not back in the pool yet.
    fn are_mostly_free(&self) -> bool {
        self.free.available_permits() * 2 >= self.all
    }

    /// A connection returns to the pool a little after its answer has been read. The next request would not find it
    /// there and would open another.
    async fn give_back(self: Arc<Self>) {
        let mut back = self.returning.load(Ordering::Acquire);
        while back > 0 {
            for _ in 0..TURNS_UNTIL_POOLED {
                yield_now().await;
            }
            self.free.add_permits(back);
            // Those that came after these were counted need their own turns.
            back = self.returning.fetch_sub(back, Ordering::AcqRel) - back;
        }
    }
}

impl Connections {
    /// At most so many connections for each origin.
    pub(crate) fn new(limit: usize) -> Self {
        // The difference is for connections that are on their way back to the pool while the next request
        // opens another.
        let places = (limit - limit / 8).clamp(1, Semaphore::MAX_PERMITS);
        Self { places, origins: Mutex::default() }
    }

    /// A place, if there is one.
    pub(crate) fn admit_at_once(&self, url: &Url) -> Option<Permit> {
        let places = self.places(url);
        places.free.try_acquire().ok()?.forget();
        Some(Permit { places, multiplexed: false })
    }

    /// Waits for a place. Safe to cancel.
    pub(crate) async fn admit(&self, url: &Url) -> Permit {
        let places = self.places(url);
        // The semaphore is never closed.
        if let Ok(place) = places.free.acquire().await {
            place.forget();
        }
        Permit { places, multiplexed: false }
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
        let places = Arc::new(Places::new(self.places));
        origins.push((url.origin(), Arc::clone(&places)));
        places
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
    async fn a_place_is_there_at_once_while_most_are_free() {
        let connections = Connections::new(64);
        for _ in 0..10_000 {
            assert_eq!(taken(&connections, 28).len(), 28);
            assert_eq!(taken(&connections, 28).len(), 28, "those that were given back are there");
        }
    }

    #[tokio::test]
    async fn a_place_on_a_connection_for_many_requests_is_there_at_once() {
        let connections = Connections::new(64);
        for _ in 0..10_000 {
            let mut held = taken(&connections, 56);
            assert_eq!(held.len(), 56);
            held.iter_mut().for_each(|permit| permit.went_over(Version::HTTP_2));
        }
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
