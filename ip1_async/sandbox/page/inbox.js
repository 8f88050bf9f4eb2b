// Every phone with its conversation.

import { html, useEffect, useLayoutEffect, useRef, useState } from "./preact-htm.js";
import { Chip, Empty, Failure, Icon, More, Search, Status, onArrows } from "./parts.js";
import { ask, query, useLongList } from "./remote.js";
import { atTime, briefly, coding, counted, money, onDay, phoneName, statusName } from "./words.js";

export const toPhone = (phone) => `#/phones/${encodeURIComponent(phone)}`;
const PAGE = 40;

export function Inbox({ chosen, now }) {
  const [search, setSearch] = useState("");
  const list = useLongList(
    async (before) => {
      const found = await ask(`phones?${query({ search, before, limit: PAGE })}`);
      return { items: found.phones, next: found.next };
    },
    [search],
    { size: PAGE, name: (item) => item.phone, moving: (items) => items.some((item) => !item.last.final) },
  );
  const [fresh, setFresh] = useState("");
  const number = fresh.replace(/[^0-9]/g, "");
  const odd = fresh.trim() !== "" && !/^[1-9][0-9]{6,14}$/.test(number);
  const begin = (event) => {
    event.preventDefault();
    if (odd || !number) return;
    location.hash = toPhone(number);
    setFresh("");
  };
  return html`
    <section class="pane list" aria-label="Phones">
      <div class="tools"><${Search} value=${search} onChange=${setSearch} label="Number or words of a text" /></div>
      <nav class="scroll" aria-label="Phones, the latest first" onKeyDown=${onArrows}>
        ${list.items.map((item) => html`<${Phone} key=${item.phone} item=${item} on=${item.phone === chosen} now=${now} />`)}
        <${More} more=${list.more} loading=${list.loading} failed=${list.error !== null} />
        <${Failure} error=${list.error} />
        ${list.ready && list.items.length === 0 && search &&
          html`<${Empty} title="Nothing found"><p>No number holds these digits, and no text these words.</p><//>`}
      </nav>
      ${odd && html`<p class="hint">With the country code first, such as 46701234567.</p>`}
      <form class="tools bottom" onSubmit=${begin}>
        <input
          value=${fresh} onInput=${(event) => setFresh(event.target.value)} inputmode="tel"
          placeholder="Text from another phone: 46…" aria-label="The number of another phone"
        />
        <button type="submit" class="icon-only" aria-label="Open this phone"><${Icon} name="plus" /></button>
      </form>
    </section>
    <section class="pane detail" aria-label="Conversation">
      ${chosen
        ? html`<${Conversation} key=${chosen} phone=${chosen} />`
        : list.ready && list.items.length === 0 && !search
          ? html`<${First} />`
          : html`<${Empty} title="Pick a phone"><p>Its texts show here as its owner sees them, and you can answer for it.</p><//>`}
    </section>
  `;
}

function Phone({ item, on, now }) {
  const { phone, last } = item;
  const mine = last.direction === "mo";
  return html`
    <a class="entry" data-item href=${toPhone(phone)} aria-current=${on ? "true" : null}>
      <span class="face" aria-hidden="true">${phone.slice(-2)}</span>
      <span class="entry-main">
        <span class="entry-top"><b>${phoneName(phone)}</b><time>${briefly(last.at, now)}</time></span>
        <span class="entry-text">${mine ? html`<i>Answer: </i>` : null}${last.body}</span>
        ${!mine && last.status !== 201 && html`<span class="entry-state"><${Status} code=${last.status} /></span>`}
      </span>
    </a>
  `;
}

const SEND = `curl ${location.origin}/v2/batches \\
  -H "Authorization: Bearer $IP1_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"sender": "iP1", "recipients": ["46700000001"], "body": "Hello"}'`;

const First = () => html`
  <${Empty} title="No text has been sent yet">
    <p>Whatever your program sends to this address arrives here. The first one, from a terminal:</p>
    <pre tabindex="0">${SEND}</pre>
  <//>
`;

const TEXTS = 60;

function Conversation({ phone }) {
  const blacklisted = useRef(false);
  const list = useLongList(
    async (before) => {
      const found = await ask(`conversation?${query({ phone, limit: TEXTS, before })}`);
      blacklisted.current = found.blacklisted;
      const items = found.messages.reverse();
      return { items, next: items.length === TEXTS ? items.at(-1).id : null };
    },
    [phone],
    { size: TEXTS, name: (text) => text.id, moving: (items) => items.some((each) => !each.final) },
  );
  const messages = list.items.toReversed();

  const room = useRef(null);
  const seen = useRef({ atEnd: true, height: 0, first: null });
  const firstId = messages[0]?.id;
  const lastId = messages.at(-1)?.id;
  useLayoutEffect(() => {
    const { scrollHeight } = room.current;
    if (seen.current.atEnd) room.current.scrollTop = scrollHeight;
    // What was looked at stays where it was when earlier texts come in above it.
    else if (seen.current.first !== firstId) room.current.scrollTop += scrollHeight - seen.current.height;
    seen.current = { ...seen.current, height: scrollHeight, first: firstId };
  }, [firstId, lastId]);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = room.current;
    seen.current.atEnd = scrollHeight - scrollTop - clientHeight < 80;
  };
  const earlier = () => {
    seen.current.atEnd = false;
    list.more();
  };

  let day = null;
  const senders = [...new Set(messages.filter((each) => each.direction === "mt").map((each) => each.sender))].reverse();
  return html`
    <header class="detail-head">
      <a class="back icon-only" href="#/phones" aria-label="Back to all phones"><${Icon} name="back" /></a>
      <div><h1>${phoneName(phone)}</h1></div>
      ${blacklisted.current && html`<${Chip} tone="bad" title="Texts to it end with 405">On the blacklist<//>`}
    </header>
    <div class="scroll talk" role="log" aria-label=${`Texts to and from ${phone}`} tabindex="0" ref=${room} onScroll=${scrolled}>
      ${list.more && html`<button type="button" class="quiet more" onClick=${earlier}>Earlier texts</button>`}
      ${messages.map((each) => {
        const begins = onDay(each.at) !== day;
        day = onDay(each.at);
        return html`${begins && html`<p class="day" key=${`day ${each.id}`}>${day}</p>`}<${Bubble} key=${each.id} text=${each} />`;
      })}
      ${list.ready && messages.length === 0 && html`<p class="day">Nothing was said yet.</p>`}
      <${Failure} error=${list.error} />
    </div>
    <${Answer} phone=${phone} senders=${list.ready ? senders : null} onSent=${() => (seen.current.atEnd = true)} />
  `;
}

function Bubble({ text }) {
  const mine = text.direction === "mo";
  const failed = text.status >= 400;
  return html`
    <article class="bubble ${mine ? "mine" : ""} ${failed ? "failed" : ""}" data-id=${text.id}>
      <div class="said">${mine ? null : html`<b class="from">${text.sender}</b>`}<p dir="auto">${text.body}</p></div>
      <footer>
        <time>${atTime(text.at)}</time>
        ${mine ? html`<span>to ${text.recipient}</span>` : html`<${Status} code=${text.status} />`}
        ${failed && html`<span class="why">status ${text.status}: ${reason(text.status)}</span>`}
        <span>${counted(text.segments, "segment")}</span><span>${coding(text.datacoding)}</span>
        ${!mine && html`<span>${money(text.price, text.currency)}</span>`}
        ${!mine && html`<a href=${`#/batches/${text.batch}`}>batch</a>`}
      </footer>
    </article>
  `;
}

const REASONS = {
  402: "the balance is too low", 403: "the sender is not verified", 405: "the phone is blocked or on the blacklist",
  407: "the sender cannot be used",
};
const reason = (code) => REASONS[code] ?? (code >= 500 ? "it could not be delivered" : statusName(code).toLowerCase());

function Answer({ phone, senders, onSent }) {
  const [body, setBody] = useState("");
  const [to, setTo] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const [early, setEarly] = useState(false);
  const box = useRef(null);
  const toBox = useRef(null);
  const recipient = to ?? senders?.[0] ?? "";
  useLayoutEffect(() => {
    // A keyboard that slides over the conversation is not wanted just for looking.
    if (matchMedia("(hover: hover)").matches) box.current.focus({ preventScroll: true });
  }, []);
  const send = async (event) => {
    event?.preventDefault();
    if (!body.trim() || busy) return;
    if (senders === null && !recipient) {
      // Typed before the conversation was there, which says who is answered.
      setEarly(true);
      return;
    }
    if (!recipient.trim()) {
      setError(new Error("Who gets it? Name a number or a sender of yours."));
      toBox.current.focus();
      return;
    }
    setBusy(true);
    try {
      await ask("incoming", { method: "POST", body: { sender: phone, recipient, body } });
      onSent();
      setBody("");
      setError(null);
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
      box.current?.focus();
    }
  };
  useEffect(() => {
    if (!early || senders === null) return;
    setEarly(false);
    send();
  }, [early, senders]);
  return html`
    <form class="answer" onSubmit=${send}>
      <${Failure} error=${error} />
      <label class="to">
        <span>Answer to</span>
        <input ref=${toBox} list="senders" value=${recipient} onInput=${(event) => setTo(event.target.value)} aria-label="Who gets the answer" placeholder="a number of yours" size="12" />
        <datalist id="senders">${senders?.map((each) => html`<option value=${each} />`)}</datalist>
        <button type="button" class="quiet" onClick=${() => (setBody("STOP"), box.current.focus())}>STOP</button>
      </label>
      <div class="row">
        <textarea
          ref=${box} rows="1" value=${body} aria-label=${`Answer as ${phone}`} placeholder=${`Answer as ${phoneName(phone)}`}
          onInput=${(event) => setBody(event.target.value)}
          onKeyDown=${(event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && send(event)}
        ></textarea>
        <button type="submit" class="primary icon-only" disabled=${busy || !body.trim()} aria-label="Send this answer"><${Icon} name="send" /></button>
      </div>
    </form>
  `;
}
