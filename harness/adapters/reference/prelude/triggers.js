// What handlers other than fetch() are given: the controller of scheduled(), the batch of queue().

/** The batch that a queue() handler is given, and which of its messages it acknowledged. */
class QueueMessage {
  #decide;
  id;
  timestamp;
  body;
  attempts;
  constructor(token, message, decide) {
    if (token !== contextToken) throw new TypeError("Illegal constructor");
    this.#decide = decide;
    this.id = message.id;
    this.timestamp = new Date(message.timestamp);
    this.body = decoded(message.body);
    this.attempts = message.attempts;
  }
  ack() {
    this.#decide(true);
  }
  retry() {
    this.#decide(false);
  }
}
webInterface(QueueMessage);

class MessageBatch {
  #decideAll;
  queue;
  messages;
  constructor(token, queue, messages, decideAll) {
    if (token !== contextToken) throw new TypeError("Illegal constructor");
    this.#decideAll = decideAll;
    this.queue = queue;
    this.messages = messages;
  }
  ackAll() {
    this.#decideAll(true);
  }
  retryAll() {
    this.#decideAll(false);
  }
}
webInterface(MessageBatch);

class ScheduledController {
  #event;
  constructor(token, event) {
    if (token !== contextToken) throw new TypeError("Illegal constructor");
    this.#event = event;
  }
  get scheduledTime() {
    return this.#event.scheduledTime;
  }
  get cron() {
    return this.#event.cron;
  }
  noRetry() {
    this.#event;
  }
}
webInterface(ScheduledController);

/** @returns {{batch: MessageBatch, answer: () => string}} the answer: what became of each message, as JSON */
function batchOf(event) {
  /** @type {Map<string, boolean>} whether a message was acknowledged; absent: nobody said */
  const decisions = new SafeMap();
  const messages = [];
  for (let index = 0; index < event.messages.length; index += 1) {
    const { id } = event.messages[index];
    const decide = (isAcknowledged) => decisions.has(id) || decisions.set(id, isAcknowledged);
    append(messages, new QueueMessage(contextToken, event.messages[index], decide));
  }
  const decideAll = (isAcknowledged) => {
    for (let index = 0; index < event.messages.length; index += 1) {
      const { id } = event.messages[index];
      if (!decisions.has(id)) decisions.set(id, isAcknowledged);
    }
  };
  const answer = () => {
    decideAll(true); // whoever returns without a word has taken the messages
    let acks = "";
    let retries = "";
    decisions.forEach((isAcknowledged, id) => {
      if (isAcknowledged) acks += `${acks === "" ? "" : ","}${quote(id)}`;
      else retries += `${retries === "" ? "" : ","}${quote(id)}`;
    });
    return `{"acks":[${acks}],"retries":[${retries}]}`;
  };
  return { __proto__: null, batch: new MessageBatch(contextToken, event.queue, messages, decideAll), answer };
}
