// The view that compares two results: which is the faster, and how sure that is.

import { type Comparison, type Result, compare, results } from "../api";
import { ComparisonTable, Verdict } from "../comparison";
import { useAnswer } from "../hooks";
import { Fitted, Settled, optionOf } from "../parts";
import { reportOfComparison, save, saveJSON } from "../report";
import { type Place, hashOf } from "../route";
import { Intervals } from "../svg";

export function CompareView({ place }: { place: Place }) {
  const answer = useAnswer(results, []);
  return <Settled answer={answer}>{(all) => <Chosen place={place} all={all} />}</Settled>;
}

function Chosen({ place, all }: { place: Place; all: Result[] }) {
  const choose = (side: "baseline" | "current", id: string) => (location.hash = hashOf({ ...place, view: "compare", [side]: id }));
  const select = (side: "baseline" | "current", label: string) => (
    <label class="field wide">
      {label}
      <select name={side} value={place[side] ?? ""} onChange={(e) => choose(side, e.currentTarget.value)}>
        <option value="">Choose a result …</option>
        {all.map((r) => <option key={r.id} value={r.id}>{optionOf(r)}</option>)}
      </select>
    </label>
  );
  return (
    <section class="card" aria-labelledby="compare">
      <h2 id="compare">Compare two results</h2>
      <div class="choices even">
        {select("baseline", "Baseline")}
        {select("current", "Current")}
      </div>
      {place.baseline && place.current ? (
        <Compared baseline={place.baseline} current={place.current} />
      ) : (
        <p class="waiting">{all.length < 2 ? "There are fewer than two results. Run something first." : "Choose two results: what was before, and what is now."}</p>
      )}
    </section>
  );
}

function Compared({ baseline, current }: { baseline: string; current: string }) {
  const answer = useAnswer((signal) => compare(baseline, current, signal), [baseline, current]);
  return <Settled answer={answer}>{(found) => <Found comparison={found} />}</Settled>;
}

function Found({ comparison }: { comparison: Comparison }) {
  const name = `penstock-compare-${comparison.baseline.id.slice(0, 8)}-${comparison.current.id.slice(0, 8)}`;
  return (
    <>
      <Verdict comparison={comparison} />
      {comparison.machines && <p class="warning">Not the same machine: {comparison.machines}. Only ratios within each mean something.</p>}
      {comparison.lines.some((l) => l.ratio) && <Fitted>{(width) => <Intervals lines={comparison.lines} width={width} />}</Fitted>}
      <div class="scroll" tabIndex={0} role="region" aria-label="Comparison"><ComparisonTable comparison={comparison} /></div>
      <div class="actions end">
        <button type="button" onClick={() => saveJSON(`${name}.json`, comparison)}>Export JSON</button>
        <button type="button" onClick={() => save(`${name}.html`, "text/html", reportOfComparison(comparison))}>Export report</button>
      </div>
    </>
  );
}
