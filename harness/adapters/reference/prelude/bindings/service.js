// Service bindings: another Worker, by fetch() and by its methods.

class Fetcher {
  #handle;
  static {
    setPrototypeOf(
      Fetcher.prototype,
      remoteMethods((stub, name, args) => callRemote(stub.#handle, "", name, args)),
    );
  }
  constructor(token, handle) {
    requireBindingToken(token);
    this.#handle = handle;
  }
  fetch(input, init = undefined) {
    return fetchBy("fetch() of a binding", input, init, this.#handle, (request) => request);
  }
  connect() {
    noConnect();
  }
}
webInterface(Fetcher);
