// k6-utils and k6-summary, our own, under the addresses that scripts import them from.
(function (host, modules) {
  'use strict';

  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const randomIntBetween = (least, most) => Math.floor(Math.random() * (most - least + 1) + least);
  const randomItem = (list) => list[Math.floor(Math.random() * list.length)];
  const randomString = (length, from) => {
    const set = from === undefined ? letters : String(from);
    let text = '';
    for (let i = 0; i < length; i++) text += set[Math.floor(Math.random() * set.length)];
    return text;
  };
  const uuidv4 = () => 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (sign) => {
    const digit = Math.floor(Math.random() * 16);
    return (sign === 'x' ? digit : (digit & 3) | 8).toString(16);
  });
  const findBetween = (text, left, right, repeat) => {
    const found = [];
    let at = 0;
    for (;;) {
      const begin = text.indexOf(left, at);
      if (begin < 0) break;
      const end = text.indexOf(right, begin + left.length);
      if (end < 0) break;
      found.push(text.slice(begin + left.length, end));
      if (!repeat) break;
      at = end + right.length;
    }
    return repeat ? found : found.length ? found[0] : null;
  };
  const normalDistributionStages = (maxVus, durationSeconds, numberOfStages = 10) => {
    const height = (x) => Math.exp(-(x ** 2) / 2) / Math.sqrt(2 * Math.PI);
    const curve = new Array(numberOfStages + 2).fill(0);
    const lengths = new Array(numberOfStages + 2).fill(Math.ceil(durationSeconds / 6));
    for (let i = 0; i <= numberOfStages; i++) {
      curve[i] = height(-2 + (4 * i) / numberOfStages);
    }
    const peak = Math.max(...curve);
    const middle = Math.ceil((durationSeconds * 4) / 6 / numberOfStages);
    for (let i = 1; i <= numberOfStages; i++) lengths[i] = middle;
    return curve.map((each, i) => ({ duration: `${lengths[i]}s`, target: Math.round((maxVus * each) / peak) }));
  };
  const units = { ms: 1, s: 1000, m: 60000, h: 3600000, d: 86400000 };
  const lengthMs = (text) => {
    const parts = String(text).match(/\d+(?:\.\d+)?(?:ms|[smhd])/g);
    if (parts === null || parts.join('') !== String(text).trim()) throw new Error(`${text} is no duration such as 30s or 1m30s`);
    return parts.reduce((sum, part) => sum + parseFloat(part) * units[part.replace(/[\d.]+/, '')], 0);
  };
  const parseDuration = (text) => {
    if (text === undefined || text === null || text.length < 1) throw new Error('str is empty');
    return lengthMs(text);
  };
  const stagesOf = () => {
    const { vu, scenario, test } = modules['k6/execution'];
    if (vu.idInTest === undefined || !scenario) throw new Error('there is no scenario');
    const { stages } = test.options.scenarios[scenario.name] || {};
    if (!Array.isArray(stages) || stages.length < 1) {
      throw new Error('only ramping-vus or ramping-arrival-rate supports stages, it is not possible to get a stage index on other executors.');
    }
    return stages;
  };
  const getCurrentStageIndex = () => {
    const stages = stagesOf();
    const elapsed = Date.now() - modules['k6/execution'].scenario.startTime;
    let end = 0;
    for (let i = 0; i < stages.length; i++) {
      end += lengthMs(stages[i].duration);
      if (elapsed < end) return i;
    }
    return stages.length - 1;
  };
  const tagWithCurrentStageIndex = () => {
    modules['k6/execution'].vu.metrics.tags.stage = getCurrentStageIndex();
  };
  const tagWithCurrentStageProfile = () => {
    const stages = stagesOf();
    const at = getCurrentStageIndex();
    const before = at === 0 ? 0 : stages[at - 1].target;
    const { target } = stages[at];
    modules['k6/execution'].vu.metrics.tags.stage_profile = before === target ? 'steady' : before < target ? 'ramp-up' : 'ramp-down';
  };
  modules['jslib/k6-utils'] = {
    randomIntBetween, randomItem, randomString, uuidv4, findBetween, normalDistributionStages, parseDuration,
    getCurrentStageIndex, tagWithCurrentStageIndex, tagWithCurrentStageProfile,
  };

  const number = (value) => (Number.isInteger(value) ? String(value) : String(Math.round(value * 100) / 100));
  const timed = (ms) => {
    if (ms >= 60000) return `${Math.floor(ms / 60000)}m${number((ms % 60000) / 1000)}s`;
    if (ms >= 1000) return `${number(ms / 1000)}s`;
    if (ms >= 1 || ms === 0) return `${number(ms)}ms`;
    return `${number(ms * 1000)}µs`;
  };
  const sized = (bytes) => {
    let value = bytes;
    for (const unit of ['B', 'kB', 'MB', 'GB']) {
      if (value < 1000 || unit === 'GB') return `${number(value)} ${unit}`;
      value /= 1000;
    }
    return '';
  };
  const shownValue = (metric, value) => (
    metric.contains === 'time' ? timed(value) : metric.contains === 'data' ? sized(value) : number(value));
  const line = (metric) => {
    const { values } = metric;
    if (metric.type === 'rate') return `${number((values.rate || 0) * 100)}% ✓ ${values.passes} ✗ ${values.fails}`;
    if (metric.type === 'counter') return `${shownValue(metric, values.count)} ${shownValue(metric, values.rate || 0)}/s`;
    if (metric.type === 'gauge') return `${shownValue(metric, values.value)} min=${shownValue(metric, values.min)} max=${shownValue(metric, values.max)}`;
    return Object.entries(values).filter(([, each]) => each !== null)
      .map(([name, each]) => `${name}=${name === 'count' ? each : shownValue(metric, each)}`).join(' ');
  };
  const textSummary = (data, options) => host.textSummary(JSON.parse(JSON.stringify(data)), options || {});
  const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
  const jUnit = (data) => {
    const cases = [];
    for (const [name, metric] of Object.entries(data.metrics)) {
      for (const [limit, { ok }] of Object.entries(metric.thresholds || {})) {
        const title = escaped(`${name} - ${limit}`);
        cases.push(ok ? `<testcase name="${title}" />`
          : `<testcase name="${title}"><failure message="${escaped(line(metric))}" /></testcase>`);
      }
    }
    const failed = cases.filter((each) => each.includes('<failure')).length;
    return `<?xml version="1.0"?>\n<testsuites tests="${cases.length}" failures="${failed}">\n`
      + `<testsuite name="k6 thresholds" tests="${cases.length}" failures="${failed}">${cases.join('\n')}\n</testsuite>\n</testsuites>`;
  };
  modules['jslib/k6-summary'] = { textSummary, jUnit };
})
