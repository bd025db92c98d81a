// Small parts that several views show.

import type { ComponentChildren } from "preact";
import type { Refusal, Result } from "./api";
import { type Answer, useWidth } from "./hooks";
import { figure, known, moment } from "./format";
import { engineTitle, titleOf } from "./scenarios";
import { enginesOf } from "./sides";

/** Fault says what went wrong, and what the reader may do. */
export function Fault({ fault }: { fault: Refusal }) {
  return (
    <div class="fault" role="alert">
      <b>{fault.title}</b>
      <p>{fault.message}</p>
    </div>
  );
}

/** Settled shows an answer once it is there, and until then that it is on its way, or why it is not. */
export function Settled<T>({ answer, children }: { answer: Answer<T>; children: (value: T) => ComponentChildren }) {
  if (answer.fault) return <Fault fault={answer.fault} />;
  if (answer.value === undefined) return <p class="loading" role="status">Loading …</p>;
  return <>{children(answer.value)}</>;
}

/** Tile shows one figure, large. */
export function Tile({ title, value, note, tone }: { title: string; value: string; note?: string; tone?: "bad" }) {
  return (
    <div class={tone ? `tile ${tone}` : "tile"}>
      <dt>{title}</dt>
      <dd>
        {value}
        {note && <small>{note}</small>}
      </dd>
    </div>
  );
}

/** Fitted draws a chart as wide as there is room, up to where its parts would lie too far apart. */
export function Fitted({ children }: { children: (width: number) => ComponentChildren }) {
  const [box, width] = useWidth<HTMLDivElement>();
  return (
    <div ref={box} class="fitted">
      {width > 0 && children(width)}
    </div>
  );
}

/** nameOf calls a result what a person would. */
export function nameOf(result: Result): string {
  const found = result.document.results;
  const scenarios = [...new Set(found.map((f) => titleOf(f.scenario)))];
  const what = scenarios.length > 2 ? `${scenarios.length} scenarios` : scenarios.join(", ");
  const engines = enginesOf(result);
  const who = engines.length > 1 ? `${engines.length} engines` : engines.map(engineTitle).join("");
  return result.label ? `${result.label} (${what})` : `${what} · ${who}`;
}

/** optionOf is a result in a list to choose from. */
export function optionOf(result: Result): string {
  const [one, ...more] = result.document.results;
  const rate = one && more.length === 0 ? `, ${figure(one.operations_per_second)}/s` : "";
  return `${moment(result.at)} – ${nameOf(result)}${rate}`;
}

/** Surroundings says where figures come from: without that they mean nothing. */
export function Surroundings({ result }: { result: Result }) {
  const e = result.document.environment;
  const facts: [string, string][] = [
    ["Measured", moment(result.at)],
    ["By", result.source === "run" ? "this server, of itself" : "penstock bench, brought in"],
    ["Machine", [e.cpu, known(e.cores, (n) => `${n} cores`), e.os].filter((s) => s && s !== "–").join(", ") || "–"],
    ["Program", [e.version && `penstock ${e.version}`, e.go, e.revision?.slice(0, 12)].filter(Boolean).join(", ") || "–"],
    ["Load", [known(e.connections, (n) => `${n} connections`), known(e.rounds, (n) => `${n} rounds`)].filter((s) => s !== "–").join(", ") || "–"],
    ["Disk", known(e.fsyncs_per_second, (n) => `${Math.round(n)} fsyncs/s`)],
  ];
  return (
    <dl class="facts">
      {facts.filter(([, value]) => value !== "–").map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
