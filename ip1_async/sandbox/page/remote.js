// What the page asks of the sandbox, and how it hears that there is something new.

import { useEffect, useRef, useState } from "./preact-htm.js";

const AT_MOST_EVERY = 150;
const WHILE_MOVING = 700;
const AT_LEAST_EVERY = 10_000;

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

// A hidden page listens to nothing: a browser has only a few connections to one host for all of its tabs.
let events = null;
function listen() {
  if (document.hidden) {
    events?.close();
    events = null;
  } else if (events === null) {
    events = new EventSource("/_sandbox/events");
    events.addEventListener("open", () => nowLive(true));
    events.addEventListener("error", () => nowLive(false));
    events.addEventListener("changed", changed);
  }
}
document.addEventListener("visibilitychange", listen);
listen();

export function useConnected() {
  const [connected, set] = useState(live !== false);
  useEffect(() => {
    watchers.add(set);
    return () => watchers.delete(set);
  }, []);
  return connected;
}

// What `load` gives, now and whenever something changed; and again and again, less and less often while it stays the
// same, while `moving` says that it will change by itself.
export function useLive(load, inputs, moving = () => false) {
  const [state, set] = useState({ data: null, error: null });
  const again = useRef(() => {});
  useEffect(() => {
    let gone = false;
    let busy = false;
    let pending = false;
    let timer = null;
    let pause = WHILE_MOVING;
    let before = null;
    async function run() {
      if (busy) {
        pending = true;
        return;
      }
      busy = true;
      clearTimeout(timer);
      try {
        const data = await load(() => !gone);
        if (gone) return;
        set({ data, error: null });
        const now = JSON.stringify(data);
        pause = now === before ? Math.min(pause * 1.5, AT_LEAST_EVERY) : WHILE_MOVING;
        before = now;
        if (moving(data)) timer = setTimeout(run, pause);
      } catch (error) {
        if (!gone) set((kept) => ({ data: kept.data, error }));
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

// A long list of which as much is read, again and again, as somebody has wanted to see. `load(cursor)` gives
// `{ items, next }`, and `name` tells items apart.
export function useLongList(load, inputs, { size, name, moving }) {
  const wanted = useRef(size);
  const [loading, setLoading] = useState(false);
  useEffect(() => {
    wanted.current = size;
    setLoading(false);
  }, inputs);
  const { data, error, refresh } = useLive(
    async (stillHere) => {
      const known = new Map();
      let next = null;
      do {
        const found = await load(next);
        for (const item of found.items) if (!known.has(name(item))) known.set(name(item), item);
        next = found.next;
      } while (next !== null && known.size < wanted.current && stillHere());
      if (known.size >= wanted.current || next === null) setLoading(false);
      return { items: [...known.values()], next };
    },
    inputs,
    (found) => moving?.(found.items) ?? false,
  );
  const more = () => {
    if (loading) return;
    wanted.current = (data?.items.length ?? 0) + size;
    setLoading(true);
    refresh();
  };
  return { items: data?.items ?? [], error, ready: data !== null, more: (data?.next ?? null) === null ? null : more, loading };
}
