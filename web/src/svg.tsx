// Charts as SVG, drawn from their figures alone: for what does not move, and for reports, which are
// opened from a disk without any script. Colours are classes of the style sheet.

import { figure, ratio, short } from "./format";
import { ratioTicks, ticks } from "./scale";
import type { Group, Measure } from "./sides";
import { engineTitle, titleOf } from "./scenarios";
import type { Curves } from "./curves";
import type { ComparisonLine } from "./api";

/** widthUsual is how wide a chart is where nobody says: in reports. */
const widthUsual = 760;

/** widthNarrow is where labels no longer fit beside what they say something of. */
const widthNarrow = 560;

/** Bars shows V1 and V2 for each scenario, each on a scale of its own. */
export function Bars({ groups, measure, v1, v2, width = widthUsual }: { groups: Group[]; measure: Measure; v1: string; v2: string; width?: number }) {
  const narrow = width < widthNarrow;
  const [bar, space] = [20, 118];
  const right = narrow ? 14 : 150;
  const plot = width - right;
  const summary = groups.map((g) => `${titleOf(g.scenario)}: ${figure(g.v1)} against ${figure(g.v2)}, ${ratio(g.better)} as good`).join("; ");
  return (
    <svg class="svgchart" viewBox={`0 0 ${width} ${groups.length * space - 14}`} role="img" aria-label={`${measure.title} in ${measure.unit}. ${summary}`}>
      {groups.map((g, i) => {
        const marks = ticks(Math.max(g.v1, g.v2), narrow ? 3 : 4);
        const x = (v: number) => (v / marks[marks.length - 1]!) * plot;
        const top = i * space;
        const row = (value: number, y: number, ink: string, name: string) => (
          <g>
            <rect class={`fill-${ink}`} x={0} y={y} width={Math.max(1.5, x(value))} height={bar} rx={2}>
              <title>{`${name}: ${figure(value)} ${measure.unit}`}</title>
            </rect>
            {x(value) > plot - 64 ? (
              <text class={`on-${ink}`} x={x(value) - 7} y={y + 14.5} text-anchor="end">{figure(value)}</text>
            ) : (
              <text class="value" x={x(value) + 7} y={y + 14.5}>{figure(value)}</text>
            )}
          </g>
        );
        const times = ratio(g.better >= 1 ? g.better : 1 / g.better);
        const tone = g.better >= 1 ? "good" : "bad";
        return (
          <g key={g.scenario}>
            <text class="heading" x={0} y={top + 18}>{titleOf(g.scenario)}</text>
            {marks.map((m, n) => (
              <g key={m}>
                <line class="grid" x1={x(m)} x2={x(m)} y1={top + 28} y2={top + 80} />
                <text class="tick" x={x(m)} y={top + 95} text-anchor={n === 0 ? "start" : n === marks.length - 1 && narrow ? "end" : "middle"}>
                  {m === 0 && !narrow ? `0 ${measure.unit}` : short(m)}
                </text>
              </g>
            ))}
            {row(g.v1, top + 31, "v1", engineTitle(v1))}
            {row(g.v2, top + 55, "v2", engineTitle(v2))}
            {narrow ? (
              <text class={`heading ${tone}`} x={plot} y={top + 18} text-anchor="end">{times}</text>
            ) : (
              <>
                <text class={`ratio ${tone}`} x={plot + 28} y={top + 60}>{times}</text>
                <text class="tick" x={plot + 28} y={top + 78}>{`${verdictOf(g, measure)} with V2`}</text>
              </>
            )}
          </g>
        );
      })}
    </svg>
  );
}

function verdictOf(g: Group, measure: Measure): string {
  const words = measure.key === "rate" ? ["as many", "fewer"] : measure.key === "cpu" ? ["cheaper", "dearer"] : ["quicker", "slower"];
  return g.better >= 1 ? words[0]! : words[1]!;
}

/** Intervals shows where ratios lie with 95 % confidence, and 1, where nothing has changed. */
export function Intervals({ lines, width = widthUsual }: { lines: ComparisonLine[]; width?: number }) {
  const narrow = width < widthNarrow;
  const [left, right, space, top] = [narrow ? 20 : 240, 24, narrow ? 70 : 46, 8];
  const known = lines.filter((l) => l.ratio !== undefined);
  const low = Math.min(...known.map((l) => l.ratio!.low));
  const high = Math.max(...known.map((l) => l.ratio!.high));
  const marks = ratioTicks(low, high);
  const [from, to] = [Math.log(marks[0]!), Math.log(marks[marks.length - 1]!)];
  const x = (v: number) => left + ((Math.min(Math.max(Math.log(v), from), to) - from) / (to - from || 1)) * (width - left - right);
  const bottom = top + known.length * space;
  const summary = known.map((l) => `${titleOf(l.scenario)}, ${l.figure}: ${ratio(l.ratio!.value)}, from ${ratio(l.ratio!.low)} to ${ratio(l.ratio!.high)}`).join("; ");
  return (
    <svg class="svgchart" viewBox={`0 0 ${width} ${bottom + 46}`} role="img" aria-label={`Current over baseline, with 95 % intervals. ${summary}`}>
      {marks.map((m) => (
        <g key={m}>
          <line class={m === 1 ? "one" : "grid"} x1={x(m)} x2={x(m)} y1={top} y2={bottom} />
          <text class="tick" x={x(m)} y={bottom + 18} text-anchor="middle">{`${m} ×`}</text>
        </g>
      ))}
      <text class="tick" x={(left + width - right) / 2} y={bottom + 38} text-anchor="middle">current over baseline, 95 % interval</text>
      {known.map((l, i) => {
        const label = top + i * space + (narrow ? 16 : space / 2);
        const y = narrow ? top + i * space + 50 : label;
        const ink = verdictInk(l.verdict);
        return (
          <g key={`${l.scenario} ${l.engine} ${l.figure}`}>
            <text class="heading small" x={0} y={label - 2}>{titleOf(l.scenario)}</text>
            <text class="tick" x={0} y={label + 14}>{`${l.figure} · ${engineTitle(l.engine)}`}</text>
            <line class={`whisker ${ink}`} x1={x(l.ratio!.low)} x2={x(l.ratio!.high)} y1={y} y2={y} />
            <line class={`whisker ${ink}`} x1={x(l.ratio!.low)} x2={x(l.ratio!.low)} y1={y - 6} y2={y + 6} />
            <line class={`whisker ${ink}`} x1={x(l.ratio!.high)} x2={x(l.ratio!.high)} y1={y - 6} y2={y + 6} />
            <circle class={`dot ${ink}`} cx={x(l.ratio!.value)} cy={y} r={5.5}>
              <title>{`${ratio(l.ratio!.value)}, from ${ratio(l.ratio!.low)} to ${ratio(l.ratio!.high)}`}</title>
            </circle>
          </g>
        );
      })}
    </svg>
  );
}

/** verdictInk is the colour of what a comparison has found. */
export function verdictInk(verdict: string): "good" | "bad" | "even" {
  return verdict === "B is better" ? "good" : verdict === "B is worse" ? "bad" : "even";
}

/** Lines draws curves over a linear x. Each axis begins at 0. */
export function Lines({ data, title }: { data: Curves; title: string }) {
  const [width, height, left, right, top, bottom] = [widthUsual, 300, 62, 62, 30, 44];
  const xs = ticks(Math.max(...data.x, 0), 8);
  const x = (v: number) => left + (v / xs[xs.length - 1]!) * (width - left - right);
  const of = (side: "left" | "right") => data.curves.filter((c) => (c.axis ?? "left") === side);
  const marks = (side: "left" | "right") => ticks(Math.max(0, ...of(side).flatMap((c) => c.values.map((v) => v ?? 0))), 5);
  const [lefts, rights] = [marks("left"), marks("right")];
  const y = (v: number, m: number[]) => height - bottom - (v / m[m.length - 1]!) * (height - top - bottom);
  const unit = (side: "left" | "right") => [...new Set(of(side).map((c) => (c.unit === "/s" ? `${c.label}/s` : c.unit)))].join(", ");
  return (
    <svg class="svgchart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${title}: ${data.curves.map((c) => c.label).join(", ")}`}>
      {lefts.map((m) => (
        <g key={m}>
          <line class="grid" x1={left} x2={width - right} y1={y(m, lefts)} y2={y(m, lefts)} />
          <text class="tick" x={left - 8} y={y(m, lefts) + 4} text-anchor="end">{short(m)}</text>
        </g>
      ))}
      {of("right").length > 0 && rights.map((m) => <text class="tick" key={m} x={width - right + 8} y={y(m, rights) + 4}>{short(m)}</text>)}
      {xs.map((m) => <text class="tick" key={m} x={x(m)} y={height - bottom + 18} text-anchor="middle">{short(m)}</text>)}
      <text class="tick" x={left} y={14}>{unit("left")}</text>
      {of("right").length > 0 && <text class="tick" x={width - right} y={14} text-anchor="end">{unit("right")}</text>}
      <text class="tick" x={(left + width - right) / 2} y={height - 6} text-anchor="middle">{data.xLabel}</text>
      {data.x.length < 3 && data.curves.flatMap((c) => c.values.map((v, i) => v !== null && (
        <circle key={`${c.label} ${i}`} class={`dot ${c.ink}`} cx={x(data.x[i]!)} cy={y(v, c.axis === "right" ? rights : lefts)} r={3.5} />
      )))}
      {data.curves.map((c) => (
        <path key={c.label} class={`curve ${c.ink}`} stroke-dasharray={c.dash?.join(" ")} d={pathOf(data.x, c.values, x, (v) => y(v, c.axis === "right" ? rights : lefts))} />
      ))}
    </svg>
  );
}

/** pathOf joins points by lines, over those that are not known. */
export function pathOf(xs: number[], values: (number | null)[], x: (v: number) => number, y: (v: number) => number): string {
  let path = "";
  values.forEach((value, i) => {
    if (value !== null) path += `${path === "" ? "M" : "L"}${x(xs[i]!).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  return path;
}
