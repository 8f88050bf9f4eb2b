// What came in and what went out.

import { html, useEffect, useRef, useState } from "./preact-htm.js";
import { Chip, Empty, Failure, Icon, Search, onArrows } from "./parts.js";
import { ask, query, useLive } from "./remote.js";
import { answerTone, atMoment, atSecond, counted, phoneName, pretty, statusName } from "./words.js";

const SHOWN = 200;
const AT_ONCE = 200;

// The entries of a log, the latest first. Only new ones are asked for, until there are no more; those that the sandbox
// has forgotten, or that another run of it has told, are dropped.
function useLog(path, name) {
  const kept = useRef({ run: null, entries: [] });
  const { data, error } = useLive(async (stillHere) => {
    let found;
    do {
      found = await ask(`${path}?${query({ after: kept.current.entries[0]?.number ?? 0, limit: AT_ONCE })}`);
      if (found.run !== kept.current.run) {
        const asked = kept.current.run !== null;
        kept.current = { run: found.run, entries: [] };
        if (asked) continue;
      }
      const known = kept.current.entries.filter((each) => found.first !== null && each.number >= found.first);
      kept.current = { run: found.run, entries: [...found[name].reverse(), ...known] };
    } while (stillHere() && (found[name].length === AT_ONCE || (kept.current.entries.length === 0 && found.first !== null)));
    return kept.current.entries;
  }, []);
  return { entries: data ?? [], ready: data !== null, error };
}

const holds = (entry, words) => words === "" || JSON.stringify(Object.values(entry)).toLowerCase().includes(words);

function Log({ title, log, label, columns, row, detail, empty }) {
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState(null);
  const [most, setMost] = useState(SHOWN);
  useEffect(() => setMost(SHOWN), [search]);
  const found = log.entries.filter((entry) => holds(entry, search.trim().toLowerCase()));
  return html`
    <section class="pane sheet-only" aria-label=${title}>
      <header class="detail-head">
        <div><h1>${title}</h1><p>${log.ready ? `The latest ${counted(found.length, "entry", "entries")}` : ""}</p></div>
        <${Search} value=${search} onChange=${setSearch} label=${label} />
      </header>
      <div class="scroll log" onKeyDown=${onArrows}>
        <${Failure} error=${log.error} />
        ${log.ready && found.length === 0 && (search ? html`<${Empty} title="Nothing found" />` : empty)}
        ${found.length > 0 && html`<div class="log-head ${columns}" aria-hidden="true">${row(null)}</div>`}
        ${found.slice(0, most).map((entry) => {
          const isOpen = open === entry.number;
          return html`
            <div class="log-entry ${isOpen ? "open" : ""}" key=${entry.number}>
              <button type="button" data-item class="log-row ${columns}" aria-expanded=${isOpen} onClick=${() => setOpen(isOpen ? null : entry.number)}>
                ${row(entry)}
              </button>
              ${isOpen && html`<div class="log-detail">${detail(entry)}</div>`}
            </div>
          `;
        })}
        ${found.length > most && html`<button type="button" class="quiet more" onClick=${() => setMost(most + SHOWN)}>Show more</button>`}
      </div>
    </section>
  `;
}

const Body = ({ title, text }) => html`
  <section class="body"><h3>${title}</h3>${text ? html`<pre tabindex="0">${pretty(text)}</pre>` : html`<p class="none">nothing</p>`}</section>
`;

export function Requests() {
  return html`<${Log}
    title="Requests" label="Filter: path, status, body" columns="of-request" log=${useLog("log", "requests")}
    row=${(entry) => entry === null
      ? html`<span>#</span><span>Time</span><span>Method</span><span>Path</span><span>Fault</span><span>Answer</span>`
      : html`
        <span class="faint">${entry.number}</span><time>${atSecond(entry.at)}</time><b>${entry.method}</b>
        <code class="path">${entry.path}${entry.query && `?${entry.query}`}</code>
        <span>${entry.fault && html`<${Chip} tone="moving" title="Went wrong on purpose">${entry.fault}<//>`}</span>
        <span><${Chip} tone=${answerTone(entry.status)}>${entry.status ?? "none"}<//></span>`}
    detail=${(entry) => html`
      <${Body} title="Asked" text=${entry.body} />
      <${Body} title=${entry.status === null ? "Answered: nothing" : `Answered with ${entry.status}`} text=${entry.answer} />`}
    empty=${html`<${Empty} title="Nobody has asked for anything yet"><p>Every request to the API shows here with what was answered.</p><//>`}
  />`;
}

export function Webhooks() {
  return html`<${Log}
    title="Webhooks" label="Filter: address, status, body" columns="of-post" log=${useLog("posts", "posts")}
    row=${(entry) => entry === null
      ? html`<span>#</span><span>Time</span><span>Kind</span><span>Address</span><span>Try</span><span>Answer</span>`
      : html`
        <span class="faint">${entry.number}</span><time>${atSecond(entry.at)}</time>
        <b>${entry.kind === "report" ? "Report" : "Incoming"}</b><span class="path">${about(entry)} <code>${entry.url}</code></span>
        <span>${entry.attempt}</span>
        <span><${Chip} tone=${entry.status === 200 ? "good" : entry.next ? "ended" : "bad"}>${entry.status ?? "none"}<//></span>`}
    detail=${(entry) => html`
      <${Body} title="Posted" text=${entry.body} />
      <section class="body"><h3>What came of it</h3><p>${outcome(entry)}</p></section>`}
    empty=${html`<${Empty} title="Nothing has been posted yet">
      <p>Delivery reports go to the deliveryReportUrl of a batch, answers of phones to the setting IncomingCallbackUrl.</p>
    <//>`}
  />`;
}

// What it tells, without being opened.
function about({ kind, body }) {
  const said = JSON.parse(body);
  return kind === "report" ? `${statusName(said.code)}: ${phoneName(said.recipient)}` : `${phoneName(said.sender)}: ${said.body}`;
}

function outcome({ status, problem, next, attempt }) {
  if (status === 200) return `It was taken at try ${attempt}.`;
  const what = problem ? `Nobody answered: ${problem}.` : `The answer was ${status}, and only 200 counts.`;
  return next ? `${what} It is posted again ${atMoment(next)}.` : `${what} It is not posted again.`;
}
