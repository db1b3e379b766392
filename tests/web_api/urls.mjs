// What URL and URLSearchParams make of given texts: the same function runs in Node and in an isolate.

/**
 * @param {Array<{input: string, base: string | null, steps: Array<[string, ...string[]]>}>} cases
 * @returns {Array<unknown>} for each case the components before and after each step; null for what is no URL
 */
export function reportUrls(cases) {
  const parts = (url) => [
    url.href, url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search,
      url.hash,
    url.origin, Array.from(url.searchParams),
  ];
  return cases.map(({ input, base, steps }) => {
    const url = base === null ? URL.parse(input) : URL.parse(input, base);
    if (url === null) return URL.canParse(input, base ?? undefined);
    const seen = [steps.length % 2 ? parts(url) : url.href]; // with and without searchParams made before the steps
    for (const [step, ...values] of steps) {
      if (step.startsWith("params.")) url.searchParams[step.slice(7)](...values);
      else url[step] = values[0];
      seen.push(url.href);
    }
    seen.push(parts(url));
    return seen;
  });
}
