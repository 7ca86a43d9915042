//! How many requests may be on their way to one origin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;
use url::{Origin, Url};

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
    origins: Mutex<HashMap<Origin, Arc<Semaphore>>>,
}

/// A place; dropping it lets the next request go.
#[derive(Debug)]
pub(crate) struct Permit {
    place: Option<OwnedSemaphorePermit>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (Some(place), Ok(runtime)) = (self.place.take(), runtime()) else { return };
        runtime.spawn(async move {
            // The connection returns to the pool a little after its answer has been read. The next request
            // would not find it there and would open another.
            for _ in 0..TURNS_UNTIL_POOLED {
                yield_now().await;
            }
            drop(place);
        });
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
        self.places(url).try_acquire_owned().ok().map(|place| Permit { place: Some(place) })
    }

    /// Waits for a place. Safe to cancel.
    pub(crate) async fn admit(&self, url: &Url) -> Permit {
        // The semaphore is never closed.
        Permit { place: self.places(url).acquire_owned().await.ok() }
    }

    fn places(&self, url: &Url) -> Arc<Semaphore> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if origins.len() > MOST_IDLE_ORIGINS {
            // Whoever holds or awaits a place holds its semaphore.
            origins.retain(|_, places| Arc::strong_count(places) > 1);
        }
        let places = origins.entry(url.origin()).or_insert_with(|| Arc::new(Semaphore::new(self.places)));
        Arc::clone(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
