// What the server says and what it can be asked. The shapes are those of /openapi.json.

export interface Latency {
  p50: number;
  p99: number;
  p999: number;
  max: number;
}

/** A stretch of a run. Times are in seconds from the start of measuring, latencies in milliseconds. */
export interface Point {
  seconds: number;
  operations_per_second: number;
  errors_per_second: number;
  latency_ms: Latency;
}

export type Phase = "preparing" | "warming_up" | "measuring" | "tidying" | "done" | "cancelled" | "failed";

export interface Run {
  id: string;
  scenario: string;
  phase: Phase;
  fault?: string;
  started_at: string;
  iterations: number;
  connections: number;
  seconds_max: number;
  seconds: number;
  operations: number;
  errors: number;
  first_error?: string;
  operations_per_second: number;
  latency_ms: Latency;
  points: Point[];
}

export interface Interval {
  low: number;
  high: number;
}

/** One engine under one scenario. A figure that is 0 or absent was not measured. */
export interface Figures {
  engine: string;
  scenario: string;
  operations_per_second: number;
  operations_per_second_95?: Interval;
  cpu_us_per_operation: number;
  cpu_us_per_operation_95?: Interval;
  database_cpu_us_per_operation?: number;
  cpu_per_echo?: number;
  latency_ms: Latency;
  errors: number;
  first_error?: string;
  refused?: number;
  offered_per_second?: number;
}

export interface Environment {
  at?: string;
  cpu?: string;
  cores?: number;
  memory_bytes?: number;
  os?: string;
  go?: string;
  version?: string;
  revision?: string;
  stores?: string[] | null;
  fsyncs_per_second?: number;
  connections?: number;
  rounds?: number;
  duration_seconds?: number;
  products?: number;
}

export interface Result {
  id: string;
  at: string;
  source: "run" | "import";
  label?: string;
  document: { environment: Environment; results: Figures[] };
  points?: Point[];
}

export interface ComparisonLine {
  scenario: string;
  engine: string;
  figure: string;
  a: number;
  b: number;
  ratio?: { value: number; low: number; high: number };
  verdict: string;
}

export interface Comparison {
  baseline: Result;
  current: Result;
  lines: ComparisonLine[];
  differ: number;
  machines?: string;
}

export interface RunRequest {
  scenario: string;
  iterations: number;
  connections: number;
  seconds: number;
}

/** A refusal of the server (RFC 9457), or that it did not answer at all. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    readonly title: string,
    detail: string,
  ) {
    super(detail);
  }
}

const base = "/api/v2/benchmarks";

async function ask(method: string, path: string, body?: string, signal?: AbortSignal): Promise<Response> {
  let answer: Response;
  try {
    const init: RequestInit = { method, headers: { Accept: "application/json" } };
    if (body !== undefined) {
      init.body = body;
      init.headers = { ...init.headers, "Content-Type": "application/json" };
    }
    if (signal) init.signal = signal;
    answer = await fetch(base + path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal("unreachable", "The server does not answer", "Is it running? The page goes on trying.");
  }
  if (answer.status === 401) location.assign(`/login?${new URLSearchParams({ next: location.pathname + location.hash })}`);
  if (!answer.ok) throw await refusalOf(answer);
  return answer;
}

/** refusalOf reads a problem; whatever else was answered becomes one. */
export async function refusalOf(answer: Response): Promise<Refusal> {
  const fallback = `The server answered ${answer.status}.`;
  try {
    const problem = (await answer.json()) as {
      code?: string;
      title?: string;
      detail?: string;
      errors?: { pointer?: string; detail?: string }[];
    };
    const faults = (problem.errors ?? []).map((e) => [e.pointer, e.detail].filter(Boolean).join(" "));
    const detail = [problem.detail ?? fallback, ...faults].join(" · ");
    return new Refusal(problem.code ?? "unknown", problem.title ?? "The server refuses", detail);
  } catch {
    return new Refusal("unknown", "The server refuses", fallback);
  }
}

export async function progress(signal?: AbortSignal): Promise<Run | null> {
  const answer = await ask("GET", "/progress", undefined, signal);
  return ((await answer.json()) as { run: Run | null }).run;
}

export async function start(request: RunRequest): Promise<Run | null> {
  const query = new URLSearchParams({
    benchmark_type: request.scenario,
    iterations: String(request.iterations),
    connections: String(request.connections),
    seconds: String(request.seconds),
  });
  const answer = await ask("POST", `/run?${query}`);
  return ((await answer.json()) as { run: Run | null }).run;
}

export async function cancel(): Promise<void> {
  await ask("DELETE", "/run");
}

/** The most results that the server keeps, hence lists. */
export const resultsMax = 200;

/** results lists what is kept, the newest measurement first: one that was brought in may be older. */
export async function results(signal?: AbortSignal): Promise<Result[]> {
  const answer = await ask("GET", `/results?limit=${resultsMax}`, undefined, signal);
  const found = ((await answer.json()) as { results: Result[] }).results;
  return found.sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}

export async function result(id: string, signal?: AbortSignal): Promise<Result> {
  const answer = await ask("GET", `/results/${encodeURIComponent(id)}`, undefined, signal);
  if (answer.status === 202) throw new Refusal("running", "It is still being measured", "Its result will be here when the run has ended.");
  return (await answer.json()) as Result;
}

export async function compare(baseline: string, current: string, signal?: AbortSignal): Promise<Comparison> {
  const query = new URLSearchParams({ baseline, current });
  const answer = await ask("GET", `/compare?${query}`, undefined, signal);
  return (await answer.json()) as Comparison;
}

export async function importDocument(text: string, label: string): Promise<Result> {
  const query = label === "" ? "" : `?${new URLSearchParams({ label })}`;
  const answer = await ask("POST", `/results${query}`, text);
  return (await answer.json()) as Result;
}
