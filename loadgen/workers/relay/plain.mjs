// The same where there is only HTTP to go on by.
import { byHttp, respond } from "./hops.mjs";

export default { fetch: (request, env) => respond(request, env.MARK, { "/http": byHttp(request) }) };
