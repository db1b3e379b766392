// What other events than requests come to.

/** The answer of a method. @throws {DOMException} DataCloneError for a value that cannot cross */
function respondValue(invocation, value) {
  if (invocation.over) return;
  post(`["return",${invocation.rid},${codedText(value, rpcOptions)}]`);
  partDone(invocation);
}

/** The answer of other handlers. @param {string} text JSON */
function respondText(invocation, text) {
  if (invocation.over) return;
  post(`["return",${invocation.rid},${text}]`);
  partDone(invocation);
}

/**
 * What each type of event comes to. May throw.
 * @type {Record<string, (invocation: Invocation, event: any, bytes?: ArrayBuffer) => void>}
 */
const otherEvents = {
  __proto__: null,
  rpc(invocation, event) {
    const { receiver, isInstance } = receiverOf(invocation, event.entrypoint);
    if (!isInstance || !isPrototypeOf(WorkerEntrypoint.prototype, receiver)) {
      throw new TypeError("The receiver is not an RPC object: its class does not extend WorkerEntrypoint.");
    }
    answerLater(invocation, callMethod(receiver, event.method, decoded(event.args)), respondValue);
  },
  "object-fetch"(invocation, event, bytes) {
    const use = (instance) => {
      if (typeof instance.fetch !== "function") throw new TypeError("Handler does not export a fetch() function.");
      return instance.fetch(incomingRequest(invocation, event.request, bytes));
    };
    need("objects");
    enterObject(invocation, event, use, (result) => answerLater(invocation, result, respond));
  },
  "object-rpc"(invocation, event) {
    const use = (instance) => {
      if (!isPrototypeOf(DurableObject.prototype, instance)) {
        throw new TypeError("The receiver is not an RPC object: its class does not extend DurableObject.");
      }
      return callMethod(instance, event.method, decoded(event.args));
    };
    need("objects");
    enterObject(invocation, event, use, (result) => answerLater(invocation, result, respondValue));
  },
  scheduled(invocation, event) {
    const result = callHandler(invocation, null, "scheduled", new ScheduledController(contextToken, event));
    answerLater(invocation, result, () => respondText(invocation, "null"));
  },
  queue(invocation, event) {
    const { batch, answer } = batchOf(event);
    const result = callHandler(invocation, null, "queue", batch);
    answerLater(invocation, result, () => respondText(invocation, answer()));
  },
  tail(invocation, event) {
    const result = callHandler(invocation, null, "tail", event.events);
    answerLater(invocation, result, () => respondText(invocation, "null"));
  },
};
