// What checks use within the isolate.

/** What a piece of work comes to: "name: message" of what it throws. */
export const caught = async (work) => {
  try {
    return ["no exception", await work()];
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};

/** A stream of bytes as text. */
export const readAll = async (stream) => {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) text += chunk;
  return text;
};
