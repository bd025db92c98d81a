// The page: its head, the way around, and the view that is asked for.

import { useEffect, useRef, useState } from "preact/hooks";
import { type Theme, applyTheme, readTheme, usePlace } from "./hooks";
import { type Place, type View, hashOf } from "./route";
import { CompareView } from "./views/compare";
import { ResultView } from "./views/result";
import { ResultsView } from "./views/results";
import { RunView } from "./views/run";
import { SidesView } from "./views/sides";

const tabs: [View, string][] = [
  ["run", "Run"],
  ["results", "Results"],
  ["sides", "Side by side"],
  ["compare", "Compare"],
];

export function App() {
  const place = usePlace();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    // A new view begins at its top, also for who listens to it; the first one is where the page begins.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    scrollTo(0, 0);
  }, [place.view, place.id]);
  const view = place.view === "result" ? "results" : place.view;
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>To the content</a>
      <header>
        <div class="top">
          <span class="brand">
            <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
              <rect class="gate" width="32" height="32" rx="7" />
              <path class="posts" d="M8 5v22M24 5v22" />
              <path class="water" d="M8 11h16" stroke-width="6" />
              <path class="water" d="M12 19h8M12 24h8" stroke-width="2.5" />
            </svg>
            <h1>Penstock <span>Benchmarks</span></h1>
          </span>
          <ThemeChoice />
        </div>
        <nav aria-label="Views">
          {tabs.map(([name, title]) => (
            <a key={name} href={hashOf({ view: name })} aria-current={view === name ? "page" : undefined}>{title}</a>
          ))}
        </nav>
      </header>
      <main id="main" ref={main} tabIndex={-1}>{viewOf(place)}</main>
      <footer>
        Compare ratios of one run, not figures of different machines. <a href="/openapi.json">API</a>
      </footer>
    </>
  );
}

function viewOf(place: Place) {
  switch (place.view) {
    case "results":
      return <ResultsView />;
    case "result":
      return <ResultView id={place.id!} />;
    case "sides":
      return <SidesView {...(place.id ? { id: place.id } : {})} />;
    case "compare":
      return <CompareView place={place} />;
    default:
      return <RunView />;
  }
}

const themes: [Theme, string][] = [
  ["auto", "Auto"],
  ["light", "Light"],
  ["dark", "Dark"],
];

function ThemeChoice() {
  const [theme, setTheme] = useState(readTheme);
  return (
    <div class="segments small" role="group" aria-label="Colours">
      {themes.map(([name, title]) => (
        <button
          type="button" key={name} aria-pressed={theme === name}
          onClick={() => {
            applyTheme(name);
            setTheme(name);
          }}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
