// Every batch with how far its messages have come.

import { html, useState } from "./preact-htm.js";
import { Careful, Chip, Empty, Failure, Icon, More, Status, onArrows } from "./parts.js";
import { ask, query, useLive, useLongList } from "./remote.js";
import { toPhone } from "./inbox.js";
import { atMoment, briefly, coding, count, counted, money, phoneName, statusName, statusTone } from "./words.js";

const PAGE = 40;
const MESSAGES = 100;
const ORDER = ["good", "moving", "ended", "bad"];

const codesOf = (batch) => Object.entries(batch.messageSummary).map(([code, each]) => ({ code: Number(code), ...each }));
const isMoving = (batch) => codesOf(batch).some(({ code }) => code < 200);
const sum = (codes, fits) => codes.reduce((total, each) => total + (fits(each.code) ? each.messages : 0), 0);

export function Batches({ chosen, now }) {
  const list = useLongList(
    async (before) => {
      const { batches } = await ask(`batches?${query({ before, limit: PAGE })}`);
      return { items: batches, next: batches.length === PAGE ? batches.at(-1).id : null };
    },
    [],
    { size: PAGE, name: (batch) => batch.id, moving: (items) => items.some(isMoving) },
  );
  return html`
    <section class="pane list" aria-label="Batches">
      <nav class="scroll" aria-label="Batches, the latest first" onKeyDown=${onArrows}>
        ${list.items.map((batch) => html`<${Entry} key=${batch.id} batch=${batch} on=${batch.id === chosen} now=${now} />`)}
        <${More} more=${list.more} loading=${list.loading} failed=${list.error !== null} />
        <${Failure} error=${list.error} />
        ${list.ready && list.items.length === 0 && html`<${Empty} title="No batch yet"><p>Every send makes one.</p><//>`}
      </nav>
    </section>
    <section class="pane detail" aria-label="Batch">
      ${chosen
        ? html`<${Batch} key=${chosen} id=${chosen} />`
        : html`<${Empty} title="Pick a batch"><p>See how far its messages have come, what they cost, and who did not get one.</p><//>`}
    </section>
  `;
}

function Entry({ batch, on, now }) {
  return html`
    <a class="entry" data-item href=${`#/batches/${batch.id}`} aria-current=${on ? "true" : null}>
      <span class="entry-main">
        <span class="entry-top"><b>${counted(batch.recipients, "recipient")}</b><time>${briefly(batch.created, now)}</time></span>
        <span class="entry-text">${batch.sender}: ${batch.body}</span>
        <${Bar} batch=${batch} />
      </span>
    </a>
  `;
}

function Bar({ batch }) {
  const codes = codesOf(batch);
  const parts = ORDER.map((tone) => ({ tone, messages: sum(codes, (code) => statusTone(code) === tone) }));
  const said = codes.map(({ code, messages }) => `${statusName(code)}: ${count(messages)}`).join(", ");
  return html`
    <span class="bar" role="img" aria-label=${said} title=${said}>
      ${parts.map(({ tone, messages }) => messages > 0 && html`<span class=${tone} style=${{ flexGrow: messages }}></span>`)}
    </span>
  `;
}

function Batch({ id }) {
  const { data, error, refresh } = useLive(
    async () => (await ask(`batches?${query({ batch: id })}`)).batches[0] ?? { absent: true },
    [id],
    (batch) => !batch.absent && isMoving(batch),
  );
  const [refused, setRefused] = useState(null);
  if (data === null) return html`<${Failure} error=${error} />`;
  if (data.absent) return html`<${Empty} title="There is no such batch"><p><a href="#/batches">All batches</a></p><//>`;
  const cancel = async () => {
    try {
      await ask("cancel", { method: "POST", body: { batch: id } });
      setRefused(null);
    } catch (problem) {
      setRefused(problem);
    }
    refresh();
  };
  const codes = codesOf(data);
  const price = data.priceSummary;
  return html`
    <header class="detail-head">
      <a class="back icon-only" href="#/batches" aria-label="Back to all batches"><${Icon} name="back" /></a>
      <div><h1>${counted(data.recipients, "recipient")}</h1><p>from ${data.sender}, ${atMoment(data.created)}, ${money(price.total, price.currency)}</p></div>
      ${data.status === 203 && html`<${Chip} tone="ended">Cancelled<//>`}
      ${data.open && html`<${Careful} label="Cancel batch" sure="Really cancel it?" onSure=${cancel} />`}
    </header>
    <div class="scroll sheet">
      <${Failure} error=${refused ?? error} />
      <blockquote dir="auto">${data.body}</blockquote>
      <${Funnel} total=${data.recipients} codes=${codes} />
      <h2>By status</h2>
      <div class="wide"><table>
        <thead><tr><th>Status</th><th class="number">Code</th><th class="number">Messages</th><th class="number">SMS</th></tr></thead>
        <tbody>
          ${codes.map(({ code, messages, sms }) => html`
            <tr key=${code}><td><${Status} code=${code} /></td><td class="number">${code}</td><td class="number">${count(messages)}</td><td class="number">${count(sms)}</td></tr>
          `)}
        </tbody>
      </table></div>
      <dl class="facts">
        <div><dt>Price</dt><dd>${money(price.total, price.currency)}</dd></div>
        <div><dt>Encoding</dt><dd>${coding(data.datacoding)}</dd></div>
        <div><dt>Type</dt><dd>${data.type}${data.templated && ", personal"}</dd></div>
        <div><dt>Reference</dt><dd>${data.reference ?? "none"}</dd></div>
        ${data.tags.length > 0 && html`<div><dt>Tags</dt><dd>${data.tags.join(", ")}</dd></div>`}
        ${data.deliveryWindows.map(({ opens, closes }) => html`<div><dt>Window</dt><dd>${atMoment(opens)} – ${atMoment(closes)}</dd></div>`)}
        <div><dt>Reports to</dt><dd class="address">${data.deliveryReportUrl ?? "nobody"}</dd></div>
        <div><dt>Id</dt><dd class="address">${data.id}</dd></div>
      </dl>
      <h2>Recipients</h2>
      <${Recipients} id=${id} />
    </div>
  `;
}

// Codes that nobody has named are counted together.
function reasons(codes) {
  const named = new Map();
  for (const { code, messages } of codes) {
    const name = statusName(code).toLowerCase();
    if (code >= 400) named.set(name, (named.get(name) ?? 0) + messages);
  }
  return [...named].map(([name, messages]) => `${count(messages)} × ${name}`).join(", ");
}

function Funnel({ total, codes }) {
  const sent = sum(codes, (code) => (code >= 110 && code < 200) || code === 201 || code >= 500);
  const stages = [
    { label: "Accepted", messages: total, tone: "moving" },
    { label: "Sent", messages: sent, tone: "moving" },
    { label: "Delivered", messages: sum(codes, (code) => code === 201), tone: "good" },
  ];
  const lost = sum(codes, (code) => code >= 400);
  const ended = sum(codes, (code) => code === 202 || code === 203);
  const percent = (messages) => (total ? `${Math.floor((100 * messages) / total)}%` : "");
  return html`
    <div class="funnel" role="group" aria-label="How far the messages have come">
      ${stages.map(({ label, messages, tone }) => html`
        <div class="stage" key=${label}>
          <span>${label}</span>
          <span class="track">${messages > 0 && html`<span class=${tone} style=${{ width: `${(100 * messages) / total}%` }}></span>`}</span>
          <b>${count(messages)}</b><small>${percent(messages)}</small>
        </div>
      `)}
      ${lost > 0 && html`<p class="lost"><${Chip} tone="bad">${counted(lost, "failure")}<//> ${reasons(codes)}</p>`}
      ${ended > 0 && html`<p class="lost"><${Chip} tone="ended">${count(ended)} not delivered<//> expired or cancelled</p>`}
    </div>
  `;
}

function Recipients({ id }) {
  const list = useLongList(
    async (after) => {
      const { messages } = await ask(`messages?${query({ batch: id, after, limit: MESSAGES })}`);
      return { items: messages, next: messages.length === MESSAGES ? messages.at(-1).id : null };
    },
    [id],
    { size: MESSAGES, name: (each) => each.id, moving: (messages) => messages.some((each) => !each.final) },
  );
  return html`
    <div class="wide"><table>
      <thead><tr><th>Phone</th><th>Status</th><th class="number">Segments</th><th class="number">Price</th></tr></thead>
      <tbody>
        ${list.items.map((each) => html`
          <tr key=${each.id}>
            <td><a href=${toPhone(each.recipient)}>${phoneName(each.recipient)}</a></td>
            <td><${Status} code=${each.status} /></td>
            <td class="number">${each.segments}</td><td class="number">${money(each.price, each.currency)}</td>
          </tr>
        `)}
      </tbody>
    </table></div>
    <${Failure} error=${list.error} />
    ${list.more && html`<button type="button" class="quiet more" onClick=${list.more}>Show more</button>`}
  `;
}
