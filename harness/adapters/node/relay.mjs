// For a container on a network of its own: what fetch() sends to a stand-in for the internet, which is on loopback of the
// machine around it, goes through the suite's unix socket instead. Everything else goes the way it goes.
import { connect } from "node:net";

/** Where Node's fetch() looks for what makes its connections; the package undici sets it there too. */
const PLACE = Symbol.for("undici.globalDispatcher.1");

/** @param {{ socket: string, addresses: string[], gateway: string | null }} settings */
export function relayFetch({ socket, addresses, gateway }) {
  new Request("http://localhost/"); // what makes the connections is loaded with the first of these
  const plain = globalThis[PLACE];
  const relayed = new plain.constructor({
    connect: ({ hostname, port }, callback) => {
      const connection = connect(socket, () => {
        connection.off("error", callback);
        connection.write(`${hostname}:${port || 80}\n`);
        callback(null, connection);
      });
      connection.once("error", callback);
    },
  });
  const isStandIn = (origin) => {
    const { protocol, hostname, host } = new URL(origin);
    return protocol === "http:" && (addresses.includes(hostname) || host === gateway);
  };
  globalThis[PLACE] = {
    dispatch: (options, handler) => (isStandIn(options.origin) ? relayed : plain).dispatch(options, handler),
  };
}
