// Figures and times as people read them.

const locale = "en";

/** count writes a number of things: 12,345. */
export function count(n: number): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(n);
}

/** figure writes a number with as many digits as mean something: three. */
export function figure(n: number): string {
  if (n === 0) return "0";
  const size = Math.abs(n);
  if (size >= 1000) return count(n);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n);
}

/** short writes a number for an axis: 12k, 1.5M. */
export function short(n: number): string {
  return new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 2 }).format(n).toLowerCase().replace("m", "M");
}

/** milliseconds writes a latency with its unit. */
export function milliseconds(ms: number): string {
  if (ms === 0) return "–";
  if (ms >= 1000) return `${figure(ms / 1000)} s`;
  if (ms < 0.1) return `${figure(ms * 1000)} µs`;
  return `${figure(ms)} ms`;
}

/** ratio writes how many times as much: 6.2 ×. */
export function ratio(n: number): string {
  if (!Number.isFinite(n)) return "–";
  return `${n >= 100 ? count(n) : n >= 10 ? n.toFixed(1) : n.toFixed(2)} ×`;
}

/** known writes a figure, or a dash where it was not measured. */
export function known(n: number | undefined, write: (n: number) => string): string {
  return n === undefined || n === 0 ? "–" : write(n);
}

/** moment writes a time, to the minute, in the reader's time zone. */
export function moment(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "–";
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }).format(at);
}

/** day and clock write the parts of a time, for axes. */
export function day(iso: string): string {
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" }).format(new Date(iso));
}

export function clock(iso: string): string {
  return new Intl.DateTimeFormat(locale, { timeStyle: "short", hourCycle: "h23" }).format(new Date(iso));
}
