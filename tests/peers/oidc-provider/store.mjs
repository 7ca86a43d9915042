// The provider's own in-memory store keeps only its newest thousand records: under load it would forget
// consumed refresh tokens, and a replayed one would then pass for one it never issued. This one forgets nothing
// while the process lives. The provider itself compares expiry times when it reads a record.
//
// The provider looks whether a refresh token was consumed and consumes it in two steps, and leaves it to its store that
// nothing comes in between. Here nothing does as long as no method waits for the outside (a timer, a file, a socket):
// all steps then run before the event loop turns to the next request.
class Records {
  #records = new Map();

  async upsert(id, payload) {
    this.#records.set(id, payload);
  }

  async find(id) {
    return this.#records.get(id);
  }

  async findByUid(uid) {
    return [...this.#records.values()].find((payload) => payload.uid === uid);
  }

  async consume(id) {
    this.#records.get(id).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    this.#records.delete(id);
  }

  async revokeByGrantId(grantId) {
    for (const [id, payload] of this.#records) {
      if (payload.grantId === grantId) this.#records.delete(id);
    }
  }

  clear() {
    this.#records.clear();
  }
}

/** A factory of record sets in the shape of the provider's `adapter` option: one set per model name. */
export function createStore() {
  const models = new Map();
  return (model) => {
    if (!models.has(model)) models.set(model, new Records());
    return models.get(model);
  };
}
