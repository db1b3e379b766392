// Durable Objects of every kind that the checks need.
import { DurableObject } from "cloudflare:workers";
import { caught } from "./outcomes.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let made = 0;

export class Counter extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.number = made += 1;
    this.seen = 0;
  }
  fetch() {
    this.seen += 1;
    return Response.json([this.number, this.seen, String(this.ctx.id), this.ctx.id.name, this.env.TEXT]);
  }
  add(left, right) {
    return left + right;
  }
}

/** Not of the platform's base class: its methods are nobody's to call. */
export class Plain {
  add() {
    return 1;
  }
}

/** Does everything that a storage can. */
export class Keeper extends DurableObject {
  async fetch() {
    const { storage } = this.ctx;
    await storage.put("date", new Date(5));
    await storage.put({ map: new Map([[1, new Set(["a"])]]), text: "\ud800", none: undefined });
    const keys = async (options) => [...(await storage.list(options)).keys()];
    const seen = {
      date: (await storage.get("date")).getTime(),
      map: [...(await storage.get("map")).get(1)],
      text: (await storage.get("text")).charCodeAt(0),
      absent: typeof (await storage.get("absent")),
      several: [...(await storage.get(["text", "absent", "date"])).keys()],
      listed: await keys(),
      range: await keys({ start: "e", limit: 1, reverse: true }),
      prefix: await keys({ prefix: "da" }),
      deleted: [await storage.delete("date"), await storage.delete("date"), await storage.delete(["map", "x"])],
      wrong: [
        await caught(() => storage.put(5, 1)),
        await caught(() => storage.put("a")),
        await caught(() => storage.put("f", () => 1)),
        await caught(() => storage.list({ limit: 0 })),
      ],
      alarms: [await caught(() => storage.getAlarm()), await caught(() => storage.setAlarm(5))],
    };
    await storage.sync();
    await storage.deleteAll();
    const left = await storage.list();
    return Response.json({ ...seen, left: left.size, isMap: left instanceof Map });
  }
}

export class Transactions extends DurableObject {
  async fetch() {
    const { storage } = this.ctx;
    await storage.put({ a: 1, b: 1 });
    const result = await storage.transaction(async (txn) => {
      await txn.put("a", 2);
      await txn.delete("b");
      await txn.put({ c: 3 });
      const several = await txn.get(["a", "b", "c"]);
      return [await txn.get("a"), (await txn.get("b")) ?? "none", await storage.get("a"), [...several.keys()]];
    });
    const thrown = await caught(() =>
      storage.transaction(async (txn) => {
        await txn.put("a", 9);
        throw new Error("no");
      }),
    );
    await storage.transaction(async (txn) => {
      await txn.put("a", 9);
      txn.rollback();
    });
    return Response.json([result, thrown, [...(await storage.list())]]);
  }
}

/** Lets nobody in until it has read its storage and waited a while. */
export class Blocking extends DurableObject {
  order = [];
  constructor(ctx, env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(async () => {
      await ctx.storage.get("a");
      await pause(20);
      this.ready = true;
    });
  }
  async fetch(request) {
    this.order.push(new URL(request.url).pathname);
    const answer = Response.json([this.ready === true, this.order]);
    await pause(1);
    return answer;
  }
}

/** Cannot be made at first, and then only seems to be. */
export class Failing extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    made += 1;
    if (made === 1) throw new RangeError("cannot");
    if (made > 2) return;
    const work = async () => {
      throw new RangeError("cannot either");
    };
    ctx.blockConcurrencyWhile(work).catch(() => {});
  }
  fetch() {
    return new Response(String(made));
  }
}

/** The first one made never lets anybody in. */
export class Stuck extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.number = made += 1;
    if (made === 1) ctx.blockConcurrencyWhile(() => new Promise(() => {}));
  }
  fetch() {
    return new Response(String(this.number));
  }
}

/** Reads in one request what came in with another one. */
export class Sharing extends DurableObject {
  async fetch(request) {
    if (request.method === "POST") {
      this.kept = request;
      return new Promise((resolve) => {
        this.answer = resolve;
      });
    }
    const text = await this.kept.text();
    this.answer(new Response("done"));
    return new Response(text);
  }
}

let stolen = null;

/** Uses the storage of another object of its isolate. */
export class Thief extends DurableObject {
  async fetch() {
    stolen ??= this.ctx.storage;
    return Response.json(await caught(() => stolen.get("a")));
  }
}

/** Lets requests in after a while, and then answers none. */
export class Silent extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(() => pause(1));
  }
  fetch() {
    return new Promise(() => {});
  }
}
