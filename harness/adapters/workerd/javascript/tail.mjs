// Writes the outcome of each invocation of one Worker to the log, where the adapter's ledger reads it.
export default {
  tail(events, env) {
    for (const event of events) {
      const record = { worker: env.WORKER, outcome: event.outcome, at: event.eventTimestamp };
      console.log(`isomark-tail ${JSON.stringify(record)}`);
    }
  },
};
