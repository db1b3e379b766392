// Does nothing: it is only ever deployed.

export class Present {
  fetch() {
    return new Response("present");
  }
}

export default {
  fetch() {
    return new Response("deployed");
  },
};
