// What scripts take from k6-utils, for a k6 that cannot fetch it.
export function randomIntBetween(least, most) {
  return least + Math.floor(Math.random() * (most - least + 1));
}
export function randomItem(items) { return items[Math.floor(Math.random() * items.length)]; }
export function randomString(length, from = 'abcdefghijklmnopqrstuvwxyz') {
  return Array.from({ length }, () => randomItem(from)).join('');
}
export function uuidv4() {
  return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () => randomItem('0123456789abcdef'));
}
export function findBetween(text, before, after) {
  const start = text.indexOf(before) + before.length;
  return text.slice(start, text.indexOf(after, start));
}
