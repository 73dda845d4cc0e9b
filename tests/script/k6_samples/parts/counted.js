// Is run once for each user, whoever imports it and how often.
globalThis.timesLoaded = (globalThis.timesLoaded || 0) + 1;
export const id = {};
export let count = 0;
export function add() { count += 1; return count; }
export default 'counted';
