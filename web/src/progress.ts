// How far a run is.

import type { Phase, Run } from "./api";

/** isOver reports whether a phase is an end. */
export function isOver(phase: Phase): boolean {
  return phase === "done" || phase === "cancelled" || phase === "failed";
}

/** fraction is how much of its requests, or else of its time, a run has used. */
export function fraction(run: Run): number {
  if (run.phase === "done") return 1;
  const sent = (run.operations + run.errors) / run.iterations;
  return Math.min(1, Math.max(sent, run.seconds / run.seconds_max));
}
