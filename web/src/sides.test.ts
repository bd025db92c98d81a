import { expect, it } from "vitest";
import type { Figures, Result } from "./api";
import { defaultSides, enginesOf, groups, hasSides, measures } from "./sides";

function figures(engine: string, scenario: string, rate: number, cpu: number): Figures {
  return {
    engine, scenario, operations_per_second: rate, cpu_us_per_operation: cpu, errors: 0,
    latency_ms: { p50: 1, p99: 10, p999: 20, max: 30 },
  };
}

function result(...results: Figures[]): Result {
  return { id: "r", at: "2026-11-20T09:30:00Z", source: "import", document: { environment: {}, results } };
}

const peers = result(
  figures("echo", "order", 70_000, 13),
  figures("penstock-postgres", "order", 10_000, 120),
  figures("rowlock", "order", 1_250, 800),
  figures("penstock-postgres", "search", 9_000, 0),
  figures("rowlock", "mixed", 900, 0),
);

it("row locks stand against Penstock unless something else is chosen", () => {
  expect(enginesOf(peers)).toEqual(["echo", "penstock-postgres", "rowlock"]);
  expect(defaultSides(peers)).toEqual({ v1: "rowlock", v2: "penstock-postgres" });
  expect(defaultSides(result(figures("echo", "order", 1, 1), figures("penstock-pebble", "order", 1, 1)))).toEqual({ v1: "echo", v2: "penstock-pebble" });
});

it("one engine has no other side", () => {
  expect(hasSides(peers)).toBe(true);
  expect(hasSides(result(figures("penstock-pebble", "order", 1, 1)))).toBe(false);
});

it("only what both have measured is paired", () => {
  const [rate, cpu] = [measures[0]!, measures[1]!];
  expect(groups(peers, "rowlock", "penstock-postgres", rate)).toEqual([{ scenario: "order", v1: 1250, v2: 10_000, better: 8 }]);
  expect(groups(peers, "rowlock", "nobody", rate)).toEqual([]);
  const [cost] = groups(peers, "rowlock", "penstock-postgres", cpu);
  expect(cost!.better, "less is better").toBeCloseTo(800 / 120);
});
