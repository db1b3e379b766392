// D1 databases.

/** `boundStatement(statement)`: its SQL and parameters as JSON. */
let boundStatement;

/** A parameter on its way to the database. @throws {Error} D1_TYPE_ERROR */
function d1Parameter(value) {
  if (value === null) return "null";
  if (typeof value === "string") return quote(value);
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value === "number" && numberIsFinite(value)) return jsonStringify(value);
  const bytes = isArray(value) ? typedArrayBuffer(new Uint8Array(value)) : copiedBytes(value);
  if (bytes !== null) return `{"b":"${base64Encode(new Uint8Array(bytes))}"}`;
  throw new Error(`D1_TYPE_ERROR: Type '${typeof value}' not supported for value '${String(value)}'`);
}

/** A value out of the database; bytes are an array of numbers, as D1 has them. */
function d1Value(value) {
  if (!isObject(value)) return value;
  const bytes = base64Decode(value.b);
  const numbers = [];
  for (let index = 0; index < typedArrayLength(bytes); index += 1) append(numbers, bytes[index]);
  return numbers;
}

/** @param {{columns: string[], rows: any[][]}} result @returns {any[][]} */
function d1Rows({ rows }) {
  for (let row = 0; row < rows.length; row += 1) {
    for (let column = 0; column < rows[row].length; column += 1) rows[row][column] = d1Value(rows[row][column]);
  }
  return rows;
}

function d1Objects(result) {
  const rows = d1Rows(result);
  const objects = [];
  for (let row = 0; row < rows.length; row += 1) {
    const object = {};
    for (let column = 0; column < result.columns.length; column += 1)
      setOwn(object, result.columns[column], rows[row][column]);
    append(objects, object);
  }
  return objects;
}

function d1Result(result) {
  setOwn(result.meta, "changed_db", result.meta.changes > 0);
  return { success: true, meta: result.meta, results: d1Objects(result) };
}

class D1PreparedStatement {
  #handle;
  #sql;
  #parameters;
  static {
    boundStatement = (statement) => `{"sql":${quote(statement.#sql)},"params":[${statement.#parameters}]}`;
  }
  constructor(token, handle, sql, parameters) {
    requireBindingToken(token);
    this.#handle = handle;
    this.#sql = sql;
    this.#parameters = parameters;
  }
  bind(...values) {
    let text = "";
    for (let index = 0; index < values.length; index += 1)
      text += `${index === 0 ? "" : ","}${d1Parameter(values[index])}`;
    return new D1PreparedStatement(bindingToken, this.#handle, this.#sql, text);
  }
  #query(name, convert) {
    const answer = (text) => convert(jsonParse(text)[0]);
    return callHost(
      `${name}() of a D1 statement`,
      this.#handle,
      "query",
      `[${boundStatement(this)}],"rows"`,
      null,
      answer,
    );
  }
  async all() {
    return this.#query("all", d1Result);
  }
  async run() {
    return this.#query("run", d1Result);
  }
  async first(column = undefined) {
    return this.#query("first", (result) => {
      const objects = d1Objects(result);
      if (objects.length === 0) return null;
      if (column === undefined) return objects[0];
      if (!hasOwn(objects[0], column)) throw new Error(`D1_COLUMN_NOTFOUND: Column not found (${String(column)})`);
      return objects[0][column];
    });
  }
  async raw(options = undefined) {
    const { columnNames } = requireDictionary(options, "raw() of a D1 statement");
    return this.#query("raw", (result) => {
      const rows = [];
      if (columnNames) append(rows, result.columns);
      const values = d1Rows(result);
      for (let index = 0; index < values.length; index += 1) append(rows, values[index]);
      return rows;
    });
  }
}
webInterface(D1PreparedStatement);

class D1Database {
  #handle;
  constructor(token, handle) {
    requireBindingToken(token);
    this.#handle = handle;
  }
  prepare(sql) {
    requireArguments(arguments.length, 1, "prepare() of a D1 database");
    return new D1PreparedStatement(bindingToken, this.#handle, toUSVString(sql), "");
  }
  /** One transaction. */
  async batch(statements) {
    let text = "";
    for (let index = 0; index < statements.length; index += 1)
      text += `${index === 0 ? "" : ","}${boundStatement(statements[index])}`;
    return callHost("batch() of a D1 database", this.#handle, "query", `[${text}],"rows"`, null, (answer) => {
      const results = jsonParse(answer);
      for (let index = 0; index < results.length; index += 1) results[index] = d1Result(results[index]);
      return results;
    });
  }
  async exec(sql) {
    requireArguments(arguments.length, 1, "exec() of a D1 database");
    return callHost("exec() of a D1 database", this.#handle, "exec", quote(toUSVString(sql)), null, (answer) =>
      jsonParse(answer),
    );
  }
}
webInterface(D1Database);
