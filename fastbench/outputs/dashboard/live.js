"use strict";
(() => {
  // Follows a run: every event is one step, or the whole. What is told only ever becomes text.

  const find = (id) => document.getElementById(id);
  const name = document.title;
  let data = { start: [], span: [], charts: {} };
  let over = false;

  const put = (parent, tag, text, kind) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (kind) made.className = kind;
    parent.append(made);
    return made;
  };
  const list = (id, texts) => {
    find(id).replaceChildren();
    texts.forEach((text) => put(find(id), "li", text));
  };

  const tell = ({ verdict, share, figures, thresholds, about }) => {
    find("word").textContent = verdict.word;
    find("said").textContent = verdict.text;
    find("limit").textContent = verdict.limit;
    find("verdict").className = verdict.kind || "running";
    list("reasons", verdict.reasons);
    list("warnings", verdict.warnings);
    find("share").hidden = share === null;
    if (share !== null) find("share").value = share;
    if (about) document.querySelector("header h1 + p").textContent = about;
    document.title = `${verdict.word}${share === null ? "" : ` ${Math.floor(share * 100)}%`} · ${name}`;
    find("figures").replaceChildren();
    for (const figure of figures) {
      const tile = put(find("figures"), "div");
      put(tile, "dt", figure.name);
      put(tile, "dd", figure.shown, figure.kind);
      put(tile, "dd", figure.more, "more");
    }
    const rows = find("limits").querySelector("tbody");
    find("limits").hidden = !thresholds.length;
    rows.replaceChildren();
    for (const each of thresholds) {
      const row = put(rows, "tr");
      put(row, "td", each.word, each.kind);
      const limit = put(put(row, "td"), "div");
      put(limit, "code", each.text);
      if (each.note) put(limit, "small", each.note);
      put(row, "td", each.observed);
    }
  };

  // The table by URL; a cell is its text, its class, what stands small below it, the whole of a cut text.
  const byUrl = (urls) => {
    find("urls").hidden = !urls.length;
    const made = find("urls").querySelector("tbody").cloneNode(false);
    for (const cells of urls) {
      const row = put(made, "tr");
      cells.forEach(([text, kind, small, all], at) => {
        const cell = put(row, "td", at ? text : "", kind);
        const place = at ? cell : put(cell, "div", text);
        if (all) place.title = all;
        if (small) put(place, "small", small);
      });
    }
    find("urls").querySelector("tbody").replaceWith(made);
  };

  // A place for each chart, in the order of the report.
  const places = (told) => {
    for (const [chart, title, note, kind, wide] of told) {
      let figure = document.querySelector(`figure[data-chart="${chart}"]`);
      if (!figure) {
        figure = document.createElement("figure");
        figure.dataset.chart = chart;
        figure.className = wide ? "wide" : "";
        const caption = put(figure, "figcaption", title + " ");
        put(caption, "small", note);
      } else figure.querySelector("figcaption small").textContent = note;
      find(kind === "time" ? "moving" : "still").append(figure);
    }
  };

  // Nothing is drawn that nobody sees, nor a line that has only gaps and zeros.
  const draw = () => {
    if (document.hidden || !data.start.length) return;
    const charts = {};
    for (const [chart, spec] of Object.entries(data.charts)) {
      const lines = spec.kind === "time" ? spec.lines.filter((line) => line.values.some(Boolean)) : spec.lines;
      if (lines.length) charts[chart] = { ...spec, lines };
      else if (spec.empty) charts[chart] = { ...spec, lines: spec.lines.slice(0, 1) };
    }
    find("charts").hidden = false;
    document.dispatchEvent(new CustomEvent("data", { detail: { ...data, charts, moving: !over } }));
  };

  const whole = (told) => {
    data = { start: told.start, span: told.span, charts: told.charts, parts: told.parts };
    places(told.places);
    tell(told);
    byUrl(told.urls);
    draw();
  };
  const step = (told) => {
    tell(told);
    if (told.urls) byUrl(told.urls);
    if (!told.values) return;
    data.start.push(...told.start);
    data.span.push(...told.span);
    for (const [chart, values] of Object.entries(told.values)) {
      data.charts[chart].lines.forEach((line, at) => line.values.push(values[at]));
    }
    draw();
  };

  const source = new EventSource("events");
  source.addEventListener("whole", (event) => whole(JSON.parse(event.data)));
  source.addEventListener("step", (event) => step(JSON.parse(event.data)));
  source.addEventListener("end", (event) => {
    over = true;
    source.close();
    whole(JSON.parse(event.data));
  });
  source.addEventListener("open", () => { find("link").textContent = ""; });
  source.addEventListener("error", () => {
    if (over) return;
    const gone = source.readyState === EventSource.CLOSED;
    find("link").textContent = gone ? "The run is gone." : "The connection to the run is lost; trying again.";
  });
  document.addEventListener("visibilitychange", draw);
})();
