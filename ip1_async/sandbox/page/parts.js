// The parts that all views share.

import { html, useEffect, useRef, useState } from "./preact-htm.js";
import { statusName, statusTone } from "./words.js";

const SHAPES = {
  inbox: "M4 6a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-6l-5 4v-4H6a2 2 0 0 1-2-2z",
  batches: "M3 11l18-7-7 18-3-8zM11 14l4-4",
  requests: "M4 6h10M4 12h16M4 18h7M17 4l3 3-3 3",
  webhooks: "M12 4a4 4 0 0 1 3.5 6L18 15M8.5 10A4 4 0 1 1 12 4M6 15h8M18 15a3 3 0 1 1-3 3M6 15a3 3 0 1 0 3 3",
  controls: "M5 4v6M5 14v6M12 4v10M12 18v2M19 4v3M19 11v9M2 14h6M9 18h6M16 7h6",
  back: "M15 5l-7 7 7 7",
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14M16 16l5 5",
  send: "M4 12h14M12 6l6 6-6 6",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
  moon: "M20 14a8 8 0 0 1-10-10 8 8 0 1 0 10 10z",
  pause: "M8 5v14M16 5v14",
  play: "M7 5l12 7-12 7z",
  plus: "M12 5v14M5 12h14",
  cross: "M6 6l12 12M18 6L6 18",
  open: "M9 5l7 7-7 7",
};

export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${SHAPES[name]} /></svg>
`;

export const Chip = ({ tone, children, title }) => html`<span class="chip ${tone}" title=${title}>${children}</span>`;

export const Status = ({ code }) => html`
  <${Chip} tone=${statusTone(code)} title=${`Status ${code}`}>${statusName(code)}<//>
`;

export const Empty = ({ title, children }) => html`
  <div class="empty"><h2>${title}</h2>${children}</div>
`;

export const Failure = ({ error }) => error && html`<p class="failure" role="alert">${error.message}</p>`;

// Reads on when its end comes into sight.
export function More({ more, loading, failed }) {
  const end = useRef(null);
  const latest = useRef(more);
  latest.current = more;
  useEffect(() => {
    if (!more || loading || failed) return undefined;
    const watcher = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && latest.current?.());
    watcher.observe(end.current);
    return () => watcher.disconnect();
  }, [more !== null, loading, failed]);
  return more && html`<button ref=${end} class="quiet more" type="button" onClick=${more}>${loading ? "Reading on…" : "Show more"}</button>`;
}

// A list of links that the arrow keys move through.
export function onArrows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const all = [...event.currentTarget.querySelectorAll("[data-item]")];
  const at = all.indexOf(document.activeElement);
  const next = all[at + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

export function Search({ value, onChange, label }) {
  return html`
    <label class="search">
      <${Icon} name="search" />
      <input
        type="search"
        placeholder=${label}
        aria-label=${label}
        value=${value}
        onInput=${(event) => onChange(event.target.value)}
        onKeyDown=${(event) => event.key === "Escape" && (onChange(""), event.target.blur())}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  `;
}

// A button that asks once more before it does what cannot be undone.
export function Careful({ label, sure, onSure }) {
  const [asked, ask] = useState(false);
  useEffect(() => {
    if (!asked) return undefined;
    const timer = setTimeout(() => ask(false), 4000);
    return () => clearTimeout(timer);
  }, [asked]);
  return html`
    <button type="button" class="danger" onClick=${(event) => (asked ? event.detail < 2 && (ask(false), onSure()) : ask(true))}>
      ${asked ? sure : label}
    </button>
  `;
}

// A number that is sent when it has been typed, whatever is drawn meanwhile.
export function NumberField({ value, onCommit, ...more }) {
  const [typed, type] = useState(null);
  const commit = () => {
    if (typed !== null) onCommit(typed.trim());
    type(null);
  };
  return html`<input
    type="number" ...${more} value=${typed ?? value} onInput=${(event) => type(event.target.value)} onBlur=${commit}
    onKeyDown=${(event) => event.key === "Enter" && (event.preventDefault(), commit())}
  />`;
}

export const Switch = ({ label, hint, checked, onChange }) => html`
  <label class="switch">
    <input type="checkbox" role="switch" checked=${checked} onChange=${(event) => onChange(event.target.checked)} />
    <span><b>${label}</b><small>${hint}</small></span>
  </label>
`;
