// Reports: one HTML file that opens from a disk, holds its style and its charts, and runs nothing.

import { type ComponentChildren, render } from "preact";
import type { Comparison, Result } from "./api";
import { ComparisonTable, Verdict } from "./comparison";
import { latencies, throughput } from "./curves";
import { moment } from "./format";
import { Surroundings, nameOf } from "./parts";
import { engineTitle } from "./scenarios";
import { groups, measures } from "./sides";
import { Bars, Intervals, Lines } from "./svg";
import { FiguresTable } from "./table";
import ink from "./style/ink.css?inline";
import text from "./style/text.css?inline";
import svg from "./style/svg.css?inline";

/** reportOfResult is the report of one result. */
export function reportOfResult(result: Result): string {
  return pageOf(`Benchmark: ${nameOf(result)}`, (
    <>
      <Surroundings result={result} />
      <FiguresTable result={result} />
      {result.points && result.points.length > 0 && (
        <>
          <h2>Latency</h2>
          <Lines title="Latency" data={latencies(result.points)} />
          <Key names={[["p50", "p50"], ["p99", "p99"], ["p999", "p99.9"]]} />
          <h2>Throughput against errors</h2>
          <Lines title="Throughput against errors" data={throughput(result.points)} />
          <Key names={[["rate", "operations per second (left)"], ["errors", "errors per second (right)"]]} />
        </>
      )}
    </>
  ));
}

/** reportOfSides is the report of two engines of a result. */
export function reportOfSides(result: Result, v1: string, v2: string): string {
  return pageOf(`${engineTitle(v1)} against ${engineTitle(v2)}`, (
    <>
      <Surroundings result={result} />
      <Key names={[["v1", `V1: ${engineTitle(v1)}`], ["v2", `V2: ${engineTitle(v2)}`]]} />
      {measures.map((measure) => {
        const found = groups(result, v1, v2, measure);
        return found.length > 0 && (
          <>
            <h2>{measure.title}</h2>
            <p class="note">{measure.unit}; {measure.more ? "longer bars are better" : "shorter bars are better"}.</p>
            <Bars groups={found} measure={measure} v1={v1} v2={v2} />
          </>
        );
      })}
      <h2>All figures</h2>
      <FiguresTable result={result} />
    </>
  ));
}

/** reportOfComparison is the report of a comparison. */
export function reportOfComparison(comparison: Comparison): string {
  return pageOf("Comparison of two benchmarks", (
    <>
      <Verdict comparison={comparison} />
      {comparison.lines.some((l) => l.ratio) && <Intervals lines={comparison.lines} />}
      <ComparisonTable comparison={comparison} />
      <h2>Baseline: {nameOf(comparison.baseline)}</h2>
      <Surroundings result={comparison.baseline} />
      <FiguresTable result={comparison.baseline} />
      <h2>Current: {nameOf(comparison.current)}</h2>
      <Surroundings result={comparison.current} />
      <FiguresTable result={comparison.current} />
    </>
  ));
}

function Key({ names }: { names: [string, string][] }) {
  return (
    <ul class="legend">
      {names.map(([ink, name]) => <li key={ink}><i class={`swatch ${ink}`} />{name}</li>)}
    </ul>
  );
}

/** pageOf makes a whole document: what is drawn is text in the end, so that it needs no script. */
function pageOf(title: string, body: ComponentChildren): string {
  const content = document.createElement("main");
  content.className = "report";
  render(
    <>
      <h1>{title}</h1>
      {body}
      <footer>Made by Penstock on {moment(new Date().toISOString())}.</footer>
    </>,
    content,
  );
  const name = document.createElement("title");
  name.textContent = title;
  // The style is put in as text: as an element it would belong to this page, whose policy forbids it.
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
${name.outerHTML}
<style>${[ink, text, svg].join("\n")}</style>
</head>
<body>
${content.outerHTML}
</body>
</html>
`;
}

/** save hands a text to the reader as a file. */
export function save(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** saveJSON hands a value to the reader as a file. */
export function saveJSON(name: string, value: unknown): void {
  save(name, "application/json", `${JSON.stringify(value, null, 2)}\n`);
}
