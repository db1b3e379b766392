// Makes isolates at run time from code that the adapter wrote to disk, through workerd's workerLoader.
// Two doors: Redeployable (the current version of a Worker) and OnDemand (a fresh isolate for each new name).
import { WorkerEntrypoint } from "cloudflare:workers";

const ISOLATE_HEADER = "isomark-isolate";

/** Code on disk never changes under one version: read once by each isolate of this loader. */
const codeInMemory = new Map();

/**
 * @param {{CODE: Fetcher}} env
 * @param {string} file
 * @returns {Promise<string>}
 */
async function read(env, file) {
  const response = await env.CODE.fetch(`http://code/${file}`);
  if (!response.ok) throw new Error(`no file ${file}: ${response.status}`);
  return new TextDecoder().decode(await response.arrayBuffer()); // text() warns of the content type, for each call
}

const currentVersion = async (env, worker) => Number(await read(env, `${worker}.version`));
const codeOf = async (env, worker, version) => JSON.parse(await read(env, `${worker}.${version}.json`));

async function current(env, { worker, entrypoint }) {
  const version = await currentVersion(env, worker);
  const stub = env.LOADER.get(`${worker}@${version}`, () => codeOf(env, worker, version));
  return stub.getEntrypoint(entrypoint ?? undefined);
}

/** Stands where a service binding points: forwards fetch and every RPC method to the version that is current now. */
export class Redeployable extends WorkerEntrypoint {
  constructor(ctx, env) {
    super(ctx, env);
    return new Proxy(this, {
      get(target, property) {
        if (property === "fetch") return async (request) => (await current(env, ctx.props)).fetch(request);
        if (property in target || typeof property !== "string") return target[property];
        return async (...args) => (await current(env, ctx.props))[property](...args);
      },
    });
  }
}

/** Serves a request from the isolate its header names, made for it when there is none. */
export class OnDemand extends WorkerEntrypoint {
  async fetch(request) {
    const { worker } = this.ctx.props;
    const name = request.headers.get(ISOLATE_HEADER);
    if (!name) return new Response(`header ${ISOLATE_HEADER} is missing`, { status: 400 });
    let code = codeInMemory.get(worker);
    if (code === undefined) {
      code = await codeOf(this.env, worker, await currentVersion(this.env, worker));
      codeInMemory.set(worker, code);
    }
    return this.env.LOADER.get(`on-demand:${worker}:${name}`, async () => code).getEntrypoint().fetch(request);
  }
}

export default {
  fetch() {
    return new Response("the loader serves nothing by itself", { status: 404 });
  },
};
