// As ws_echo.js, with k6's module that has the browser's interface.
import { WebSocket } from "k6/experimental/websockets";
import { Counter } from "k6/metrics";

const echoed = new Counter("echoed");
const MESSAGE = "abcdefghijklmnopqrstuvwxyz";
const seconds = Number(__ENV.SECONDS);

export const options = { scenarios: { echo: { executor: "per-vu-iterations", vus: 50, iterations: 1 } } };

export default function () {
  const socket = new WebSocket(__ENV.URL);
  socket.onopen = () => {
    setTimeout(() => socket.close(), seconds * 1000);
    socket.send(MESSAGE);
  };
  socket.onmessage = () => {
    echoed.add(1);
    socket.send(MESSAGE);
  };
}
