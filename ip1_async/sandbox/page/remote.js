// What the page asks of the sandbox, and how it hears that there is something new.

import { useEffect, useRef, useState } from "./preact-htm.js";

const AT_MOST_EVERY = 150;
const WHILE_MOVING = 700;

// The answer of one address below /_sandbox/; throws what the sandbox said where it refuses.
export async function ask(path, { method = "GET", body } = {}) {
  const given = body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(`/_sandbox/${path}`, { method, ...given });
  } catch {
    throw new Error("The sandbox does not answer. Is it still running?");
  }
  const data = await response.json();
  if (!response.ok) {
    const [wrong] = Object.values(data.errors ?? {});
    throw new Error(wrong?.[0] ?? data.detail ?? data.title);
  }
  return data;
}

export const query = (given) => {
  const said = Object.entries(given).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return new URLSearchParams(said).toString();
};

// One stream of events for the whole page.
const listeners = new Set();
const watchers = new Set();
let waiting = false;
let live = null;

function changed() {
  if (waiting) return;
  waiting = true;
  setTimeout(() => {
    waiting = false;
    for (const each of [...listeners]) each();
  }, AT_MOST_EVERY);
}

function nowLive(is) {
  if (live === is) return;
  live = is;
  for (const each of [...watchers]) each(is);
}

const events = new EventSource("/_sandbox/events");
events.addEventListener("open", () => nowLive(true));
events.addEventListener("error", () => nowLive(false));
events.addEventListener("changed", changed);

export function useConnected() {
  const [connected, set] = useState(live !== false);
  useEffect(() => {
    watchers.add(set);
    return () => watchers.delete(set);
  }, []);
  return connected;
}

// What `load` gives, now and whenever something changed; and again and again while `moving` says that it will change
// by itself.
export function useLive(load, inputs, moving = () => false) {
  const [state, set] = useState({ data: null, error: null });
  const again = useRef(() => {});
  useEffect(() => {
    let gone = false;
    let busy = false;
    let pending = false;
    let timer = null;
    async function run() {
      if (busy) {
        pending = true;
        return;
      }
      busy = true;
      clearTimeout(timer);
      try {
        const data = await load();
        if (gone) return;
        set({ data, error: null });
        if (moving(data)) timer = setTimeout(run, WHILE_MOVING);
      } catch (error) {
        if (!gone) set((before) => ({ data: before.data, error }));
      } finally {
        busy = false;
        if (pending && !gone) {
          pending = false;
          run();
        }
      }
    }
    again.current = run;
    set({ data: null, error: null });
    run();
    listeners.add(run);
    return () => {
      gone = true;
      clearTimeout(timer);
      listeners.delete(run);
    };
  }, inputs);
  return { ...state, refresh: () => again.current() };
}

// A long list whose newest part is live and whose older parts are read on demand. `load(cursor)` gives
// `{ items, next }`; `name` tells items apart and `age` puts the newest first.
export function useLongList(load, inputs, { name, age, moving }) {
  const older = useRef({ known: new Map(), next: null, begun: false });
  const [, draw] = useState(0);
  const [loading, setLoading] = useState(false);

  const take = (items) => {
    for (const item of items) {
      const known = older.current.known.get(name(item));
      if (!known || age(item) >= age(known)) older.current.known.set(name(item), item);
    }
  };

  // Before the first look below, which fills the new list.
  useEffect(() => {
    older.current = { known: new Map(), next: null, begun: false };
    draw((count) => count + 1);
  }, inputs);

  const { data, error } = useLive(
    async () => {
      const list = older.current;
      const found = await load(null);
      // So much is new that what is known lies behind a gap.
      const apart = found.items.length > 0 && !found.items.some((item) => list.known.has(name(item)));
      if (list !== older.current) return found;
      if (!list.begun || apart || found.next === null) {
        list.known.clear();
        list.next = found.next;
        list.begun = true;
      }
      take(found.items);
      return found;
    },
    inputs,
    (found) => moving?.(found.items) ?? false,
  );

  async function more() {
    const list = older.current;
    if (loading || list.next === null) return;
    setLoading(true);
    try {
      const found = await load(list.next);
      if (list !== older.current) return;
      list.next = found.next;
      take(found.items);
    } catch {
      // The next look tells.
    } finally {
      setLoading(false);
      draw((count) => count + 1);
    }
  }

  const items = [...older.current.known.values()].sort((one, other) => (age(one) < age(other) ? 1 : age(one) > age(other) ? -1 : 0));
  return { items, error, ready: data !== null, more: older.current.next === null ? null : more, loading };
}
