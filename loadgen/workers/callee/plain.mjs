// The Worker that is called, where there is only HTTP to call it by.
import { respond } from "./answer.mjs";

export default { fetch: respond };
