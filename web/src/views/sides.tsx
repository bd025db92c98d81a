// The view of two engines side by side: V1, which does it with row locks, against V2.

import { useMemo, useState } from "preact/hooks";
import { type Result, results } from "../api";
import { useAnswer } from "../hooks";
import { Fitted, Settled, Surroundings, nameOf, optionOf } from "../parts";
import { reportOfSides, save } from "../report";
import { hashOf } from "../route";
import { engineTitle } from "../scenarios";
import { defaultSides, enginesOf, groups, hasSides, measures } from "../sides";
import { Bars } from "../svg";

export function SidesView({ id }: { id?: string }) {
  const answer = useAnswer(results, []);
  return (
    <Settled answer={answer}>
      {(all) => {
        const found = all.filter(hasSides);
        const shown = found.find((r) => r.id === id) ?? found[0];
        return shown ? <Shown key={shown.id} result={shown} all={found} /> : <Empty />;
      }}
    </Settled>
  );
}

function Empty() {
  return (
    <div class="empty">
      <p>No result holds two engines that were asked the same.</p>
      <p>
        <code>penstock bench order order-hot --peers echo,rowlock --stores postgres --json &gt; both.json</code> makes one;{" "}
        <a href={hashOf({ view: "results" })}>import it</a> among the results.
      </p>
    </div>
  );
}

function Shown({ result, all }: { result: Result; all: Result[] }) {
  const [sides, setSides] = useState(() => defaultSides(result));
  const [key, setKey] = useState(measures[0]!.key);
  const measure = measures.find((m) => m.key === key)!;
  const found = useMemo(() => groups(result, sides.v1, sides.v2, measure), [result, sides, measure]);
  const engine = (side: "v1" | "v2", label: string) => (
    <label class="field">
      <span><i class={`swatch ${side}`} />{label}</span>
      <select value={sides[side]} onChange={(e) => setSides({ ...sides, [side]: e.currentTarget.value })}>
        {enginesOf(result).map((name) => <option key={name} value={name}>{engineTitle(name)}</option>)}
      </select>
    </label>
  );
  return (
    <section class="card" aria-labelledby="sides">
      <div class="cardhead">
        <h2 id="sides">Side by side</h2>
        <div class="actions">
          <button type="button" onClick={() => save(`penstock-side-by-side-${result.id}.html`, "text/html", reportOfSides(result, sides.v1, sides.v2))}>
            Export report
          </button>
        </div>
      </div>
      <div class="choices">
        <label class="field wide">
          Result
          <select value={result.id} onChange={(e) => (location.hash = hashOf({ view: "sides", id: e.currentTarget.value }))}>
            {all.map((r) => <option key={r.id} value={r.id}>{optionOf(r)}</option>)}
          </select>
        </label>
        {engine("v1", "V1")}
        {engine("v2", "V2")}
      </div>
      <div class="segments" role="group" aria-label="Figure">
        {measures.map((m) => (
          <button type="button" key={m.key} aria-pressed={m.key === key} onClick={() => setKey(m.key)}>{m.title}</button>
        ))}
      </div>
      <p class="note">
        {measure.unit}; {measure.more ? "longer bars are better" : "shorter bars are better"}. Each scenario has a scale of its own; at the right stands how many times as good V2 is, or as bad.
      </p>
      {found.length > 0 ? (
        <Fitted>{(width) => <Bars groups={found} measure={measure} v1={sides.v1} v2={sides.v2} width={width} />}</Fitted>
      ) : (
        <p class="waiting">{sides.v1 === sides.v2 ? "Choose two different engines." : "The two were not measured under the same scenario, or not in this figure."}</p>
      )}
      <h3>Where {nameOf(result)} comes from</h3>
      <Surroundings result={result} />
    </section>
  );
}
