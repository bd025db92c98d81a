// A chart that a reader can walk along, by mouse, finger or arrow keys. The drawing is uPlot's.

import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Curve, type Curves, spread } from "./curves";
import { clock, day, figure, moment, short } from "./format";

interface Props {
  title: string;
  note?: string;
  data: Curves;
  height?: number;
  waiting?: string; // what to say while there are no figures
  onPick?: (index: number) => void; // a point was chosen
  pick?: string; // what choosing does
}

/** Chart shows curves over a common x, with a legend, a tooltip, and their figures as a table. */
export function Chart({ title, note, data, height = 260, waiting, onPick, pick }: Props) {
  const [at, setAt] = useState<number | null>(null);
  const [table, setTable] = useState(false);
  const id = useId();
  const empty = data.x.length === 0;
  const shown = at !== null && at < data.x.length ? at : null;
  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption>
        <span>
          <h3 id={id}>{title}</h3>
          {note && <p class="note">{note}</p>}
        </span>
        <button type="button" class="quiet" aria-pressed={table} disabled={empty} onClick={() => setTable(!table)}>
          Figures
        </button>
      </figcaption>
      <Legend curves={data.curves} at={shown} />
      {empty ? (
        <p class="waiting" style={{ minHeight: `${height}px` }}>{waiting ?? "There is nothing to show yet."}</p>
      ) : (
        <Plot title={title} data={data} height={height} at={shown} setAt={setAt} onPick={onPick} pick={pick} />
      )}
      {table && !empty && <Figures data={data} title={title} />}
    </figure>
  );
}

function Legend({ curves, at }: { curves: Curve[]; at: number | null }) {
  return (
    <ul class="legend">
      {curves.map((c) => {
        const value = at === null ? undefined : c.values[at];
        return (
          <li key={c.label}>
            <svg width="26" height="8" aria-hidden="true">
              <line class={`curve ${c.ink}`} x1="1" y1="4" x2="25" y2="4" stroke-dasharray={c.dash?.join(" ")} />
            </svg>
            {c.label} <span class="muted">{unitOf(c)}</span>
            <b>{value === undefined ? "" : value === null ? "–" : figure(value)}</b>
          </li>
        );
      })}
    </ul>
  );
}

/** whenOf says which point of the x axis a column stands for. */
function whenOf(data: Curves, i: number): string {
  return data.moments ? moment(data.moments[i]!) : `${figure(data.x[i]!)} s`;
}

function unitOf(c: Curve): string {
  return c.unit === "/s" ? "per second" : c.unit;
}

interface PlotProps {
  title: string;
  data: Curves;
  height: number;
  at: number | null;
  setAt: (at: number | null) => void;
  onPick?: ((index: number) => void) | undefined;
  pick?: string | undefined;
}

function Plot({ title, data, height, at, setAt, onPick, pick }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const picked = useRef(onPick);
  picked.current = onPick;
  const [left, setLeft] = useState(0);
  const columns = useMemo(() => [data.x, ...data.curves.map((c) => c.values)] as uPlot.AlignedData, [data]);
  // A plot is made anew when its form changes; new figures only are drawn into the old one.
  const logarithmic = spread(data.curves.filter((c) => c.axis !== "right" && c.unit === "ms"));
  const form = JSON.stringify([title, data.moments ?? data.x.length < 40, logarithmic, data.curves.map((c) => c.label)]);
  const theme = useTheme();

  useEffect(() => {
    const at = box.current!;
    const made = new uPlot(options(data, at, height, logarithmic, (u) => {
      const index = u.cursor.idx ?? null;
      setAt(u.cursor.left !== undefined && u.cursor.left >= 0 ? index : null);
      setLeft(u.cursor.left ?? 0);
    }), columns, at);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: at.clientWidth, height }));
    resized.observe(at);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [form, height, theme]);

  useEffect(() => plot.current?.setData(columns), [columns]);

  const move = (to: number) => {
    const u = plot.current;
    if (!u) return;
    const index = Math.min(Math.max(to, 0), data.x.length - 1);
    u.setCursor({ left: u.valToPos(data.x[index]!, "x"), top: u.over.clientHeight / 2 });
  };
  const keys: Record<string, () => void> = {
    ArrowRight: () => move((at ?? -1) + 1),
    ArrowLeft: () => move((at ?? data.x.length) - 1),
    Home: () => move(0),
    End: () => move(data.x.length - 1),
    Escape: () => plot.current?.setCursor({ left: -10, top: -10 }),
    Enter: () => at !== null && picked.current?.(at),
  };
  const width = box.current?.clientWidth ?? 0;
  return (
    <div
      class={onPick ? "plot pickable" : "plot"}
      tabIndex={0}
      role="group"
      aria-label={`${title}. The arrow keys walk along the curves${pick ? `, Enter ${pick}` : ""}.`}
      onKeyDown={(e) => {
        const act = keys[e.key];
        if (!act) return;
        e.preventDefault();
        act();
      }}
      onClick={() => at !== null && onPick?.(at)}
    >
      <div ref={box} aria-hidden="true" />
      <div class={left > width / 2 ? "tip turned" : "tip"} hidden={at === null} style={{ left: `${left + 58}px` }} role="status">
        {at !== null && (
          <>
            <p>{whenOf(data, at)}</p>
            {data.curves.map((c) => (
              <p key={c.label}>
                <i class={`swatch ${c.ink}`} />
                {c.label} <b>{c.values[at] === null || c.values[at] === undefined ? "–" : `${figure(c.values[at]!)} ${unitOf(c)}`}</b>
              </p>
            ))}
            {pick && <p class="muted">Click or Enter {pick}.</p>}
          </>
        )}
      </div>
    </div>
  );
}

function options(data: Curves, at: HTMLElement, height: number, logarithmic: boolean, moved: (u: uPlot) => void): uPlot.Options {
  const ink = inks(at);
  const right = data.curves.some((c) => c.axis === "right");
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = (side: "y" | "right", label: string): uPlot.Axis => ({
    scale: side,
    side: side === "y" ? 3 : 1,
    stroke: ink("muted"),
    font,
    labelFont: font,
    label,
    labelSize: 20,
    labelGap: 4,
    size: 52,
    gap: 6,
    grid: { show: side === "y", stroke: ink("line"), width: 1 },
    ticks: { show: false },
    values: (_, marks) => marks.map((v) => (v === null ? "" : short(v))),
  });
  const label = (curves: Curve[]) => [...new Set(curves.map((c) => (c.unit === "/s" ? `${c.label} per second` : c.unit)))].join(", ");
  const lefts = data.curves.filter((c) => c.axis !== "right");
  const axes: uPlot.Axis[] = [
    {
      stroke: ink("muted"), font, labelFont: font, label: data.xLabel, labelSize: 22, labelGap: 2, gap: 6, size: data.moments ? 46 : 30,
      grid: { show: false }, ticks: { show: true, stroke: ink("line"), width: 1, size: 5 },
      ...(data.moments
        ? { incrs: [1, 2, 5, 10, 20, 50, 100], space: 64, values: (_: uPlot, marks: number[]) => momentsAt(data.moments!, marks) }
        : { values: (_: uPlot, marks: number[]) => marks.map((v) => short(v)) }),
    },
    { ...axis("y", label(lefts)), ...(logarithmic ? roundMarks(data, ink("line")) : {}) },
  ];
  if (right) axes.push(axis("right", label(data.curves.filter((c) => c.axis === "right"))));
  // Where all is zero the axis still counts things, not parts of them.
  const fromZero: uPlot.Range.Function = (_, __, max) => [0, max > 0 ? max * 1.08 : 10];
  return {
    width: at.clientWidth || 600,
    height,
    padding: [10, right ? 0 : 14, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 8 }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: data.moments ? aroundColumns : (_, __, max) => [0, max || 1] },
      y: logarithmic ? { distr: 3 } : { range: fromZero },
      right: { range: fromZero },
    },
    axes,
    series: [
      {},
      ...data.curves.map((c): uPlot.Series => ({
        label: c.label,
        scale: c.axis ?? "y",
        stroke: ink(c.ink),
        width: 2,
        ...(c.dash ? { dash: c.dash } : {}),
        ...(c.fill ? { fill: ink(`${c.ink}-fill`) } : {}),
        points: { show: data.x.length < 40, size: data.moments ? 8 : 5, fill: ink(c.ink) },
        spanGaps: true, // a moment without an answer has no latency; that it was one shows in the throughput
      })),
    ],
    hooks: { setCursor: [moved] },
  };
}

/** aroundColumns leaves room beside the first and the last one: a single one stands in the middle. */
const aroundColumns: uPlot.Range.Function = (_, min, max) => [min - 0.5, max + 0.5];

/** momentsAt writes times below a count of them, and the day where it changes. */
function momentsAt(moments: string[], marks: number[]): string[] {
  let before = "";
  return marks.map((m) => {
    const at = moments[m];
    if (at === undefined) return "";
    const today = day(at);
    const text = today === before ? clock(at) : `${clock(at)}\n${today}`;
    before = today;
    return text;
  });
}

/** roundMarks keeps of a logarithmic axis the marks 1, 2 and 5, or over many decades 1 alone. */
function roundMarks(data: Curves, line: string): uPlot.Axis {
  const values = data.curves.filter((c) => c.axis !== "right").flatMap((c) => c.values.filter((v): v is number => v !== null && v > 0));
  const digits = Math.log10(Math.max(...values) / Math.min(...values)) > 3 ? [1] : [1, 2, 5];
  const keep = (_: uPlot, marks: number[]) =>
    marks.map((m) => (digits.includes(Math.round(m / 10 ** Math.floor(Math.log10(m) + 1e-9))) ? m : null));
  return { filter: keep, grid: { show: true, stroke: line, width: 1, filter: keep } };
}

/** inks reads colours from the style sheet, for the canvas: what they are depends on the theme. */
function inks(at: HTMLElement): (name: string) => string {
  const probe = document.createElement("i");
  probe.hidden = true;
  at.append(probe);
  const colours = new Map<string, string>();
  return (name) => {
    const known = colours.get(name);
    if (known) return known;
    probe.style.color = `var(--${name})`;
    const colour = getComputedStyle(probe).color;
    colours.set(name, colour);
    return colour;
  };
}

/** useTheme changes whenever colours do. */
function useTheme(): string {
  const now = () => `${document.documentElement.dataset["theme"] ?? ""} ${matchMedia("(prefers-color-scheme: dark)").matches}`;
  const [theme, setTheme] = useState(now);
  useEffect(() => {
    const look = () => setTheme(now());
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", look);
    const page = new MutationObserver(look);
    page.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      system.removeEventListener("change", look);
      page.disconnect();
    };
  }, []);
  return theme;
}

function Figures({ data, title }: { data: Curves; title: string }) {
  return (
    <div class="scroll short" tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col" class={data.moments ? "" : "number"}>{data.xLabel}</th>
            {data.curves.map((c) => <th scope="col" class="number" key={c.label}>{c.label}, {unitOf(c)}</th>)}
          </tr>
        </thead>
        <tbody>
          {data.x.map((x, i) => (
            <tr key={x}>
              <td class={data.moments ? "" : "number"}>{whenOf(data, i)}</td>
              {data.curves.map((c) => <td class="number" key={c.label}>{c.values[i] === null ? "–" : figure(c.values[i]!)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
