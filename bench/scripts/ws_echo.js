// Fifty sockets of k6's own module, each sending a message and the next one when it comes back.
import ws from "k6/ws";
import { Counter } from "k6/metrics";

const echoed = new Counter("echoed");
const MESSAGE = "abcdefghijklmnopqrstuvwxyz";
const seconds = Number(__ENV.SECONDS);

export const options = { scenarios: { echo: { executor: "per-vu-iterations", vus: 50, iterations: 1 } } };

export default function () {
  ws.connect(__ENV.URL, {}, function (socket) {
    socket.on("open", () => socket.send(MESSAGE));
    socket.on("message", () => {
      echoed.add(1);
      socket.send(MESSAGE);
    });
    socket.setTimeout(() => socket.close(), seconds * 1000);
  });
}
