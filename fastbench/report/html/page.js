"use strict";
(() => {
  // What a page does beside its charts: it unfolds itself for paper, and copies its commands.

  // Paper has nothing to click on; afterwards the page is as it was.
  const folded = [];
  addEventListener("beforeprint", () => {
    folded.push(...document.querySelectorAll("details:not([open])"));
    folded.forEach((each) => (each.open = true));
  });
  addEventListener("afterprint", () => folded.splice(0).forEach((each) => (each.open = false)));

  // A page from a disk may have no clipboard: then its text is selected, and one key copies it.
  const copied = async (code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    }
  };
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const done = await copied(button.parentElement.querySelector("code"));
      button.textContent = done ? "Copied" : "Selected: now Ctrl+C";
      setTimeout(() => (button.textContent = "Copy"), 3000);
    });
  }
})();
