"use strict";

// Frames: three lengths (u32, little-endian), a header (a JSON array), a text (UTF-8), and bytes.

const PREFIX = 12;
const PAGE_BYTES = 65536;
const OWN_CHUNK_BYTES = 16384;

/** Puts frames together from whatever pieces the socket gives. A frame in pieces is joined once, when it is whole. */
class FrameReader {
  /** @param {(header: any[], text: string, bin: ArrayBuffer | undefined) => void} receive */
  constructor(receive) {
    this.receive = receive;
    /** @type {Buffer[]} */
    this.pieces = [];
    this.held = 0;
    this.wanted = PREFIX;
  }

  /** @param {Buffer} chunk */
  push(chunk) {
    let data = chunk;
    if (this.held > 0) {
      this.pieces.push(chunk);
      this.held += chunk.length;
      if (this.held < this.wanted) return;
      data = Buffer.concat(this.pieces, this.held);
      this.pieces = [];
      this.held = 0;
    }
    let at = 0;
    this.wanted = PREFIX;
    while (data.length - at >= PREFIX) {
      const textAt = at + PREFIX + data.readUInt32LE(at);
      const binAt = textAt + data.readUInt32LE(at + 4);
      const next = binAt + data.readUInt32LE(at + 8);
      if (next > data.length) {
        this.wanted = next - at;
        break;
      }
      this.receive(
        JSON.parse(data.toString("utf8", at + PREFIX, textAt)),
        binAt > textAt ? data.toString("utf8", textAt, binAt) : "",
        next > binAt ? data.buffer.slice(data.byteOffset + binAt, data.byteOffset + next) : undefined,
      );
      at = next;
    }
    if (at < data.length) {
      this.pieces.push(at === 0 ? data : data.subarray(at));
      this.held = data.length - at;
    }
  }
}

const NO_BINARIES = [];

/** Gathers all frames of one tick of the event loop into one write. */
class FrameWriter {
  /** @param {import("node:net").Socket} socket */
  constructor(socket) {
    this.socket = socket;
    this.page = Buffer.allocUnsafeSlow(PAGE_BYTES);
    this.begun = 0;
    this.at = 0;
    /** @type {Uint8Array[]} */
    this.ready = [];
    this.due = false;
    this.flush = this.flush.bind(this);
  }

  /**
   * @param {string} header JSON, made by the caller
   * @param {string} text
   * @param {ArrayBuffer[]} binaries
   */
  send(header, text = "", binaries = NO_BINARIES) {
    this.makeRoom(PREFIX + (header.length + text.length) * 3);
    const { page, at } = this;
    const headerLength = page.write(header, at + PREFIX);
    const textLength = text === "" ? 0 : page.write(text, at + PREFIX + headerLength);
    let binLength = 0;
    for (const binary of binaries) binLength += binary.byteLength;
    page.writeUInt32LE(headerLength, at);
    page.writeUInt32LE(textLength, at + 4);
    page.writeUInt32LE(binLength, at + 8);
    this.at = at + PREFIX + headerLength + textLength;
    for (const binary of binaries) this.append(new Uint8Array(binary));
    if (!this.due) {
      this.due = true;
      setImmediate(this.flush);
    }
  }

  /** @param {Uint8Array} bytes */
  append(bytes) {
    if (bytes.length >= OWN_CHUNK_BYTES) {
      this.closePage();
      this.ready.push(bytes);
      return;
    }
    this.makeRoom(bytes.length);
    this.page.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** What is written of the page stays as it is: the socket may still be sending it. @param {number} size */
  makeRoom(size) {
    if (this.at + size <= this.page.length) return;
    this.closePage();
    this.page = Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, size));
    this.begun = this.at = 0;
  }

  closePage() {
    if (this.at > this.begun) this.ready.push(this.page.subarray(this.begun, this.at));
    this.begun = this.at;
  }

  flush() {
    this.due = false;
    this.closePage();
    const { ready } = this;
    if (ready.length === 1) {
      this.socket.write(ready[0]);
    } else {
      this.socket.cork();
      for (const chunk of ready) this.socket.write(chunk);
      this.socket.uncork();
    }
    this.ready = [];
  }
}

module.exports = { FrameReader, FrameWriter };
