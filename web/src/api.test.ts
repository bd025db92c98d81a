import { afterEach, expect, it, vi } from "vitest";
import { Refusal, compare, progress, refusalOf, result, start } from "./api";
import { fraction, isOver } from "./progress";
import { faultOf } from "./hooks";

afterEach(() => vi.unstubAllGlobals());

function answering(status: number, body: unknown) {
  const fetched = vi.fn(async () => new Response(JSON.stringify(body), { status }));
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

it("a problem becomes a refusal that says every fault", async () => {
  const refusal = await refusalOf(
    new Response(JSON.stringify({ code: "validation_failed", title: "The request is not valid", detail: "the request is not valid", errors: [{ pointer: "iterations", detail: "must be from 1 to 100000" }] }), { status: 400 }),
  );
  expect(refusal.code).toBe("validation_failed");
  expect(refusal.message).toBe("the request is not valid · iterations must be from 1 to 100000");
});

it("an answer that is no problem is one all the same", async () => {
  const refusal = await refusalOf(new Response("<html>", { status: 502 }));
  expect(refusal.message).toBe("The server answered 502.");
});

it("a server that does not answer is a refusal of its own", async () => {
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("failed to fetch")));
  await expect(progress()).rejects.toMatchObject({ code: "unreachable" });
});

it("a run is asked for with all its bounds", async () => {
  const fetched = answering(202, { run: null });
  await start({ scenario: "order-hot", iterations: 100, connections: 8, seconds: 5 });
  expect(fetched).toHaveBeenCalledWith("/api/v2/benchmarks/run?benchmark_type=order-hot&iterations=100&connections=8&seconds=5", expect.objectContaining({ method: "POST" }));
});

it("two results are compared by their ids", async () => {
  const fetched = answering(200, {});
  await compare("a", "b");
  expect(fetched).toHaveBeenCalledWith("/api/v2/benchmarks/compare?baseline=a&current=b", expect.anything());
});

it("a result that is still being measured is not there yet", async () => {
  answering(202, { run: {} });
  await expect(result("x")).rejects.toMatchObject({ code: "running" });
});

it("whatever is thrown can be shown", () => {
  expect(faultOf(new Refusal("c", "t", "d")).code).toBe("c");
  expect(faultOf(new Error("broken")).message).toBe("broken");
  expect(faultOf("text").message).toBe("text");
});

it("a run is as far as its requests or its time, whichever is further", () => {
  const run = {
    id: "r", scenario: "order", phase: "measuring" as const, started_at: "", iterations: 100, connections: 1, seconds_max: 10, seconds: 1,
    operations: 40, errors: 10, operations_per_second: 0, latency_ms: { p50: 0, p99: 0, p999: 0, max: 0 }, points: [],
  };
  expect(fraction(run)).toBe(0.5);
  expect(fraction({ ...run, seconds: 9 })).toBe(0.9);
  expect(fraction({ ...run, seconds: 11 })).toBe(1);
  expect(fraction({ ...run, phase: "done", operations: 1 })).toBe(1);
  expect((["preparing", "measuring", "done", "failed"] as const).map(isOver)).toEqual([false, false, true, true]);
});
