// The view that measures: choose what, watch it, and see what came of it.

import { useEffect, useState } from "preact/hooks";
import { type Phase, type Refusal, type Run, type RunRequest, cancel, progress, start } from "../api";
import { Chart } from "../chart";
import { latencies, throughput } from "../curves";
import { count, figure, milliseconds } from "../format";
import { faultOf } from "../hooks";
import { Fault, Tile } from "../parts";
import { fraction, isOver } from "../progress";
import { hashOf } from "../route";
import { scenarios, titleOf } from "../scenarios";

const pollBusy = 300; // milliseconds between two looks at a run
const pollIdle = 3000; // and while none is under way: somebody else may start one

/** useRun looks at the server's run again and again. */
function useRun(): { run: Run | null | undefined; fault: Refusal | undefined; look: () => void } {
  const [run, setRun] = useState<Run | null>();
  const [fault, setFault] = useState<Refusal>();
  const [looks, setLooks] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const poll = async () => {
      let wait = pollIdle;
      try {
        const now = await progress(abort.signal);
        setRun(now);
        setFault(undefined);
        if (now && !isOver(now.phase)) wait = pollBusy;
      } catch (error) {
        if (abort.signal.aborted) return;
        setFault(faultOf(error));
      }
      timer = setTimeout(poll, wait);
    };
    void poll();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [looks]);
  return { run, fault, look: () => setLooks((n) => n + 1) };
}

export function RunView() {
  const { run, fault, look } = useRun();
  const [refused, setRefused] = useState<Refusal>();
  const busy = !!run && !isOver(run.phase);
  const act = async (what: () => Promise<unknown>) => {
    setRefused(undefined);
    try {
      await what();
    } catch (error) {
      setRefused(faultOf(error));
    }
    look();
  };
  if (fault?.code === "benchmarks_off") return <Fault fault={fault} />;
  return (
    <>
      <section class="card" aria-labelledby="measure">
        <h2 id="measure">Measure this server</h2>
        <p class="lead">
          Requests go to the server itself, over loopback, and use products made for the run: no stock of the shop is touched.
        </p>
        <Form busy={busy} onStart={(request) => act(() => start(request))} onCancel={() => act(cancel)} />
        {refused && <Fault fault={refused} />}
        {fault && <Fault fault={fault} />}
        {run && <Steps run={run} />}
      </section>
      {run === undefined && !fault && <p class="loading" role="status">Loading …</p>}
      {run === null && <Empty />}
      {run && <Live run={run} />}
    </>
  );
}

function Empty() {
  return (
    <div class="empty">
      <p>Nothing has been measured since this server was started.</p>
      <p>
        Start a run above, or look at <a href={hashOf({ view: "results" })}>earlier results</a>.
      </p>
    </div>
  );
}

function Form({ busy, onStart, onCancel }: { busy: boolean; onStart: (r: RunRequest) => void; onCancel: () => void }) {
  const [request, setRequest] = useState<RunRequest>({ scenario: "order", iterations: 20_000, connections: 16, seconds: 10 });
  const field = (name: "iterations" | "connections" | "seconds", label: string, max: number) => (
    <label class="field">
      {label}
      <input
        type="number" name={name} min={1} max={max} step={1} required value={request[name]} disabled={busy}
        onInput={(e) => setRequest({ ...request, [name]: Number(e.currentTarget.value) })}
      />
    </label>
  );
  const about = scenarios.find((s) => s.name === request.scenario)?.about;
  return (
    <form
      class="runform"
      onSubmit={(e) => {
        e.preventDefault();
        onStart(request);
      }}
    >
      <label class="field wide">
        Scenario
        <select name="scenario" value={request.scenario} disabled={busy} onChange={(e) => setRequest({ ...request, scenario: e.currentTarget.value })}>
          {scenarios.map((s) => <option key={s.name} value={s.name}>{s.title}</option>)}
        </select>
      </label>
      {field("iterations", "Requests", 100_000)}
      {field("connections", "Connections", 256)}
      {field("seconds", "Seconds at most", 60)}
      {busy ? (
        <button type="button" class="stop" onClick={onCancel}>Cancel</button>
      ) : (
        <button type="submit" class="primary">Start</button>
      )}
      <p class="note wide">{about}</p>
    </form>
  );
}

const steps: [Phase, string][] = [
  ["preparing", "Making products"],
  ["warming_up", "Warming up"],
  ["measuring", "Measuring"],
  ["tidying", "Archiving products"],
  ["done", "Done"],
];

function Steps({ run }: { run: Run }) {
  const now = steps.findIndex(([phase]) => phase === run.phase);
  const part = Math.round(fraction(run) * 100);
  const name = steps[now]?.[1] ?? (run.phase === "cancelled" ? "Cancelled: there is no result" : "Failed: there is no result");
  return (
    <div class="progress">
      <div class="bar" role="progressbar" aria-label="Progress of the run" aria-valuemin={0} aria-valuemax={100} aria-valuenow={part}>
        <svg width="100%" height="6" aria-hidden="true">
          <rect class={run.phase === "failed" ? "fill-errors" : "fill-rate"} width={`${part}%`} height="6" rx="3" />
        </svg>
      </div>
      <p role="status" data-phase={run.phase}>
        <b>{name}</b> · {titleOf(run.scenario)} · {count(run.operations + run.errors)} of {count(run.iterations)} requests ·{" "}
        {figure(run.seconds)} s
        {run.phase === "done" && (
          <>
            {" "}· <a href={hashOf({ view: "result", id: run.id })}>Show the result</a>
          </>
        )}
      </p>
      {run.fault && <p class="bad">{run.fault}</p>}
    </div>
  );
}

function Live({ run }: { run: Run }) {
  return (
    <section aria-label="The run">
      <dl class="tiles">
        <Tile title="Throughput" value={run.operations > 0 ? figure(run.operations_per_second) : "–"} note="operations/s" />
        <Tile title="Median latency" value={milliseconds(run.latency_ms.p50)} note="p50" />
        <Tile title="99 of 100 within" value={milliseconds(run.latency_ms.p99)} note="p99" />
        <Tile title="Errors" value={count(run.errors)} note={run.first_error ?? "other answers than wanted"} {...(run.errors > 0 ? { tone: "bad" as const } : {})} />
      </dl>
      <div class="charts">
        <div class="card">
          <Chart title="Latency" note="Percentiles of each moment" data={latencies(run.points)} waiting="The curve begins with the first answers." />
        </div>
        <div class="card">
          <Chart title="Throughput against errors" note="Each on its own axis" data={throughput(run.points)} waiting="The curve begins with the first answers." />
        </div>
      </div>
    </section>
  );
}
