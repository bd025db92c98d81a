// What views share: the address, answers on their way, and the theme.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Refusal } from "./api";
import { type Place, placeOf } from "./route";

/** usePlace follows the address. */
export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const moved = () => setPlace(placeOf(location.hash));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}

/** Answer is what was asked for, or why it is not there. Neither: it is on its way. */
export interface Answer<T> {
  value?: T;
  fault?: Refusal;
}

/** useAnswer asks whenever what it depends on changes, and forgets answers that come too late. */
export function useAnswer<T>(ask: (signal: AbortSignal) => Promise<T>, on: unknown[]): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({});
  useEffect(() => {
    const abort = new AbortController();
    setAnswer({});
    ask(abort.signal).then(
      (value) => !abort.signal.aborted && setAnswer({ value }),
      (error: unknown) => !abort.signal.aborted && setAnswer({ fault: faultOf(error) }),
    );
    return () => abort.abort();
  }, on);
  return answer;
}

/** faultOf makes a refusal of whatever was thrown. */
export function faultOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal("page", "This page has a fault", error instanceof Error ? error.message : String(error));
}

/** useWidth follows the width of an element, in pixels: 0 until it has been seen. */
export function useWidth<T extends HTMLElement>(): [RefObject<T>, number] {
  const element = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const at = element.current!;
    setWidth(at.clientWidth);
    const resized = new ResizeObserver(() => setWidth(at.clientWidth));
    resized.observe(at);
    return () => resized.disconnect();
  }, []);
  return [element, width];
}

export type Theme = "auto" | "light" | "dark";

const themeKey = "penstock-theme";

/** readTheme returns what the reader chose here before. */
export function readTheme(): Theme {
  try {
    const kept = localStorage.getItem(themeKey);
    return kept === "light" || kept === "dark" ? kept : "auto";
  } catch {
    return "auto"; // the browser keeps nothing
  }
}

/** applyTheme shows a theme, and keeps it for the next visit. */
export function applyTheme(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  try {
    localStorage.setItem(themeKey, theme);
  } catch {
    // It holds for this visit.
  }
}
