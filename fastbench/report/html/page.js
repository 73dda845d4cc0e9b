"use strict";
(() => {
  // What a page does beside its charts.

  // Paper has nothing to click on.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
})();
