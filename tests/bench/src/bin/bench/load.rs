//! Callers that each send one request after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bench::clients::{Client, Failure};
use serde_json::{Value, json};
use tokio::runtime::Handle;

/// What so many requests took.
pub(crate) struct Load {
    pub(crate) elapsed: Duration,
    /// Of each request, from the call to the whole body, in nanoseconds, shortest first.
    latencies: Vec<u64>,
}

impl Load {
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn quantile_us(&self, quantile: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let place = (last as f64 * quantile).round() as usize;
        self.latencies.get(place).map_or(f64::NAN, |nanoseconds| *nanoseconds as f64 / 1000.0)
    }

    pub(crate) fn figures(&self) -> Value {
        json!({
            "per_second": self.per_second(),
            "p50_us": self.quantile_us(0.5),
            "p99_us": self.quantile_us(0.99),
        })
    }
}

/// Sends the requests from so many tasks of the runtime. One that fails fails all: what is fast because it does nothing
/// is not measured.
pub(crate) fn load<C: Client>(
    runtime: &Handle,
    client: &Arc<C>,
    path: &'static str,
    concurrency: usize,
    requests: usize,
) -> Result<Load, Failure> {
    runtime.block_on(async {
        let begun = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let callers: Vec<_> = (0..concurrency)
            .map(|_| runtime.spawn(call(Arc::clone(client), path, Arc::clone(&begun), requests)))
            .collect();
        let mut latencies = Vec::with_capacity(requests);
        for caller in callers {
            latencies.extend(caller.await??);
        }
        let elapsed = start.elapsed();
        latencies.sort_unstable();
        Ok(Load { elapsed, latencies })
    })
}

async fn call(
    client: Arc<impl Client>,
    path: &'static str,
    begun: Arc<AtomicUsize>,
    requests: usize,
) -> Result<Vec<u64>, Failure> {
    let mut latencies = Vec::new();
    while begun.fetch_add(1, Ordering::Relaxed) < requests {
        let start = Instant::now();
        let body = client.get(path).await?;
        latencies.push(start.elapsed().as_nanos() as u64);
        if body.is_empty() {
            return Err("an empty body".into());
        }
    }
    Ok(latencies)
}
