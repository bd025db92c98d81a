import { describe, expect, it } from "vitest";
import { ratioTicks, ticks } from "./scale";

describe("ticks", () => {
  it("are round and reach beyond the largest value", () => {
    expect(ticks(10)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(ticks(18_650, 4)).toEqual([0, 5000, 10_000, 15_000, 20_000]);
    expect(ticks(0.37)).toEqual([0, 0.1, 0.2, 0.3, 0.4]);
  });
  it("are few whatever the value", () => {
    for (let v = 1e-6; v < 1e9; v *= 1.37) {
      const marks = ticks(v);
      expect(marks[0]).toBe(0);
      expect(marks[marks.length - 1]!).toBeGreaterThanOrEqual(v * (1 - 1e-6));
      expect(marks.length).toBeGreaterThan(2);
      expect(marks.length).toBeLessThan(9);
    }
  });
  it("of nothing are an axis all the same", () => {
    expect(ticks(0)).toEqual([0, 1]);
    expect(ticks(NaN)).toEqual([0, 1]);
  });
});

describe("ticks of ratios", () => {
  it("hold 1 and all values", () => {
    for (const [low, high] of [[0.99, 1.02], [0.8, 1.4], [0.3, 0.4], [5, 40], [1.2, 1.3]] as const) {
      const marks = ratioTicks(low, high);
      expect(marks).toContain(1);
      expect(marks[0]!).toBeLessThanOrEqual(Math.min(low, 1));
      expect(marks[marks.length - 1]!).toBeGreaterThanOrEqual(Math.max(high, 1));
    }
  });
});
