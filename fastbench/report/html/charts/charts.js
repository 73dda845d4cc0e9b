"use strict";
(() => {
  // The charts of a report. Names come from the data block and only ever become text.

  const SVG = "http://www.w3.org/2000/svg";
  let data = null; // a page that follows a run takes other data again and again
  let middles = [];
  const LEFT = 62, RIGHT = 12, TOP = 8, BOTTOM = 24;
  const PAPER = 700; // CSS pixels that fit a page of A4 or Letter
  const charts = [];
  let zoom = null; // of all charts over time
  let pointed = null; // a row of them
  let paper = false;

  // Numbers, as the tables write them: three digits and a unit.

  const three = (value) => {
    const size = Math.abs(value);
    return value === 0 ? "0" : value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
  };
  const scaled = (value, step, units) => {
    let at = 0;
    for (; Math.abs(value) >= step * 0.9995 && at < units.length - 1; at += 1) value /= step;
    return three(value) + units[at];
  };
  const clock = (seconds) => {
    if (seconds < 60) return Number(seconds.toFixed(2)) + "s";
    const whole = Math.round(seconds);
    const parts = [[Math.floor(whole / 3600), "h"], [Math.floor(whole / 60) % 60, "m"], [whole % 60, "s"]];
    return parts.filter(([count]) => count).map(([count, unit]) => count + unit).join("") || "0s";
  };
  const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"];
  const formats = {
    count: (value) => (Number.isInteger(value) && value < 1000 ? String(value) : scaled(value, 1000, ["", "k", "M", "G", "T"])),
    bytes: (value) => scaled(value, 1024, BYTES),
    bytes_per_s: (value) => scaled(value, 1024, BYTES) + "/s",
    percent: (value) => three(value) + "%",
    ms: (value) => {
      if (value < 0.0009995) return three(value * 1e6) + "ns";
      if (value < 0.9995) return three(value * 1e3) + "us";
      return value < 999.5 ? three(value) + "ms" : value < 59950 ? three(value / 1e3) + "s" : clock(value / 1e3);
    },
    s: clock,
    one_in: (value) => {
      const percent = 100 - 100 / value;
      return Number(percent.toFixed(Math.max(0, Math.ceil(Math.log10(value)) - 1))) + "%";
    },
  };
  const read = (unit, value) => (unit === "count" && value >= 1000 ? Math.round(value).toLocaleString("en-US") : formats[unit](value));
  const brief = (text) => text.replace(/(\.\d*?)0+(?!\d)/, "$1").replace(/\.(?!\d)/, "");

  // Scales and their ticks.

  const STEPS = { s: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400] };
  const stepOf = (least, unit) => {
    const known = (STEPS[unit] || []).find((step) => step >= least);
    if (known && least > 0.5) return known;
    if (unit.startsWith("bytes")) return 2 ** Math.max(0, Math.ceil(Math.log2(least)));
    const base = 10 ** Math.floor(Math.log10(least));
    return base * [1, 2, 5, 10].find((each) => each * base >= least * 0.999);
  };
  const linearTicks = (low, high, most, unit) => {
    const step = stepOf((high - low) / most, unit);
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high * (1 + 1e-9); at += 1) found.push(Number((at * step).toPrecision(12)));
    return found;
  };
  const logTicks = (low, high, most) => {
    const tens = Math.log10(high / low);
    const digits = tens > most ? [1] : tens * 3 > most ? [1] : tens > 0.7 ? [1, 2, 5] : null;
    if (!digits) return linearTicks(low, high, most, "");
    const each = Math.max(1, Math.ceil(tens / most));
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      if (power % each === 0) for (const digit of digits) found.push(Number((digit * 10 ** power).toPrecision(6)));
    }
    return found.filter((value) => value >= low * 0.999 && value <= high * 1.001);
  };
  const scale = (low, high, from, to, log) => {
    const along = log ? Math.log : (value) => value;
    const start = along(low), length = along(high) - start || 1;
    const at = (value) => from + ((along(value) - start) / length) * (to - from);
    at.back = (place) => {
      const value = start + ((place - from) / (to - from)) * length;
      return log ? Math.exp(value) : value;
    };
    return at;
  };

  // Elements.

  const make = (parent, name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };
  const node = (parent, name, kind, text) => {
    const made = document.createElement(name);
    made.className = kind;
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };

  // One chart.

  class Chart {
    constructor(figure, spec) {
      Object.assign(this, { figure, own: null, at: null, lines: [], chosen: null });
      this.time = spec.kind === "time";
      this.format = formats[spec.unit];
      this.logX = !this.time;
      this.caption = figure.querySelector("figcaption");
      this.when = node(this.caption, "span", "at");
      this.legend = node(figure, "ul", "legend");
      this.take(spec);
      if (spec.unit === "ms") this.scale = this.button("scale", () => (this.logY ? "linear scale" : "log scale"), () => (this.chosen = this.logY = !this.logY));
      this.reset = this.button("reset", () => "reset zoom", () => this.view(null));
      this.svg = make(figure, "svg", { tabindex: 0, role: "img", "aria-label": this.caption.firstChild.textContent.trim() });
      this.listen();
    }

    // Takes other values: a line that is hidden stays hidden, and a chosen scale is kept.
    take(spec) {
      const hidden = new Set(this.lines.filter((line) => !line.shown).map((line) => line.name));
      const lines = spec.lines.map((line) => ({ ...line, shown: !hidden.has(line.name), ...this.points(line) }));
      const same = lines.length === this.lines.length && lines.every((line, at) => line.name === this.lines[at].name);
      this.spec = spec;
      if (same) lines.forEach((line, at) => Object.assign(this.lines[at], line));
      else {
        this.lines = lines;
        this.legend.replaceChildren();
        lines.forEach((line) => this.name(line));
      }
      const all = lines.flatMap((line) => line.ys).filter((value) => value > 0);
      const least = all.reduce((a, b) => Math.min(a, b), Infinity), most = all.reduce((a, b) => Math.max(a, b), 0);
      this.logY = this.chosen ?? (spec.unit === "ms" && most > 40 * least);
      if (this.scale) this.scale.textContent = this.logY ? "linear scale" : "log scale";
    }

    points(line) {
      if (this.time) return { xs: middles, ys: line.values };
      if (line.points) return { xs: line.points.map(([x]) => x), ys: line.points.map(([, y]) => y) };
      return { xs: line.values.map((_, at) => Math.sqrt(line.edges[at] * line.edges[at + 1])), ys: line.values };
    }

    name(line) {
      const button = node(node(this.legend, "li", ""), "button", "series");
      button.type = "button";
      node(button, "span", "swatch s" + line.color);
      button.append(line.name);
      line.value = node(button, "b", "");
      button.setAttribute("aria-pressed", String(line.shown));
      button.addEventListener("click", () => {
        line.shown = !line.shown;
        button.setAttribute("aria-pressed", String(line.shown));
        this.draw();
      });
    }

    button(kind, text, act) {
      const button = node(this.caption, "button", kind, text());
      button.type = "button";
      button.addEventListener("click", () => { act(); button.textContent = text(); this.draw(); });
      return button;
    }

    view(range) {
      if (this.time) { zoom = range; charts.filter((each) => each.time).forEach((each) => each.draw()); }
      else { this.own = range; this.draw(); }
    }

    extent() {
      const edges = this.lines[0].edges;
      if (this.time) return [0, data.start[data.start.length - 1] + data.span[data.span.length - 1]];
      if (edges) return [edges[0], edges[edges.length - 1]];
      return [1, this.lines.reduce((most, line) => Math.max(most, line.xs[line.xs.length - 1]), 2)];
    }

    draw() {
      if (this.figure.hidden) return;
      const wide = this.figure.classList.contains("wide");
      const width = paper ? PAPER / (wide ? 1 : 2) : Math.max(260, this.figure.clientWidth), height = (wide ? 230 : 210) - (paper ? 50 : 0);
      const range = (this.time ? zoom : this.own) || this.extent();
      Object.assign(this, { width, height, range });
      this.reset.hidden = !(this.time ? zoom : this.own);
      this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.svg.replaceChildren();
      const shown = this.lines.filter((line) => line.shown);
      const seen = shown.flatMap((line) => line.ys.filter((value, at) => value !== null && line.xs[at] >= range[0] && line.xs[at] <= range[1] && (!this.logY || value > 0)));
      const most = seen.reduce((a, b) => Math.max(a, b), 0) || 1, least = seen.reduce((a, b) => Math.min(a, b), most);
      this.x = scale(range[0], range[1], LEFT, width - RIGHT, this.logX);
      this.y = scale(this.logY ? least / 1.15 : 0, this.logY ? most * 1.15 : most * 1.06, height - BOTTOM, TOP, this.logY);
      this.axes(this.logY ? least / 1.15 : 0, this.logY ? most * 1.15 : most * 1.06);
      const clip = make(make(this.svg, "clipPath", { id: "clip-" + this.figure.dataset.chart }), "rect", { x: LEFT, y: 0, width: width - LEFT - RIGHT, height: height - BOTTOM + 1 });
      this.plot = make(this.svg, "g", { "clip-path": `url(#${clip.parentNode.id})` });
      shown.forEach((line) => (line.edges ? this.bars(line) : this.curve(line)));
      this.marks();
      this.over = make(this.svg, "g", {});
      this.point(this.time ? pointed : this.at);
    }

    axes(low, high) {
      const { svg, width, height } = this;
      const rows = this.logY ? logTicks(low, high, 5) : linearTicks(low, high, 5, this.spec.unit);
      for (const value of rows) {
        const y = this.y(value);
        make(svg, "line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y });
        make(svg, "text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, brief(this.format(value)));
      }
      make(svg, "line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: height - BOTTOM, y2: height - BOTTOM });
      const most = Math.floor((width - LEFT) / 80), unit = this.time ? "s" : this.spec.kind === "bars" ? "ms" : "one_in";
      let columns = this.time ? linearTicks(this.range[0], this.range[1], most, "s") : logTicks(this.range[0], this.range[1], most);
      if (unit === "one_in") columns = [1, 2, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].filter((value) => value >= this.range[0] && value <= this.range[1]);
      let last = -Infinity;
      for (const value of columns) {
        const x = this.x(value), text = brief(formats[unit](value)), half = text.length * 3.4;
        if (x - half < last || x - half < 0) continue;
        last = x + half + 8;
        make(svg, "line", { class: "axis", x1: x, x2: x, y1: height - BOTTOM, y2: height - BOTTOM + 4 });
        const anchor = x + half > width ? "end" : "middle";
        make(svg, "text", { x: anchor === "end" ? width - 1 : x, y: height - 7, "text-anchor": anchor }, text);
      }
    }

    curve(line) {
      let path = "", open = false, first = 0, last = 0, areas = "";
      const floor = this.height - BOTTOM;
      const close = () => { if (open && line.area) areas += `L${last} ${floor}L${first} ${floor}Z`; open = false; };
      line.ys.forEach((value, at) => {
        if (value === null || (this.logY && value <= 0)) { close(); return; }
        const x = this.x(line.xs[at]).toFixed(1), part = `${open ? "L" : "M"}${x} ${this.y(value).toFixed(1)}`;
        if (!open) first = x;
        last = x; open = true; path += part; areas += part;
      });
      close();
      const group = make(this.plot, "g", { class: "s" + line.color });
      if (line.area) make(group, "path", { class: "area", d: areas });
      make(group, "path", { class: `curve${line.dash ? " dash" : ""}${line.ys.length > this.width ? " fine" : ""}`, d: path });
    }

    bars(line) {
      const group = make(this.plot, "g", { class: "s" + line.color });
      line.values.forEach((count, at) => {
        if (!count) return;
        const left = this.x(line.edges[at]), right = this.x(line.edges[at + 1]), top = Math.min(this.y(count), this.height - BOTTOM - 1);
        make(group, "rect", { class: "bar", x: left, width: Math.max(0.5, right - left - 0.6), y: top, height: this.height - BOTTOM - top });
      });
    }

    marks() {
      let last = -Infinity, row = 0;
      for (const [name, value] of this.spec.marks) {
        const x = this.x(value);
        if (x < LEFT || x > this.width - RIGHT) continue;
        row = x - last < 40 ? row + 1 : 0;
        last = x;
        make(this.svg, "line", { class: "mark", x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM });
        const left = x > this.width - 60;
        make(this.svg, "text", { x: left ? x - 4 : x + 4, y: TOP + 10 + row * 13, "text-anchor": left ? "end" : "start" }, name);
      }
    }

    // Shows the values at one index of the lines, or none; of a run that goes on the newest.
    point(at) {
      this.over.replaceChildren();
      this.at = at;
      if (at === null && this.time && data.moving) {
        this.when.textContent = "";
        this.lines.forEach((each) => this.tellValue(each, middles.length - 1));
        return;
      }
      const line = this.lines.find((each) => each.xs.length > (at ?? Infinity));
      if (!line) {
        this.when.textContent = "";
        this.lines.forEach((each) => (each.value.textContent = ""));
        return;
      }
      const x = this.x(line.xs[at]);
      if (x >= LEFT && x <= this.width - RIGHT) make(this.over, "line", { class: "cursor", x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM });
      this.when.textContent = this.place(line, at);
      for (const each of this.lines) {
        const value = this.tellValue(each, at);
        const y = value === null || !each.shown || each.edges || (this.logY && value <= 0) ? NaN : this.y(value);
        if (x >= LEFT && y >= 0) make(make(this.over, "g", { class: "s" + each.color }), "circle", { class: "dot", cx: this.x(each.xs[at]), cy: y, r: 3.6 });
      }
    }

    tellValue(line, at) {
      const value = line.ys[at] ?? null;
      line.value.textContent = value === null ? "–" : read(this.spec.unit, value);
      return value;
    }

    place(line, at) {
      if (this.time) return `${clock(data.start[at])} to ${clock(Number((data.start[at] + data.span[at]).toFixed(2)))}`;
      if (line.edges) return `${formats.ms(line.edges[at])} to ${formats.ms(line.edges[at + 1])}`;
      return formats.one_in(line.xs[at]);
    }

    tell(at) {
      if (!this.time) { this.point(at); return; }
      pointed = at;
      charts.filter((each) => each.time).forEach((each) => each.point(at));
    }

    nearest(x) {
      const xs = this.lines.reduce((longest, line) => (line.xs.length > longest.length ? line.xs : longest), []);
      let best = null;
      xs.forEach((value, at) => { if (best === null || Math.abs(this.x(value) - x) < Math.abs(this.x(xs[best]) - x)) best = at; });
      return best;
    }

    listen() {
      let from = null;
      const place = (event) => {
        const box = this.svg.getBoundingClientRect();
        return Math.min(Math.max(((event.clientX - box.left) / box.width) * this.width, LEFT), this.width - RIGHT);
      };
      const { svg } = this;
      svg.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        from = place(event);
        svg.setPointerCapture(event.pointerId);
      });
      svg.addEventListener("pointermove", (event) => {
        const to = place(event);
        this.tell(this.nearest(to));
        if (from !== null) make(this.over, "rect", { class: "drag", x: Math.min(from, to), width: Math.abs(to - from), y: TOP, height: this.height - BOTTOM - TOP });
      });
      svg.addEventListener("pointerup", (event) => {
        const ends = [from, place(event)].sort((a, b) => a - b);
        if (from !== null && ends[1] - ends[0] > 8) this.view(ends.map((each) => this.x.back(each)));
        from = null;
      });
      svg.addEventListener("pointercancel", () => { from = null; });
      svg.addEventListener("pointerleave", () => { if (from === null) this.tell(null); });
      svg.addEventListener("dblclick", () => this.view(null));
      svg.addEventListener("blur", () => this.tell(null));
      svg.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const last = Math.max(...this.lines.map((line) => line.xs.length)) - 1;
        if (event.key === "Escape") this.view(null);
        if (!step) return;
        event.preventDefault();
        this.tell(Math.min(Math.max((this.at ?? (step > 0 ? -1 : last + 1)) + step, 0), last));
      });
    }
  }

  const drawAll = () => charts.forEach((each) => each.draw());
  const take = (other) => {
    data = other;
    middles = data.start.map((start, at) => start + data.span[at] / 2);
    for (const figure of document.querySelectorAll("figure[data-chart]")) {
      const spec = data.charts[figure.dataset.chart], known = charts.find((each) => each.figure === figure);
      figure.hidden = !spec;
      if (known && spec) known.take(spec);
      else if (spec) charts.push(new Chart(figure, spec));
    }
    drawAll();
  };
  document.addEventListener("data", (event) => take(event.detail));
  let width = 0;
  new ResizeObserver(() => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    drawAll();
  }).observe(document.body);
  addEventListener("beforeprint", () => {
    paper = true;
    drawAll();
  });
  addEventListener("afterprint", () => { paper = false; drawAll(); });
  const given = document.getElementById("data");
  if (given) take(JSON.parse(given.textContent));
})();
