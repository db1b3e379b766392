// `node main.mjs NODE_MODULES AREA`: runs the checks of an area; `... urls`: compares URLs that come as JSON lines;
// `... areas`: which areas there are.
//
// Prints one JSON value: for an area `{"checks": number, "failures": [{name, expected, saw}]}`, for each line of URLs
// (what `reportUrls` takes) `{"plain": number, "differences": [{case, expected, saw}]}`, plain: not sent to the host.

import readline from "node:readline";

import { AREAS } from "./areas.mjs";
import { Isolates, inNode, show } from "./isolate.mjs";
import { reportUrls } from "./urls.mjs";

const [nodeModules, area] = process.argv.slice(2);

const wantedText = (expected) => (String(expected).startsWith("throws ") ? expected : show(expected));

/** A check without an expected value is expected to come to what it comes to in Node. */
async function runArea(checks) {
  const isolates = new Isolates(nodeModules);
  const failures = [];
  for (const [name, check, ...expected] of checks) {
    const wanted = expected.length === 0 ? await inNode(check) : wantedText(expected[0]);
    const saw = await isolates.run(check);
    // A misspelt name must not pass for agreement.
    if (saw !== wanted || wanted === "throws ReferenceError") failures.push({ name, expected: wanted, saw });
  }
  return { checks: checks.length, failures };
}

async function runUrls() {
  const { context } = new Isolates(nodeModules).make();
  const report = (text) =>
    context.evalClosureSync(
      `const cases = JSON.parse($0);
       const plain = cases.filter(({ input }) => inside.plainUrl(input.toWellFormed()) !== null).length;
       return JSON.stringify([plain, (${reportUrls})(cases)]);`,
      [text],
    );
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const cases = JSON.parse(line);
    const [plain, saw] = JSON.parse(report(line));
    const expected = JSON.parse(JSON.stringify(reportUrls(cases)));
    const differences = cases
      .map((each, index) => ({ case: each, expected: expected[index], saw: saw[index] }))
      .filter((each) => JSON.stringify(each.expected) !== JSON.stringify(each.saw));
    process.stdout.write(`${JSON.stringify({ plain, differences })}\n`);
  }
}

const end = () => process.kill(process.pid, "SIGKILL"); // an orderly exit may crash in isolated-vm
if (area === "urls") await runUrls().then(end);
else if (area === "areas") process.stdout.write(`${JSON.stringify(Object.keys(AREAS))}\n`);
else process.stdout.write(`${JSON.stringify(await runArea(AREAS[area]))}\n`, end);
