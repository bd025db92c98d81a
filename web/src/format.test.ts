import { describe, expect, it } from "vitest";
import { count, figure, known, milliseconds, moment, ratio, short } from "./format";

describe("figures", () => {
  it("have as many digits as mean something", () => {
    expect([0, 0.01234, 1.234, 12.34, 123.4, 1234.5, 1234567].map(figure)).toEqual(["0", "0.012", "1.23", "12.3", "123", "1,235", "1,234,567"]);
  });
  it("are short on axes", () => {
    expect([0, 950, 12_000, 1_500_000].map(short)).toEqual(["0", "950", "12k", "1.5M"]);
  });
  it("of things are whole", () => expect(count(12345.6)).toBe("12,346"));
});

describe("latencies", () => {
  it("have the unit that fits", () => {
    expect([0, 0.042, 1.5, 250, 2500].map(milliseconds)).toEqual(["–", "42.0 µs", "1.50 ms", "250 ms", "2.50 s"]);
  });
});

describe("ratios", () => {
  it("say how many times", () => expect([0.512, 6.25, 34.27, 120.4].map(ratio)).toEqual(["0.51 ×", "6.25 ×", "34.3 ×", "120 ×"]));
  it("of nothing are none", () => expect(ratio(1 / 0)).toBe("–"));
});

it("what was not measured is a dash", () => {
  expect([known(undefined, String), known(0, String), known(3, String)]).toEqual(["–", "–", "3"]);
});

it("a time that is none is a dash", () => expect(moment("yesterday")).toBe("–"));
