import { first } from './first.js';
export * from './counted.js';
export * as whole from './counted.js';
export function second() { return `second ${typeof first}`; }
