// A short summary, for a k6 that cannot fetch k6-summary.
export function textSummary(data) {
  const rows = Object.entries(data.metrics).map(([name, metric]) => `${name}: ${JSON.stringify(metric.values)}`);
  return `${rows.join('\n')}\n`;
}
