// The scenarios that a server can be measured with, as people call them.

export interface Scenario {
  name: string;
  title: string;
  about: string;
}

export const scenarios: Scenario[] = [
  { name: "order", title: "Orders", about: "Orders of two random products, each with its idempotency key and on disk before its answer." },
  { name: "order-hot", title: "Orders, one hot product", about: "Orders of two products, one of them the same in every order: a flash sale." },
  { name: "order-zipf", title: "Orders, few favourites", about: "Orders of which few products are in many (Zipf, exponent 1.1)." },
  { name: "product-read", title: "Product read", about: "One product, any of all." },
  { name: "product-list", title: "Product list", about: "A page of 20 products, sorted and filtered." },
  { name: "search", title: "Search", about: "Products found by words of their names." },
  { name: "mixed", title: "Mixed day", about: "60 % product read, 25 % list, 5 % search, 5 % a customer's orders, 5 % order." },
  { name: "analytics", title: "Analytics", about: "Daily summaries and top products of a month, a quarter and a year." },
];

/** titleOf names a scenario; one that this page does not know is called as it is. */
export function titleOf(name: string): string {
  return scenarios.find((s) => s.name === name)?.title ?? name;
}

/** A map, not an object: an engine may be called anything, also "constructor". */
const engines = new Map([
  ["penstock-pebble", "Penstock, embedded"],
  ["penstock-postgres", "Penstock, PostgreSQL"],
  ["echo", "Echo (the limit)"],
  ["rowlock", "Row locks (V1)"],
  ["statement", "One statement"],
  ["redis", "Redis"],
]);

/** engineTitle names what was measured. */
export function engineTitle(name: string): string {
  return engines.get(name) ?? name;
}
