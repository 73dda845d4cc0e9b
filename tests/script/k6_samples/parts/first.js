// Half of a cycle: what the other half has is there when it is used.
import { second } from './second.js';
export { count as again, add as addAgain } from './counted.js';
export function first() { return `first ${second()}`; }
export const early = typeof second;
