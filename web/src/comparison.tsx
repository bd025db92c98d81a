// What a comparison has found, in words and as a table: on the page and in reports.

import type { Comparison } from "./api";
import { figure, ratio } from "./format";
import { engineTitle, titleOf } from "./scenarios";
import { verdictInk } from "./svg";

/** verdictText says in words what a line has found. */
export function verdictText(verdict: string): string {
  const texts: Record<string, string> = {
    "B is better": "better",
    "B is worse": "worse",
    "cannot be told apart": "cannot be told apart",
    "too few rounds": "too short to tell",
  };
  return texts[verdict] ?? verdict;
}

/** Verdict sums a comparison up in a sentence. */
export function Verdict({ comparison }: { comparison: Comparison }) {
  const rate = comparison.lines.find((l) => l.figure === "operations/s");
  const ink = rate ? verdictInk(rate.verdict) : "even";
  const text =
    comparison.lines.length === 1 && rate?.ratio
      ? ink === "even"
        ? "The two cannot be told apart."
        : `The current one is ${ink === "good" ? "faster" : "slower"}: ${ratio(rate.ratio.value)} the throughput of the baseline.`
      : `${comparison.differ} of ${comparison.lines.length} figures differ beyond chance.`;
  return <p class={`verdict ${ink}`} data-verdict={ink}>{text}</p>;
}

/** ComparisonTable shows every figure of a comparison. */
export function ComparisonTable({ comparison }: { comparison: Comparison }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Scenario</th>
          <th scope="col">Engine</th>
          <th scope="col">Figure</th>
          <th scope="col" class="number">Baseline</th>
          <th scope="col" class="number">Current</th>
          <th scope="col" class="number">Ratio</th>
          <th scope="col" class="number">95 % interval</th>
          <th scope="col">Current is</th>
        </tr>
      </thead>
      <tbody>
        {comparison.lines.map((l) => (
          <tr key={`${l.scenario} ${l.engine} ${l.figure}`}>
            <th scope="row">{titleOf(l.scenario)}</th>
            <td>{engineTitle(l.engine)}</td>
            <td>{l.figure}</td>
            <td class="number">{figure(l.a)}</td>
            <td class="number">{figure(l.b)}</td>
            <td class="number">{l.ratio ? ratio(l.ratio.value) : "–"}</td>
            <td class="number nowrap">{l.ratio ? `${ratio(l.ratio.low)} – ${ratio(l.ratio.high)}` : "–"}</td>
            <td class={verdictInk(l.verdict)}>{verdictText(l.verdict)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
