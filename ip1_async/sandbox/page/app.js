// The page: what is where, and which view shows.

import { html, render, useEffect, useState } from "./preact-htm.js";
import { Batches } from "./batches.js";
import { Controls } from "./controls.js";
import { Inbox } from "./inbox.js";
import { Requests, Webhooks } from "./logs.js";
import { Icon } from "./parts.js";
import { ask, useConnected, useLive } from "./remote.js";
import { atSecond, onDay } from "./words.js";

const VIEWS = [
  ["phones", "Inbox", "inbox"],
  ["batches", "Batches", "batches"],
  ["requests", "Requests", "requests"],
  ["webhooks", "Webhooks", "webhooks"],
  ["controls", "Faults & clock", "controls"],
];

function useRoute() {
  const read = () => {
    const [, view, chosen = ""] = location.hash.split("/");
    return { view: VIEWS.some(([name]) => name === view) ? view : "phones", chosen: chosen.replace(/[^0-9A-Za-z]/g, "") };
  };
  const [route, set] = useState(read);
  useEffect(() => {
    const changed = () => set(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

// The sandbox's time, which goes on between two looks at it.
function useTime() {
  const { data } = useLive(async () => ({ ...(await ask("clock")), asked: performance.now() }), []);
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  if (data === null) return { now: new Date(), speed: 1 };
  const gone = (performance.now() - data.asked) * data.speed;
  return { now: new Date(new Date(data.now).getTime() + gone), speed: data.speed };
}

const LIKED = "ip1 sandbox: theme";

function useTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const now = () => localStorage.getItem(LIKED) ?? (dark.matches ? "dark" : "light");
  const [theme, set] = useState(now);
  useEffect(() => {
    const changed = () => set(now());
    dark.addEventListener("change", changed);
    return () => dark.removeEventListener("change", changed);
  }, []);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  const toggle = () => {
    const other = theme === "dark" ? "light" : "dark";
    localStorage.setItem(LIKED, other);
    set(other);
  };
  return [theme, toggle];
}

function useKeys() {
  useEffect(() => {
    const pressed = (event) => {
      const typing = event.target.closest("input, textarea, select");
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") {
        if (typing) typing.blur();
        else document.querySelector("a.back")?.click();
      } else if (!typing && event.key === "ArrowDown" && document.activeElement === document.body) {
        event.preventDefault();
        document.querySelector("[data-item]")?.focus();
      } else if (!typing && event.key === "/") {
        event.preventDefault();
        document.querySelector("input[type=search]")?.focus();
      } else if (!typing && event.key >= "1" && event.key <= String(VIEWS.length)) {
        location.hash = `#/${VIEWS[Number(event.key) - 1][0]}`;
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

function Clock({ time }) {
  const set = (speed) => ask("clock", { method: "POST", body: { speed } }).catch(() => {});
  const still = time.speed === 0;
  return html`
    <div class="clock" title="The sandbox's time">
      <button type="button" class="icon-only quiet" aria-label=${still ? "Let time go" : "Stop time"} onClick=${() => set(still ? 1 : 0)}><${Icon} name=${still ? "play" : "pause"} /></button>
      <time><span class="date">${onDay(time.now)} </span>${atSecond(time.now)}</time>
      ${[1, 60].map((speed) => html`<button type="button" class="quiet speed" aria-pressed=${time.speed === speed} onClick=${() => set(speed)}>${speed}×</button>`)}
    </div>
  `;
}

function Page() {
  const { view, chosen } = useRoute();
  const time = useTime();
  const [theme, toggle] = useTheme();
  const connected = useConnected();
  const { data: faults } = useLive(() => ask("faults"), []);
  useKeys();
  const wrong = (faults?.faults.length ?? 0) + (faults?.requestsPerSecond ? 1 : 0);
  return html`
    <header class="top">
      <a class="brand" href="#/phones"><img src="/_sandbox/page/icon.svg" alt="" width="26" height="26" /><span>iP.1 <small>sandbox</small></span></a>
      <${Clock} time=${time} />
      <button type="button" class="icon-only quiet" aria-label=${theme === "dark" ? "Light colours" : "Dark colours"} onClick=${toggle}><${Icon} name=${theme === "dark" ? "sun" : "moon"} /></button>
    </header>
    ${!connected && html`<p class="offline" role="status">The sandbox does not answer. This page goes on by itself once it runs again.</p>`}
    <nav class="views" aria-label="Views">
      ${VIEWS.map(([name, label, icon], position) => html`
        <a href=${`#/${name}`} aria-current=${name === view ? "page" : null} title=${`${label} (${position + 1})`}>
          <${Icon} name=${icon} /><span>${label}</span>
          ${name === "controls" && wrong > 0 && html`<b class="badge" aria-label=${`${wrong} switched on`}>${wrong}</b>`}
        </a>`)}
    </nav>
    <main class=${chosen ? "chosen" : ""}>
      ${view === "phones" && html`<${Inbox} chosen=${chosen} now=${time.now} />`}
      ${view === "batches" && html`<${Batches} chosen=${chosen} now=${time.now} />`}
      ${view === "requests" && html`<${Requests} />`}
      ${view === "webhooks" && html`<${Webhooks} />`}
      ${view === "controls" && html`<${Controls} time=${time} />`}
    </main>
  `;
}

render(html`<${Page} />`, document.body);
