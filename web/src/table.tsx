// The figures of a result, as a table: on the page and in reports.

import type { Figures, Result } from "./api";
import { count, figure, known, milliseconds } from "./format";
import { engineTitle, titleOf } from "./scenarios";

/** FiguresTable shows every engine under every scenario. */
export function FiguresTable({ result }: { result: Result }) {
  const found = result.document.results;
  const cpu = found.some((f) => f.cpu_us_per_operation > 0);
  const interval = (f: Figures) => f.operations_per_second_95;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Scenario</th>
          <th scope="col">Engine</th>
          <th scope="col" class="number">Operations/s</th>
          {cpu && <th scope="col" class="number">CPU, µs each</th>}
          <th scope="col" class="number">p50</th>
          <th scope="col" class="number">p99</th>
          <th scope="col" class="number">p99.9</th>
          <th scope="col" class="number">Longest</th>
          <th scope="col" class="number">Errors</th>
        </tr>
      </thead>
      <tbody>
        {found.map((f) => (
          <tr key={`${f.scenario} ${f.engine}`}>
            <th scope="row">{titleOf(f.scenario)}</th>
            <td>{engineTitle(f.engine)}</td>
            <td class="number">
              {figure(f.operations_per_second)}
              {interval(f) && <small>{`${figure(interval(f)!.low)} – ${figure(interval(f)!.high)}`}</small>}
            </td>
            {cpu && <td class="number">{known(f.cpu_us_per_operation, figure)}</td>}
            <td class="number">{milliseconds(f.latency_ms.p50)}</td>
            <td class="number">{milliseconds(f.latency_ms.p99)}</td>
            <td class="number">{milliseconds(f.latency_ms.p999)}</td>
            <td class="number">{milliseconds(f.latency_ms.max)}</td>
            <td class={f.errors > 0 ? "number bad" : "number"} title={f.first_error}>{count(f.errors)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
