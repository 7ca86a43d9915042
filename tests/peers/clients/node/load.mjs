// Sends many requests from some callers that each send one after the other, and says how long they took.

const percentile = (sorted, part) => sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;

async function sendAll(api, path, concurrency, requests) {
  const microseconds = [];
  let failed = 0;
  let next = 0;
  const caller = async () => {
    while (next < requests) {
      next += 1;
      const start = performance.now();
      await api.get(path).catch(() => {
        failed += 1;
      });
      microseconds.push((performance.now() - start) * 1000);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, caller));
  return { failed, microseconds };
}

/** The answer to the command `load`. */
export async function load(api, { path, concurrency, requests, warmup }) {
  await sendAll(api, path, concurrency, warmup);
  const start = performance.now();
  const { failed, microseconds } = await sendAll(api, path, concurrency, requests);
  const seconds = (performance.now() - start) / 1000;
  microseconds.sort((a, b) => a - b);
  return {
    requests: microseconds.length,
    failed,
    seconds,
    p50_us: percentile(microseconds, 0.5),
    p99_us: percentile(microseconds, 0.99),
    max_us: percentile(microseconds, 1),
  };
}
