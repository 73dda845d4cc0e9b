"use strict";
// Numbers, scales, ticks and the places of labels: pure, nothing of a page.
const scales = (() => {
  const CHARACTER = 7; // pixels of a digit at 12 px, rather too wide than too narrow

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
    whole: (value) => formats.count(value),
    bytes: (value) => scaled(value, 1024, BYTES),
    bytes_per_s: (value) => scaled(value, 1024, BYTES) + "/s",
    percent: (value) => three(value) + "%",
    ms: (value) => {
      if (value === 0) return "0ms";
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
  const read = (unit, value) => ((unit === "count" || unit === "whole") && value >= 1000 ? Math.round(value).toLocaleString("en-US") : formats[unit](value));
  const brief = (text) => text.replace(/(\.\d*?)0+(?!\d)/, "$1").replace(/\.(?!\d)/, "");

  // Ticks: multiples of 1, 2 or 5; of times those of a clock, of bytes powers of two.

  const CLOCK = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const stepOf = (least, unit) => {
    const known = unit === "s" ? CLOCK.find((step) => step >= least) : undefined;
    if (known && least > 0.5) return known;
    if (unit.startsWith("bytes")) return 2 ** Math.max(0, Math.ceil(Math.log2(least)));
    if (unit === "whole") least = Math.max(least, 1);
    const base = 10 ** Math.floor(Math.log10(least));
    return base * [1, 2, 5, 10].find((each) => each * base >= least * 0.999);
  };
  const linearTicks = (low, high, most, unit) => {
    const step = stepOf((high - low) / most, unit);
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high * (1 + 1e-9); at += 1) found.push(Number((at * step).toPrecision(12)));
    return found;
  };
  // The next 1, 2 or 5 times a power of ten, not below (or not above) a value.
  const round125 = (value, up) => {
    const base = 10 ** Math.floor(Math.log10(value) + 1e-9), share = value / base;
    const steps = [1, 2, 5, 10];
    const found = up ? steps.find((step) => step >= share * (1 - 1e-9)) : steps.findLast((step) => step <= share * (1 + 1e-9));
    return Number((base * (found ?? 1)).toPrecision(6));
  };
  const logBounds = (least, most) => {
    const low = round125(least, false), high = round125(most, true);
    return high > low ? [low, high] : [low, round125(low * 1.5, true)];
  };
  const logTicks = (low, high, most) => {
    const all = [];
    for (let power = Math.floor(Math.log10(low) - 1e-9); power <= Math.log10(high) + 1e-9; power += 1) {
      for (const digit of [1, 2, 5]) all.push([power, digit, Number((digit * 10 ** power).toPrecision(6))]);
    }
    const inside = all.filter(([, , value]) => value >= low * 0.9999 && value <= high * 1.0001);
    if (inside.length <= most) return inside.map(([, , value]) => value);
    const tens = inside.filter(([, digit]) => digit === 1);
    if (tens.length < 2) return [inside[0][2], inside[inside.length - 1][2]];
    const each = Math.ceil(tens.length / most);
    return tens.filter(([power]) => power % each === 0).map(([, , value]) => value);
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

  // Labels.

  const width = (text) => text.length * CHARACTER;
  // Places of labels along an axis of this length: those that would touch the one before are left
  // out, and the last one ends where the picture does.
  const along = (labels, length, gap = 8) => {
    const found = [];
    let last = -Infinity;
    for (const { x, text } of labels) {
      const half = width(text) / 2, left = Math.min(x - half, length - 2 * half);
      if (left < last + gap || left < 0 || x > length) continue;
      last = left + 2 * half;
      found.push({ x, text, middle: left + half });
    }
    return found;
  };
  // Heights of labels that should be at `wanted`: at least `gap` apart, between `low` and `high`.
  const spread = (wanted, gap, low, high) => {
    const order = wanted.map((y, at) => [y, at]).sort((a, b) => a[0] - b[0]);
    const found = new Array(wanted.length);
    let next = low;
    for (const [y, at] of order) {
      found[at] = Math.max(y, next);
      next = found[at] + gap;
    }
    next = high;
    for (const [, at] of order.reverse()) {
      found[at] = Math.min(found[at], next);
      next = found[at] - gap;
    }
    return found;
  };

  return { formats, read, brief, clock, linearTicks, logTicks, logBounds, round125, scale, width, along, spread };
})();
