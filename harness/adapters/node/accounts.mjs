// A record per request, said as it begins and as it ends, with the CPU time that the kernel's count for this cgroup (the
// container) grew by meanwhile. The count is for the whole container: it is one request's only when that one was alone.
import { openSync, readSync } from "node:fs";

/** Where a container finds its own count, and how to read nanoseconds from it: cgroup 2, then cgroup 1. */
const COUNTS = [
  { path: "/sys/fs/cgroup/cpu.stat", toNs: (text) => Number(/^usage_usec (\d+)/m.exec(text)?.[1]) * 1000 },
  { path: "/sys/fs/cgroup/cpuacct/cpuacct.usage", toNs: Number },
  { path: "/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", toNs: Number },
];

/** What a client that goes away does to a response that is being written: nobody's exception. */
const CLIENT_GONE = new Set(["ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_UNABLE_TO_PIPE", "ERR_STREAM_DESTROYED"]);

function openCount() {
  for (const { path, toNs } of COUNTS) {
    try {
      const descriptor = openSync(path);
      const buffer = Buffer.alloc(4096);
      const read = () => {
        process.cpuUsage(); // makes the kernel book what this thread used up to now: else the count is a tick behind
        return toNs(buffer.toString("latin1", 0, readSync(descriptor, buffer, 0, buffer.length, 0)));
      };
      if (Number.isFinite(read())) return { path, read };
    } catch {
      // not there: the next one
    }
  }
  return undefined;
}

/** @param {(message: object) => void} say */
export function accountsTo(say) {
  const count = openCount();
  if (count === undefined) return { source: "", begun: () => undefined };
  const inside = new Set();
  let last = 0;
  const begun = () => {
    for (const other of inside) other.alone = false;
    const record = { number: ++last, alone: inside.size === 0, beganNs: Number(process.hrtime.bigint()), cpuNs: count.read() };
    inside.add(record);
    const { number, beganNs, cpuNs } = record;
    say({ event: "begun", number, beganNs, cpuNs });
    const ended = (error) => {
      inside.delete(record);
      const outcome = error === undefined ? "ok" : CLIENT_GONE.has(error?.code) ? "canceled" : "exception";
      const usedNs = count.read() - cpuNs;
      const wallNs = Number(process.hrtime.bigint()) - beganNs;
      say({ event: "ended", number, outcome, wallNs, cpuNs: record.alone ? usedNs : null });
    };
    return { ended };
  };
  return { source: count.path, begun };
}
