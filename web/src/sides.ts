// Two engines of one document, side by side: V1 against V2.

import type { Figures, Result } from "./api";

export interface Measure {
  key: "rate" | "cpu" | "p50" | "p99";
  title: string;
  unit: string;
  more: boolean; // the more, the better
  of: (f: Figures) => number;
}

export const measures: Measure[] = [
  { key: "rate", title: "Throughput", unit: "operations/s", more: true, of: (f) => f.operations_per_second },
  { key: "cpu", title: "CPU cost", unit: "µs/operation", more: false, of: (f) => f.cpu_us_per_operation },
  { key: "p50", title: "Median latency", unit: "ms", more: false, of: (f) => f.latency_ms.p50 },
  { key: "p99", title: "99th percentile", unit: "ms", more: false, of: (f) => f.latency_ms.p99 },
];

/** Group is one scenario that both engines were measured under. */
export interface Group {
  scenario: string;
  v1: number;
  v2: number;
  better: number; // how many times better V2 is; below 1 it is worse
}

/** enginesOf lists the engines of a result, in the order they stand in. */
export function enginesOf(result: Result): string[] {
  return [...new Set(result.document.results.map((f) => f.engine))];
}

/** hasSides reports whether there are two engines that were asked the same. */
export function hasSides(result: Result): boolean {
  return enginesOf(result).length > 1;
}

/** defaultSides picks what is usually meant: the row locks against Penstock. */
export function defaultSides(result: Result): { v1: string; v2: string } {
  const engines = enginesOf(result);
  const v2 = engines.find((e) => e === "penstock-postgres") ?? engines.find((e) => e.startsWith("penstock")) ?? engines[1] ?? "";
  const others = engines.filter((e) => e !== v2);
  const v1 = others.find((e) => e === "rowlock") ?? others.find((e) => e !== "echo") ?? others[0] ?? "";
  return { v1, v2 };
}

/** groups pairs the figures of two engines by scenario. What one of them has not measured is left out. */
export function groups(result: Result, v1: string, v2: string, measure: Measure): Group[] {
  const figures = result.document.results;
  const out: Group[] = [];
  for (const scenario of new Set(figures.map((f) => f.scenario))) {
    const of = (engine: string) => figures.find((f) => f.engine === engine && f.scenario === scenario);
    const first = of(v1);
    const second = of(v2);
    if (!first || !second) continue;
    const a = measure.of(first);
    const b = measure.of(second);
    if (!(a > 0) || !(b > 0)) continue;
    out.push({ scenario, v1: a, v2: b, better: measure.more ? b / a : a / b });
  }
  return out;
}
