// Axes: where their marks are.

/** ticks returns round numbers from 0 to at least max, about as many as wanted. */
export function ticks(max: number, wanted = 5): number[] {
  if (!(max > 0) || !Number.isFinite(max)) return [0, 1];
  const rough = max / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999) ?? 10 * power;
  const marks: number[] = [];
  for (let i = 0; i <= Math.ceil(max / step - 1e-9); i++) marks.push(Number((i * step).toPrecision(12)));
  return marks;
}

/** ratioTicks returns marks for a logarithmic axis of ratios that holds low, 1 and high. */
export function ratioTicks(low: number, high: number): number[] {
  const fine = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.3, 1.5, 2];
  const coarse = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
  const finest = [0.97, 0.98, 0.99, 1, 1.01, 1.02, 1.03];
  const from = Math.min(low, 1);
  const to = Math.max(high, 1);
  const marks = [finest, fine, coarse].find((m) => from >= m[0]! && to <= m[m.length - 1]!) ?? coarse;
  const before = marks.filter((m) => m <= from).pop() ?? marks[0]!;
  const after = marks.find((m) => m >= to) ?? marks[marks.length - 1]!;
  return marks.filter((m) => m >= Math.min(before, 1) && m <= Math.max(after, 1));
}
