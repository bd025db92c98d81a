import { expect, it } from "vitest";
import { type Place, hashOf, placeOf } from "./route";

it("every place has an address that leads back to it", () => {
  const places: Place[] = [
    { view: "run" },
    { view: "results" },
    { view: "result", id: "019f5fda-c2fb-7000-8000-000000000002" },
    { view: "sides" },
    { view: "sides", id: "x" },
    { view: "compare" },
    { view: "compare", baseline: "a", current: "b" },
    { view: "compare", current: "b" },
  ];
  for (const place of places) expect(placeOf(hashOf(place))).toEqual(place);
});

it("an address that says nothing known leads to the start", () => {
  for (const hash of ["", "#", "#/", "#/nowhere", "#nonsense?x=1"]) expect(placeOf(hash)).toEqual({ view: "run" });
  expect(placeOf("#/result/")).toEqual({ view: "results" });
});
