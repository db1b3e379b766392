// The streams library's classes by their names, as surface.js has them by hand.

const {
  ByteLengthQueuingStrategy, CountQueuingStrategy, ReadableByteStreamController, ReadableStream,
  ReadableStreamBYOBReader, ReadableStreamBYOBRequest, ReadableStreamDefaultController, ReadableStreamDefaultReader,
  TransformStream, TransformStreamDefaultController, WritableStream, WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} = streams;
{
  const names = objectKeys(streams);
  for (let index = 0; index < names.length; index += 1) setAdd(platformPrototypes, streams[names[index]].prototype);
}
