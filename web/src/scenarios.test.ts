import { expect, it } from "vitest";
import { engineTitle, titleOf } from "./scenarios";

it("names what it knows", () => {
  expect(engineTitle("rowlock")).toBe("Row locks (V1)");
  expect(titleOf("order-hot")).toBe("Orders, one hot product");
});

it("calls everything else as it is", () => {
  for (const name of ["mine", "constructor", "toString", "__proto__"]) {
    expect(engineTitle(name)).toBe(name);
    expect(titleOf(name)).toBe(name);
  }
});
