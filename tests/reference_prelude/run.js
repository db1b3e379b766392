"use strict";

// Runs every check, or those named behind the folder of npm packages; says of each on a line of JSON what came of it.

const fs = require("node:fs");
const path = require("node:path");

/** @returns {Promise<string | null>} what went wrong */
async function failureOf(/** @type {() => Promise<void>} */ check) {
  try {
    await check();
    return null;
  } catch (error) {
    return String(/** @type {any} */ (error)?.stack ?? error);
  }
}

async function main() {
  const wanted = new Set(process.argv.slice(3));
  const folder = path.join(__dirname, "checks");
  for (const file of fs.readdirSync(folder).sort()) {
    for (const [title, check] of Object.entries(require(path.join(folder, file)))) {
      const name = `${path.basename(file, ".js")}: ${title}`;
      if (wanted.size > 0 && !wanted.has(name)) continue;
      const failure = await failureOf(check);
      process.stdout.write(`${JSON.stringify({ name, failure })}\n`);
    }
  }
  process.kill(process.pid, "SIGKILL"); // a Node that has seen an isolate's memory end does not always exit well
}

main();
