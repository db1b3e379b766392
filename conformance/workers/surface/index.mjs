// Looks for the platform around the Worker: the host's environment, its files, its programs.

/** Runs every way and says what each came to. @param {Record<string, () => unknown>} ways */
async function tryAll(ways) {
  const found = {};
  for (const [name, way] of Object.entries(ways)) {
    try {
      found[name] = String(await way());
    } catch (error) {
      found[name] = `threw ${error?.name}`;
    }
  }
  return found;
}

const fromProcess = (name) => globalThis.process.getBuiltinModule(name);
const imported = async (name) => import(name);

const routes = {
  /** Everything that passes for environment variables. */
  "/environment": async (_url, env) => {
    const entries = {};
    const sources = [
      () => env,
      () => globalThis.process.env,
      async () => (await imported("node:process")).env,
      () => globalThis.Deno.env.toObject(),
      () => globalThis.Bun.env,
    ];
    for (const source of sources) {
      try {
        Object.assign(entries, { ...(await source()) });
      } catch {
        // no such place
      }
    }
    return entries;
  },

  /** The content of a file, by every way to a file there is. */
  "/read": (url) => {
    const path = url.searchParams.get("path");
    return tryAll({
      "node:fs, imported": async () => (await imported("node:fs")).readFileSync(path, "utf8"),
      "node:fs, from process": () => fromProcess("node:fs").readFileSync(path, "utf8"),
      "node:fs/promises": async () => (await imported("node:fs/promises")).readFile(path, "utf8"),
      "a file URL": async () => (await fetch(`file://${path}`)).text(),
      "a module by file URL": async () => (await imported(`file://${path}`)).default,
      "a module by path": async () => (await imported(path)).default,
      Deno: () => globalThis.Deno.readTextFile(path),
      Bun: () => globalThis.Bun.file(path).text(),
    });
  },

  /** The output of a host program that says the word again. */
  "/run": (url) => {
    const word = url.searchParams.get("word");
    const run = ({ execFileSync }) => execFileSync("/bin/echo", [word], { encoding: "utf8", timeout: 2000 });
    return tryAll({
      "node:child_process, imported": async () => run(await imported("node:child_process")),
      "node:child_process, from process": () => run(fromProcess("node:child_process")),
      Deno: async () => {
        const { stdout } = await new globalThis.Deno.Command("/bin/echo", { args: [word] }).output();
        return new TextDecoder().decode(stdout);
      },
      Bun: () => globalThis.Bun.spawnSync(["/bin/echo", word]).stdout,
    });
  },

  /** Under which of these names the global object has something. */
  "/globals": (url) => url.searchParams.getAll("name").filter((name) => name in globalThis),
};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const route = routes[url.pathname];
    return route ? Response.json(await route(url, env)) : new Response("no such route", { status: 404 });
  },
};
