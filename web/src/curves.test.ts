import { describe, expect, it } from "vitest";
import type { Point, Result } from "./api";
import { history, latencies, series, spread, throughput } from "./curves";
import { pathOf } from "./svg";

const point = (seconds: number, rate: number, errors: number, p50: number): Point => ({
  seconds, operations_per_second: rate, errors_per_second: errors, latency_ms: { p50, p99: p50 * 4, p999: p50 * 9, max: p50 * 10 },
});

const result = (id: string, at: string, rate: number, scenario = "order"): Result => ({
  id, at, source: "run",
  document: {
    environment: {},
    results: [{ engine: "penstock-pebble", scenario, operations_per_second: rate, cpu_us_per_operation: 0, errors: 0, latency_ms: { p50: 2, p99: 8, p999: 9, max: 9 } }],
  },
});

describe("the curves of a run", () => {
  const points = [point(1, 100, 0, 2), point(2, 0, 5, 0), point(3, 90, 0, 3)];
  it("have no latency where nothing was answered, but a throughput of zero", () => {
    expect(latencies(points).curves[0]!.values).toEqual([2, null, 3]);
    expect(throughput(points).curves.map((c) => c.values)).toEqual([[100, 0, 90], [0, 5, 0]]);
  });
  it("are drawn over what is not known", () => {
    const same = (v: number) => v;
    expect(pathOf([1, 2, 3], [2, null, 3], same, same)).toBe("M1.0 2.0L3.0 3.0");
    expect(pathOf([1, 2], [null, null], same, same)).toBe("");
  });
});

describe("history", () => {
  const results = [result("b", "2026-11-21T00:00:00Z", 20), result("a", "2026-11-20T00:00:00Z", 10), result("c", "2026-11-22T00:00:00Z", 5, "mixed")];
  it("goes from the oldest to the newest", () => {
    const found = history(results, "order", "penstock-pebble");
    expect(found.ids).toEqual(["a", "b"]);
    expect(found.rate.curves[0]!.values).toEqual([10, 20]);
    expect(found.rate.x).toEqual([0, 1]);
  });
  it("offers what was measured most often first", () => {
    expect(series(results).map((s) => [s.scenario, s.times])).toEqual([["order", 2], ["mixed", 1]]);
  });
});

it("an axis is logarithmic only when values lie far apart", () => {
  const curve = (...values: (number | null)[]) => [{ label: "p50", unit: "ms", ink: "p50" as const, values }];
  expect(spread(curve(1, 10, null))).toBe(false);
  expect(spread(curve(1, 100))).toBe(true);
  expect(spread(curve(null))).toBe(false);
});
