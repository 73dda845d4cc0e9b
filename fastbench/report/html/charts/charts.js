// The charts of a page, and the selector of what they show. Names come from the data block and only
// ever become text.
(() => {
  let data = null; // a page that follows a run takes other data again and again
  const charts = [];
  const timed = () => charts.filter((each) => each.time);
  const page = {
    zoom: null, // of all charts over time, in seconds
    pointed: null, // a second of them
    paper: false,
    moving: false,
    view(range) { page.zoom = range; timed().forEach((each) => each.draw()); },
    tell(second) { page.pointed = second; timed().forEach((each) => each.pointAt(second)); },
  };
  let chosen = null; // a part, null: all

  const gridOf = ({ start, span }) => {
    const last = start.length - 1;
    return { start, span, middles: start.map((begin, at) => begin + span[at] / 2), end: last < 0 ? 0 : start[last] + span[last] };
  };

  // What the charts of a part show: the columns that the document has of it.
  const ofPart = {
    rate: (part, per) => ({ unit: "count", lines: [{ name: "reached", color: 0, area: 1, values: per(part.ended) }] }),
    latency: (part) => ({ unit: "ms", lines: [["p50", 0], ["p95", 1], ["p99", 3]].map(([name, color]) => ({ name, color, values: part[name] })) }),
    errors: (part, per) => ({ unit: "count", stacked: 1, lines: [{ name: "failed", color: 3, values: per(part.failed || part.ended.map(() => 0)) }] }),
  };
  const specOf = (name) => {
    const spec = data.charts[name];
    if (!spec || chosen === null || !ofPart[name]) return spec && { ...spec, grid: data.grid };
    const { parts } = data, part = parts.parts[chosen];
    const per = (counts) => counts.map((count, at) => count / parts.span[at]);
    const note = [part.name, ...(name === "latency" && part.latency ? [part.latency] : []), ...(name === "errors" && !part.failed ? ["none"] : [])];
    return { ...spec, ...ofPart[name](part, per), limits: (part.limits || {})[name], note: note.join(": "), grid: parts.grid };
  };

  const drawAll = () => charts.forEach((each) => each.draw());
  const fill = () => {
    for (const figure of document.querySelectorAll("figure[data-chart]")) {
      const spec = specOf(figure.dataset.chart), known = charts.find((each) => each.figure === figure);
      figure.hidden = !spec;
      if (known && spec) known.take(spec);
      else if (spec) charts.push(new Chart(figure, spec, page));
    }
    drawAll();
  };

  // The selector stands where the page left a place for it; without a script there is none.
  const offer = () => {
    const place = document.getElementById("chooser");
    if (!place) return;
    place.hidden = !data.parts;
    if (!data.parts || place.querySelector("select")) return;
    const label = document.createElement("label"), select = document.createElement("select");
    label.append("Throughput, latency and errors of ", select);
    const option = (parent, value, text) => {
      const made = document.createElement("option");
      made.value = value;
      made.textContent = text;
      parent.append(made);
    };
    option(select, "", data.parts.all);
    for (const [title, places] of data.parts.groups) {
      const group = document.createElement("optgroup");
      group.label = title;
      places.forEach((at) => option(group, at, data.parts.parts[at].name));
      select.append(group);
    }
    select.addEventListener("change", () => {
      chosen = select.value === "" ? null : Number(select.value);
      fill();
    });
    place.append(label);
  };

  const take = (other) => {
    data = { ...other, grid: gridOf(other) };
    page.moving = Boolean(other.moving);
    if (data.parts) data.parts = { ...data.parts, grid: gridOf(data.parts) };
    else chosen = null;
    offer();
    fill();
  };
  document.addEventListener("data", (event) => take(event.detail));
  let width = 0;
  new ResizeObserver(() => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    drawAll();
  }).observe(document.body);
  addEventListener("beforeprint", () => { page.paper = true; drawAll(); });
  addEventListener("afterprint", () => { page.paper = false; drawAll(); });
  const given = document.getElementById("data");
  if (given) take(JSON.parse(given.textContent));
})();
