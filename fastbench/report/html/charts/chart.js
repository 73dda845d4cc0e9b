// One chart: its lines and legend, drawn as SVG; what is pointed at is read out in the legend.
const Chart = (() => {
  const { formats, read, brief, clock, linearTicks, logTicks, logBounds, scale, along, spread } = scales;
  const SVG = "http://www.w3.org/2000/svg";
  const LEFT = 62, RIGHT = 12, TOP = 26, BOTTOM = 24;
  const PAPER = 700; // CSS pixels that fit a page of A4 or Letter
  const LABEL = 15; // pixels from one line of text to the next
  const FAR = 3, FAR_LOG = 20; // times the highest value: a threshold beyond does not set the axis
  const WIDE_RANGE = 40; // times the least value: a logarithmic axis shows both
  const MARKS = { good: "✓", warn: "⚠", bad: "✗" };

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
  const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = (values) => values.reduce((a, b) => Math.max(a, b), 0);

  class OneChart {
    // `page` has what all charts share: zoom and pointed in seconds, paper, moving, view and tell.
    constructor(figure, spec, page) {
      Object.assign(this, { figure, page, own: null, at: null, lines: [], chosen: null });
      this.time = spec.kind === "time";
      this.logX = !this.time;
      this.caption = figure.querySelector("figcaption");
      this.small = this.caption.querySelector("small");
      this.note = this.small.textContent;
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
      this.spec = spec;
      this.small.textContent = spec.note ?? this.note;
      const lines = spec.lines.map((line) => ({ ...line, shown: !hidden.has(line.name), ...this.points(line) }));
      const look = (line) => [line.name, line.color, line.dash, line.area].join();
      const same = lines.length === this.lines.length && lines.every((line, at) => look(line) === look(this.lines[at]));
      if (same) lines.forEach((line, at) => Object.assign(this.lines[at], line));
      else {
        this.lines = lines;
        this.legend.replaceChildren();
        lines.forEach((line) => this.name(line));
      }
      const all = lines.flatMap((line) => line.ys).filter((value) => value > 0);
      this.logY = this.chosen ?? (spec.unit === "ms" && most(all) > WIDE_RANGE * least(all));
      if (this.scale) this.scale.textContent = this.logY ? "linear scale" : "log scale";
    }

    points(line) {
      if (this.time) return { xs: this.spec.grid.middles, ys: line.values };
      if (line.points) return { xs: line.points.map(([x]) => x), ys: line.points.map(([, y]) => y) };
      return { xs: line.values.map((_, at) => Math.sqrt(line.edges[at] * line.edges[at + 1])), ys: line.values };
    }

    name(line) {
      const button = node(node(this.legend, "li", ""), "button", "series");
      button.type = "button";
      const filled = this.spec.stacked || line.edges;
      node(button, "span", `swatch s${line.color}${filled ? " filled" : ""}${line.dash ? " dash" + line.dash : ""}`);
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
      if (this.time) this.page.view(range);
      else { this.own = range; this.draw(); }
    }

    extent() {
      const edges = this.lines[0].edges;
      if (this.time) return [0, this.spec.grid.end];
      if (edges) return [edges[0], edges[edges.length - 1]];
      return [1, this.lines.reduce((far, line) => Math.max(far, line.xs[line.xs.length - 1]), 2)];
    }

    draw() {
      if (this.figure.hidden) return;
      const wide = this.figure.classList.contains("wide"), paper = this.page.paper;
      const width = paper ? PAPER / (wide ? 1 : 2) : Math.max(260, this.figure.clientWidth), height = (wide ? 250 : 220) - (paper ? 50 : 0);
      const range = (this.time ? this.page.zoom : this.own) || this.extent();
      Object.assign(this, { width, height, range, floor: height - BOTTOM });
      this.reset.hidden = !(this.time ? this.page.zoom : this.own);
      this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.svg.replaceChildren();
      const shown = this.lines.filter((line) => line.shown);
      const tops = this.spec.stacked ? this.stack(shown) : shown.map((line) => line.ys);
      const [low, high] = this.bounds(tops.flatMap((ys, line) => ys.filter((value, at) => this.seen(value, shown[line].xs[at]))));
      this.x = scale(range[0], range[1], LEFT, width - RIGHT, this.logX);
      this.y = scale(low, high, this.floor, TOP, this.logY);
      Object.assign(this, { low, high });
      this.axes();
      const clip = make(make(this.svg, "clipPath", { id: "clip-" + this.figure.dataset.chart }), "rect", { x: LEFT, y: TOP - 2, width: width - LEFT - RIGHT, height: this.floor - TOP + 3 });
      this.plot = make(this.svg, "g", { "clip-path": `url(#${clip.parentNode.id})` });
      if (this.spec.stacked) this.stacks(shown, tops);
      else shown.forEach((line) => (line.edges ? this.bars(line) : this.curve(line)));
      if (!this.lines.some((line) => line.ys.some((value) => value !== null))) make(this.svg, "text", { x: (LEFT + width) / 2, y: height / 2, "text-anchor": "middle" }, "nothing to show");
      this.marks();
      this.limits(tops);
      this.over = make(this.svg, "g", {});
      if (this.time) this.pointAt(this.page.pointed);
      else this.point(this.at);
    }

    seen(value, x) {
      return value !== null && x >= this.range[0] && x <= this.range[1] && (!this.logY || value > 0);
    }

    // A threshold that is near enough is part of the picture.
    bounds(values) {
      const high = most(values) || 1, low = least([...values, high]);
      const near = (this.spec.limits || []).map((each) => each.value).filter((value) => value > 0 && value <= high * (this.logY ? FAR_LOG : FAR) && (!this.logY || value >= low / FAR_LOG));
      const top = Math.max(high, ...near);
      return this.logY ? logBounds(Math.min(low, ...near) / 1.05, top * 1.05) : [0, top * 1.06];
    }

    axes() {
      const { svg, width, height, floor } = this;
      const rows = this.logY ? logTicks(this.low, this.high, Math.floor((this.floor - TOP) / LABEL)) : linearTicks(this.low, this.high, 5, this.spec.unit);
      for (const value of rows) {
        const y = this.y(value);
        make(svg, "line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y });
        make(svg, "text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, brief(formats[this.spec.unit](value)));
      }
      if (this.spec.axis) make(svg, "text", { class: "unit", x: 0, y: 12 }, this.spec.axis + (this.logY ? ", log scale" : ""));
      make(svg, "line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: floor, y2: floor });
      const [from, to] = this.range, count = Math.floor((width - LEFT) / 80);
      const unit = this.time ? "s" : this.spec.kind === "bars" ? "ms" : "one_in";
      let columns = this.time ? linearTicks(from, to, count, "s") : logTicks(from, to, count);
      if (unit === "ms" && columns.length < 3 && to < 10 * from) columns = linearTicks(from, to, count, "");
      if (unit === "one_in") columns = [1, 2, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].filter((value) => value >= from && value <= to);
      const labels = columns.map((value) => ({ x: this.x(value), text: brief(formats[unit](value)) }));
      for (const { x, text, middle } of along(labels, width)) {
        make(svg, "line", { class: "axis", x1: x, x2: x, y1: floor, y2: floor + 4 });
        make(svg, "text", { x: middle, y: height - 7, "text-anchor": "middle" }, text);
      }
    }

    // A line reaches to both ends of the run, and breaks where there is nothing; of one value between
    // two breaks there is the length of its row.
    pieces(line, ys) {
      const found = [], grid = this.time ? this.spec.grid : null, last = ys.length - 1;
      let piece = null;
      ys.forEach((value, at) => {
        if (value === null || (this.logY && value <= 0)) { piece = null; return; }
        if (!piece) found.push((piece = { first: at, points: [] }));
        piece.last = at;
        piece.points.push([line.xs[at], value]);
      });
      for (const each of grid ? found : []) {
        const alone = each.first === each.last;
        if (alone || each.first === 0) each.points.unshift([grid.start[each.first], each.points[0][1]]);
        if (alone || each.last === last) each.points.push([grid.start[each.last] + grid.span[each.last], each.points[each.points.length - 1][1]]);
      }
      return found.map(({ points }) => points.map(([x, value]) => `${this.x(x).toFixed(1)} ${this.y(value).toFixed(1)}`));
    }

    curve(line) {
      const pieces = this.pieces(line, line.ys), group = make(this.plot, "g", { class: "s" + line.color });
      const fall = (point) => `${point.split(" ")[0]} ${this.floor}`;
      if (line.area) make(group, "path", { class: "area", d: pieces.map((each) => `M${each.join("L")}L${fall(each[each.length - 1])}L${fall(each[0])}Z`).join("") });
      const kind = ["curve", ...(line.dash ? ["dash" + line.dash] : []), ...(line.ys.length > this.width ? ["fine"] : [])];
      make(group, "path", { class: kind.join(" "), d: pieces.map((each) => `M${each.join("L")}`).join("") });
    }

    stack(shown) {
      let below = null;
      return shown.map((line) => (below = line.ys.map((value, at) => (value ?? 0) + (below ? below[at] : 0))));
    }

    stacks(shown, tops) {
      shown.forEach((line, number) => {
        const [top] = this.pieces(line, tops[number]), group = make(this.plot, "g", { class: "s" + line.color });
        if (!top) return;
        const [under] = number ? this.pieces(line, tops[number - 1]) : [[`${top[top.length - 1].split(" ")[0]} ${this.floor}`, `${top[0].split(" ")[0]} ${this.floor}`].reverse()];
        make(group, "path", { class: "stack", d: `M${top.join("L")}L${[...under].reverse().join("L")}Z` });
        make(group, "path", { class: "curve", d: `M${top.join("L")}` });
      });
    }

    bars(line) {
      const group = make(this.plot, "g", { class: "s" + line.color });
      line.values.forEach((count, at) => {
        if (!count) return;
        const left = this.x(line.edges[at]), right = this.x(line.edges[at + 1]), top = Math.min(this.y(count), this.floor - 1);
        make(group, "rect", { class: "bar", x: left, width: Math.max(0.5, right - left - 0.6), y: top, height: this.floor - top });
      });
    }

    // Percentiles in a distribution; a name that would touch another stands below it.
    marks() {
      const taken = [], names = [];
      for (const [name, value] of this.spec.marks) {
        const x = this.x(value), long = scales.width(name) + 8;
        if (x < LEFT || x > this.width - RIGHT) continue;
        const left = x + long > this.width - RIGHT ? x - long : x;
        let row = 0;
        while (taken.some((each) => each.row === row && left < each.left + each.long && each.left < left + long)) row += 1;
        taken.push({ row, left, long });
        make(this.svg, "line", { class: "mark", x1: x, x2: x, y1: TOP, y2: this.floor });
        names.push([{ x: left < x ? x - 4 : x + 4, y: TOP + 10 + row * LABEL, "text-anchor": left < x ? "end" : "start" }, name]);
      }
      for (const [place, name] of names) make(this.svg, "text", place, name); // above all lines
    }

    // Thresholds: a line where its value is, and its name beside it; one beyond the axis is named at its edge.
    limits(tops) {
      const drawn = (this.spec.limits || []).map((each) => {
        const [from, to] = each.during || this.range;
        const x1 = Math.max(this.x(Math.max(from, this.range[0])), LEFT), x2 = Math.min(this.x(Math.min(to, this.range[1])), this.width - RIGHT);
        const values = each.values && each.values.map((value, at) => [this.spec.grid.middles[at], value]).filter(([x]) => x >= from && x <= to);
        const value = each.value ?? (values.length ? values[values.length - 1][1] : 0);
        return { ...each, x1, x2, points: values, at: value, far: value > this.high ? "↑ " : value < this.low ? "↓ " : "" };
      }).filter((each) => each.x2 > each.x1);
      const inside = (value) => Math.min(Math.max(this.y(Math.max(value, this.low)), TOP), this.floor);
      const heights = spread(drawn.map((each) => this.beside(inside(each.at), each, tops)), LABEL, TOP - 8, this.floor - 4);
      drawn.forEach((each, at) => {
        const group = make(this.svg, "g", { class: `limit ${each.kind}` });
        const values = each.points && this.stepped(each.points);
        if (values) make(group, "path", { "clip-path": `url(#clip-${this.figure.dataset.chart})`, d: values });
        else if (!each.far) make(group, "line", { x1: each.x1, x2: each.x2, y1: this.y(each.at), y2: this.y(each.at) });
        make(group, "text", { x: each.x2 - 4, y: heights[at], "text-anchor": "end" }, `${each.far}${MARKS[each.kind]} ${each.text}`);
      });
    }

    // Above its line, or below where the curves leave more room.
    beside(y, { x2, text }, tops) {
      const from = x2 - scales.width(text) - 24, xs = this.lines[0].xs;
      const near = tops.flatMap((ys) => ys.filter((value, at) => value !== null && this.x(xs[at]) >= from && this.x(xs[at]) <= x2)).map((value) => this.y(Math.max(value, this.low)));
      const room = (middle) => near.reduce((closest, other) => Math.min(closest, Math.abs(other - middle)), LABEL);
      return room(y + 9) > room(y - 8) ? y + 13 : y - 4;
    }

    stepped(points) {
      const ends = [[this.range[0], points[0]?.[1]], ...points, [this.range[1], points[points.length - 1]?.[1]]];
      return "M" + ends.map(([x, value]) => `${this.x(x).toFixed(1)} ${this.y(value ?? 0).toFixed(1)}`).join("L");
    }

    // Shows the values at one index of the lines, or none; of a run that goes on the newest.
    point(at) {
      this.over.replaceChildren();
      this.at = at;
      if (at === null && this.time && this.page.moving) {
        this.when.textContent = "";
        this.lines.forEach((each) => this.tellValue(each, this.spec.grid.middles.length - 1));
        return;
      }
      const line = this.lines.find((each) => each.xs.length > (at ?? Infinity));
      if (!line) {
        this.when.textContent = "";
        this.lines.forEach((each) => (each.value.textContent = ""));
        return;
      }
      const x = this.x(line.xs[at]);
      if (x >= LEFT && x <= this.width - RIGHT) make(this.over, "line", { class: "cursor", x1: x, x2: x, y1: TOP, y2: this.floor });
      this.when.textContent = this.place(line, at);
      for (const each of this.lines) {
        const value = this.tellValue(each, at);
        const y = value === null || !each.shown || each.edges || this.spec.stacked || (this.logY && value <= 0) ? NaN : this.y(value);
        if (x >= LEFT && y >= 0) make(make(this.over, "g", { class: "s" + each.color }), "circle", { class: "dot", cx: this.x(each.xs[at]), cy: y, r: 3.6 });
      }
    }

    // The row in which a second is; null is none.
    pointAt(second) {
      const { start } = this.spec.grid;
      this.point(second === null || !start.length ? null : Math.max(0, start.findLastIndex((begin) => begin <= second)));
    }

    tellValue(line, at) {
      const value = line.ys[at] ?? null;
      line.value.textContent = value === null ? "–" : read(this.spec.unit, value);
      return value;
    }

    place(line, at) {
      const grid = this.spec.grid;
      if (this.time) return `${clock(grid.start[at])} to ${clock(Number((grid.start[at] + grid.span[at]).toFixed(2)))}`;
      if (line.edges) return `${formats.ms(line.edges[at])} to ${formats.ms(line.edges[at + 1])}`;
      return formats.one_in(line.xs[at]);
    }

    tell(at) {
      if (this.time) this.page.tell(at === null ? null : this.spec.grid.middles[at]);
      else this.point(at);
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
        this.tell(this.nearest(from));
        svg.setPointerCapture(event.pointerId);
      });
      svg.addEventListener("pointermove", (event) => {
        const to = place(event);
        this.tell(this.nearest(to));
        if (from !== null) make(this.over, "rect", { class: "drag", x: Math.min(from, to), width: Math.abs(to - from), y: TOP, height: this.floor - TOP });
      });
      svg.addEventListener("pointerup", (event) => {
        const ends = [from, place(event)].sort((a, b) => a - b);
        if (from !== null && event.pointerType !== "touch" && ends[1] - ends[0] > 8) this.view(ends.map((each) => this.x.back(each)));
        from = null;
      });
      svg.addEventListener("pointercancel", () => { from = null; });
      svg.addEventListener("pointerleave", (event) => { if (from === null && event.pointerType !== "touch") this.tell(null); });
      svg.addEventListener("dblclick", () => this.view(null));
      svg.addEventListener("blur", () => this.tell(null));
      svg.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const last = this.lines.reduce((far, line) => Math.max(far, line.xs.length), 0) - 1;
        if (event.key === "Escape") { this.tell(null); this.view(null); }
        if (!step) return;
        event.preventDefault();
        this.tell(Math.min(Math.max((this.at ?? (step > 0 ? -1 : last + 1)) + step, 0), last));
      });
    }
  }
  return OneChart;
})();
