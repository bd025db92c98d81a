// The page of benchmarks begins here.

import { render } from "preact";
import { App } from "./app";
import { applyTheme, readTheme } from "./hooks";
import "./style/ink.css";
import "./style/text.css";
import "./style/svg.css";
import "./style/page.css";

applyTheme(readTheme());
const app = document.getElementById("app")!;
app.replaceChildren();
render(<App />, app);
