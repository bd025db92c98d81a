// The view of one result: its figures, its curves, where it comes from, and what to take away.

import { type Result, result as ask } from "../api";
import { Chart } from "../chart";
import { latencies, throughput } from "../curves";
import { count, figure, milliseconds } from "../format";
import { useAnswer } from "../hooks";
import { Settled, Surroundings, Tile, nameOf } from "../parts";
import { reportOfResult, save, saveJSON } from "../report";
import { hashOf } from "../route";
import { hasSides } from "../sides";
import { FiguresTable } from "../table";

export function ResultView({ id }: { id: string }) {
  const answer = useAnswer((signal) => ask(id, signal), [id]);
  return <Settled answer={answer}>{(found) => <Shown result={found} />}</Settled>;
}

function Shown({ result }: { result: Result }) {
  const found = result.document.results;
  const one = found.length === 1 ? found[0]! : undefined;
  return (
    <>
      <section class="card" aria-labelledby="result">
        <div class="cardhead">
          <h2 id="result">{nameOf(result)}</h2>
          <div class="actions">
            {hasSides(result) && <a class="button" href={hashOf({ view: "sides", id: result.id })}>Side by side</a>}
            <a class="button" href={hashOf({ view: "compare", current: result.id })}>Compare …</a>
            <button type="button" onClick={() => saveJSON(`penstock-${result.id}.json`, result)}>Export JSON</button>
            <button type="button" onClick={() => save(`penstock-${result.id}.html`, "text/html", reportOfResult(result))}>Export report</button>
          </div>
        </div>
        <Surroundings result={result} />
        {one && (
          <dl class="tiles">
            <Tile title="Throughput" value={figure(one.operations_per_second)} note="operations/s" />
            <Tile title="Median latency" value={milliseconds(one.latency_ms.p50)} note="p50" />
            <Tile title="99 of 100 within" value={milliseconds(one.latency_ms.p99)} note="p99" />
            <Tile title="Errors" value={count(one.errors)} note={one.first_error ?? "other answers than wanted"} {...(one.errors > 0 ? { tone: "bad" as const } : {})} />
          </dl>
        )}
        <div class="scroll" tabIndex={0} role="region" aria-label="Figures"><FiguresTable result={result} /></div>
      </section>
      {result.points && result.points.length > 0 && (
        <div class="charts">
          <div class="card"><Chart title="Latency" note="Percentiles of each moment" data={latencies(result.points)} /></div>
          <div class="card"><Chart title="Throughput against errors" note="Each on its own axis" data={throughput(result.points)} /></div>
        </div>
      )}
    </>
  );
}
