// Results as curves: columns of numbers for charts.

import type { Point, Result } from "./api";

export interface Curve {
  label: string;
  unit: string;
  ink: Ink;
  values: (number | null)[];
  axis?: "right";
  dash?: number[];
  fill?: boolean;
}

/** Ink names a colour of the page's style sheet. */
export type Ink = "p50" | "p99" | "p999" | "rate" | "errors" | "v1" | "v2";

export interface Curves {
  x: number[];
  xLabel: string;
  moments?: string[]; // when each was, as ISO text: then x only counts them, evenly spaced
  curves: Curve[];
}

/** nothing is what a chart shows where nothing was answered: a gap, not a zero. */
function gap(latency: number): number | null {
  return latency > 0 ? latency : null;
}

/** latencies are the percentiles of a run over its time. */
export function latencies(points: Point[]): Curves {
  const column = (of: (p: Point) => number) => points.map((p) => gap(of(p)));
  return {
    x: points.map((p) => p.seconds),
    xLabel: "seconds measured",
    curves: [
      { label: "p50", unit: "ms", ink: "p50", values: column((p) => p.latency_ms.p50) },
      { label: "p99", unit: "ms", ink: "p99", values: column((p) => p.latency_ms.p99), dash: [7, 4] },
      { label: "p99.9", unit: "ms", ink: "p999", values: column((p) => p.latency_ms.p999), dash: [2, 3] },
    ],
  };
}

/** throughput is what was answered well, and what was not, over a run's time. */
export function throughput(points: Point[]): Curves {
  return {
    x: points.map((p) => p.seconds),
    xLabel: "seconds measured",
    curves: [
      { label: "operations", unit: "/s", ink: "rate", values: points.map((p) => p.operations_per_second), fill: true },
      { label: "errors", unit: "/s", ink: "errors", values: points.map((p) => p.errors_per_second), axis: "right", dash: [4, 3] },
    ],
  };
}

/** series lists what has a history: pairs of scenario and engine, those measured most often first. */
export function series(results: Result[]): { scenario: string; engine: string; times: number }[] {
  const times = new Map<string, { scenario: string; engine: string; times: number }>();
  for (const result of results) {
    for (const { scenario, engine } of result.document.results) {
      const key = `${scenario}\n${engine}`;
      const known = times.get(key) ?? { scenario, engine, times: 0 };
      known.times++;
      times.set(key, known);
    }
  }
  return [...times.values()].sort((a, b) => b.times - a.times || a.scenario.localeCompare(b.scenario));
}

/** history is one scenario of one engine over all results, oldest first. */
export function history(results: Result[], scenario: string, engine: string): { rate: Curves; latency: Curves; ids: string[] } {
  const found = results
    .flatMap((result) => result.document.results.filter((f) => f.scenario === scenario && f.engine === engine).map((f) => ({ result, f })))
    .sort((a, b) => Date.parse(a.result.at) - Date.parse(b.result.at));
  const common = { x: found.map((_, i) => i), xLabel: "measurements, oldest first", moments: found.map(({ result }) => result.at) };
  return {
    ids: found.map(({ result }) => result.id),
    rate: { ...common, curves: [{ label: "throughput", unit: "operations/s", ink: "rate", values: found.map(({ f }) => f.operations_per_second) }] },
    latency: {
      ...common,
      curves: [
        { label: "p50", unit: "ms", ink: "p50", values: found.map(({ f }) => gap(f.latency_ms.p50)) },
        { label: "p99", unit: "ms", ink: "p99", values: found.map(({ f }) => gap(f.latency_ms.p99)), dash: [7, 4] },
      ],
    },
  };
}

/** spread reports whether values lie so far apart that only a logarithmic axis shows them all. */
export function spread(curves: Curve[]): boolean {
  const values = curves.flatMap((c) => c.values).filter((v): v is number => v !== null && v > 0);
  return values.length > 0 && Math.max(...values) > 40 * Math.min(...values);
}
