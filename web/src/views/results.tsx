// The view of all results: a scenario's history, the list, and how to bring one in.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Refusal, type Result, importDocument, results } from "../api";
import { Chart } from "../chart";
import { history, series } from "../curves";
import { count, figure, milliseconds, moment } from "../format";
import { faultOf, useAnswer } from "../hooks";
import { Fault, Settled, nameOf } from "../parts";
import { hashOf } from "../route";
import { engineTitle, titleOf } from "../scenarios";

export function ResultsView() {
  const [times, setTimes] = useState(0);
  const answer = useAnswer(results, [times]);
  return (
    <Settled answer={answer}>
      {(found) => (
        <>
          {found.length > 0 && <History found={found} />}
          <List found={found} onImported={() => setTimes(times + 1)} />
        </>
      )}
    </Settled>
  );
}

function History({ found }: { found: Result[] }) {
  const all = useMemo(() => series(found), [found]);
  const [chosen, setChosen] = useState(0);
  const one = all[Math.min(chosen, all.length - 1)];
  const data = useMemo(() => one && history(found, one.scenario, one.engine), [found, one]);
  if (!one || !data) return null;
  const open = (index: number) => {
    const id = data.ids[index];
    if (id) location.hash = hashOf({ view: "result", id });
  };
  return (
    <section class="card" aria-labelledby="history">
      <div class="cardhead">
        <h2 id="history">History of a scenario</h2>
        <label class="field inline">
          <span class="visually-hidden">Scenario and engine</span>
          <select value={chosen} onChange={(e) => setChosen(Number(e.currentTarget.value))}>
            {all.map((s, i) => (
              <option key={`${s.scenario} ${s.engine}`} value={i}>{`${titleOf(s.scenario)} · ${engineTitle(s.engine)} (${s.times})`}</option>
            ))}
          </select>
        </label>
      </div>
      <div class="charts inside">
        <Chart title="Throughput" data={data.rate} height={220} onPick={open} pick="opens the result" />
        <Chart title="Latency" data={data.latency} height={220} onPick={open} pick="opens the result" />
      </div>
    </section>
  );
}

function List({ found, onImported }: { found: Result[]; onImported: () => void }) {
  const [chosen, setChosen] = useState<string[]>([]);
  const toggle = (id: string) => setChosen(chosen.includes(id) ? chosen.filter((c) => c !== id) : [...chosen, id].slice(-2));
  // The older one of two is the baseline, whichever was chosen first.
  const pair = found.filter((r) => chosen.includes(r.id)).sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const address = pair.length === 2 ? hashOf({ view: "compare", baseline: pair[0]!.id, current: pair[1]!.id }) : undefined;
  return (
    <section class="card" aria-labelledby="list">
      <div class="cardhead">
        <h2 id="list">Results</h2>
        <div class="actions">
          <Import onImported={onImported} />
          {address ? (
            <a class="button primary" href={address}>Compare the two</a>
          ) : (
            <button type="button" disabled>{`Choose ${2 - pair.length} to compare`}</button>
          )}
        </div>
      </div>
      {found.length === 0 ? (
        <div class="empty">
          <p>There are no results yet.</p>
          <p>
            <a href={hashOf({ view: "run" })}>Measure this server</a>, or bring in what <code>penstock bench --json</code> has printed.
          </p>
        </div>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-labelledby="list">
          <table class="rows">
            <thead>
              <tr>
                <th scope="col"><span class="visually-hidden">Choose</span></th>
                <th scope="col">Measured</th>
                <th scope="col">What</th>
                <th scope="col" class="number">Operations/s</th>
                <th scope="col" class="number">p50</th>
                <th scope="col" class="number">p99</th>
                <th scope="col" class="number">Errors</th>
              </tr>
            </thead>
            <tbody>
              {found.map((r) => <Row key={r.id} result={r} chosen={chosen.includes(r.id)} onToggle={() => toggle(r.id)} />)}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ result, chosen, onToggle }: { result: Result; chosen: boolean; onToggle: () => void }) {
  const found = result.document.results;
  const one = found.length === 1 ? found[0] : undefined;
  const errors = found.reduce((sum, f) => sum + f.errors, 0);
  return (
    <tr class={chosen ? "chosen" : ""}>
      <td>
        <input type="checkbox" checked={chosen} onChange={onToggle} aria-label={`Choose ${nameOf(result)} of ${moment(result.at)} to compare`} />
      </td>
      <td class="nowrap">{moment(result.at)}</td>
      <td>
        <a href={hashOf({ view: "result", id: result.id })}>{nameOf(result)}</a>
        {result.source === "import" && <span class="badge">imported</span>}
      </td>
      <td class="number" data-label="Ops/s">{one ? figure(one.operations_per_second) : "–"}</td>
      <td class="number" data-label="p50">{one ? milliseconds(one.latency_ms.p50) : "–"}</td>
      <td class="number" data-label="p99">{one ? milliseconds(one.latency_ms.p99) : "–"}</td>
      <td class={errors > 0 ? "number bad" : "number"} data-label="Errors">{count(errors)}</td>
    </tr>
  );
}

function Import({ onImported }: { onImported: () => void }) {
  const file = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState<Refusal>();
  useEffect(() => {
    if (!fault) return;
    const timer = setTimeout(() => setFault(undefined), 15_000);
    return () => clearTimeout(timer);
  }, [fault]);
  const bring = async (chosen: File) => {
    setFault(undefined);
    try {
      await importDocument(await chosen.text(), chosen.name.replace(/\.json$/i, "").slice(0, 80));
      onImported();
    } catch (error) {
      setFault(faultOf(error));
    }
  };
  return (
    <>
      {fault && <Fault fault={fault} />}
      <button type="button" onClick={() => file.current?.click()}>Import …</button>
      <input
        ref={file} type="file" accept="application/json,.json" hidden aria-label="A document of penstock bench --json" tabIndex={-1}
        onChange={(e) => {
          const [chosen] = e.currentTarget.files ?? [];
          if (chosen) void bring(chosen);
          e.currentTarget.value = "";
        }}
      />
    </>
  );
}
