// DOMException. https://webidl.spec.whatwg.org/#idl-DOMException

/** Names of DOMException with a code, by code; 0 for a code that is history. */
const exceptionNames = [
  "", "IndexSizeError", "", "HierarchyRequestError", "WrongDocumentError", "InvalidCharacterError", "",
  "NoModificationAllowedError", "NotFoundError", "NotSupportedError", "InUseAttributeError", "InvalidStateError",
  "SyntaxError", "InvalidModificationError", "NamespaceError", "InvalidAccessError", "", "TypeMismatchError",
  "SecurityError", "NetworkError", "AbortError", "URLMismatchError", "QuotaExceededError", "TimeoutError",
  "InvalidNodeTypeError", "DataCloneError",
];

/** Whether a value was made by DOMException, whatever its prototype is now. */
let isDOMException;

/** An Error with a stack; name, message and code are on the prototype. */
class DOMException extends Error {
  #message;
  #name;

  static {
    isDOMException = (value) => isObject(value) && #name in value;
  }

  constructor(message = "", name = "Error") {
    message = `${message}`;
    super(message); // for the first line of the stack
    deleteProperty(this, "message");
    this.#message = message;
    this.#name = `${name}`;
  }
  get name() {
    return this.#name;
  }
  get message() {
    return this.#message;
  }
  get code() {
    const code = arrayIndexOf(exceptionNames, this.#name);
    return code < 0 || this.#name === "" ? 0 : code;
  }
}
webInterface(DOMException);
webConstants(DOMException, {
  INDEX_SIZE_ERR: 1, DOMSTRING_SIZE_ERR: 2, HIERARCHY_REQUEST_ERR: 3, WRONG_DOCUMENT_ERR: 4, INVALID_CHARACTER_ERR: 5,
  NO_DATA_ALLOWED_ERR: 6, NO_MODIFICATION_ALLOWED_ERR: 7, NOT_FOUND_ERR: 8, NOT_SUPPORTED_ERR: 9,
  INUSE_ATTRIBUTE_ERR: 10, INVALID_STATE_ERR: 11, SYNTAX_ERR: 12, INVALID_MODIFICATION_ERR: 13, NAMESPACE_ERR: 14,
  INVALID_ACCESS_ERR: 15, VALIDATION_ERR: 16, TYPE_MISMATCH_ERR: 17, SECURITY_ERR: 18, NETWORK_ERR: 19,
  ABORT_ERR: 20, URL_MISMATCH_ERR: 21, QUOTA_EXCEEDED_ERR: 22, TIMEOUT_ERR: 23, INVALID_NODE_TYPE_ERR: 24,
  DATA_CLONE_ERR: 25,
});
