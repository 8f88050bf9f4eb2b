// What goes wrong, how fast time goes, how webhooks behave.

import { html, useState } from "./preact-htm.js";
import { Careful, Failure, Icon, NumberField, Switch } from "./parts.js";
import { ask, useLive } from "./remote.js";
import { atMoment } from "./words.js";

const READY = [
  ["The next send's answer is lost", "POST /v2/batches reset after times=1"],
  ["The next send is refused with 503", "POST /v2/batches 503 times=1"],
  ["The next request gets 429", "429 retry_after=2 times=1"],
  ["The next send is accepted 5 s after the connection died", "POST /v2/batches late seconds=5 times=1"],
  ["One request in ten fails", "503 chance=0.1"],
  ["Everything takes 2 seconds", "delay seconds=2"],
];
const ACTS = {
  status: "answer with a status", delay: "answer late", reset: "reset the connection", silence: "carry it out, never answer",
  cut: "cut the answer off", garbage: "answer what is not HTTP", late: "carry it out after the connection died",
  hidden: "list the batch late",
};
const TIMED = new Set(["delay", "late", "hidden"]);

// A rule as one would say it on the command line.
export function line(rule) {
  const words = [rule.method !== "*" && rule.method, rule.path !== "*" && rule.path, rule.do === "status" ? rule.status : rule.do];
  if (rule.do === "status" || rule.do === "reset") words.push(rule.when);
  if (TIMED.has(rule.do)) words.push(`seconds=${rule.seconds}`);
  if (rule.retry_after !== null) words.push(`retry_after=${rule.retry_after}`);
  if (rule.times !== null) words.push(`times=${rule.times}`);
  if (rule.chance < 1) words.push(`chance=${rule.chance}`);
  return words.filter(Boolean).join(" ");
}

export function Controls({ time }) {
  return html`
    <section class="pane sheet-only" aria-label="Faults and clock">
      <div class="scroll sheet cards">
        <${Faults} /><${Clock} time=${time} /><${Habits} /><${Fresh} />
      </div>
    </section>
  `;
}

// Has one thing done and keeps what was wrong with it.
function useDoing(refresh) {
  const [error, setError] = useState(null);
  const act = async (path, options) => {
    try {
      await ask(path, options);
      setError(null);
    } catch (problem) {
      setError(problem);
      return false;
    } finally {
      refresh?.();
    }
    return true;
  };
  return [act, error];
}

function Faults() {
  const { data, error, refresh } = useLive(() => ask("faults"), []);
  const [act, refused] = useDoing(refresh);
  const add = (rule) => act("faults", { method: "POST", body: rule });
  const rules = data?.faults ?? [];
  const replace = (faults, requestsPerSecond) => act("faults", { method: "PUT", body: { faults, requestsPerSecond } });
  const limit = (said) => replace(rules, said === "" ? null : Number(said));
  return html`
    <article class="card">
      <h2>Faults</h2>
      <p>What goes wrong on purpose, from the next request on.</p>
      <ul class="rules" aria-label="Faults that are switched on">
        ${rules.map((rule, position) => html`
          <li key=${position}><code>${line(rule)}</code>
            <button type="button" class="icon-only quiet" aria-label=${`Switch off ${line(rule)}`} onClick=${() => replace(rules.filter((_, at) => at !== position), data.requestsPerSecond)}><${Icon} name="cross" /></button>
          </li>`)}
        ${data && rules.length === 0 && html`<li class="none">None is switched on.</li>`}
      </ul>
      <${Failure} error=${refused ?? error} />
      <div class="presets">${READY.map(([label, rule]) => html`<button type="button" onClick=${() => add(rule)}>${label}</button>`)}</div>
      <${OwnFault} add=${add} />
      <label class="field inline"><span>Requests let through per second</span>
        <${NumberField} min="1" step="1" placeholder="all" value=${data?.requestsPerSecond ?? ""} onCommit=${limit} />
      </label>
    </article>
  `;
}

function OwnFault({ add }) {
  const [rule, set] = useState({ method: "POST", path: "/v2/batches", do: "status", when: "before", status: "503", seconds: "2", times: "1", chance: "1" });
  const field = (name) => ({ value: rule[name], onInput: (event) => set({ ...rule, [name]: event.target.value }) });
  const number = (name) => (rule[name] === "" ? null : Number(rule[name]));
  const submit = (event) => {
    event.preventDefault();
    const said = { method: rule.method, path: rule.path || "*", do: rule.do, times: number("times"), chance: number("chance") };
    if (rule.do === "status") said.status = number("status");
    if (rule.do === "status" || rule.do === "reset") said.when = rule.when;
    if (TIMED.has(rule.do)) said.seconds = number("seconds");
    add(said);
  };
  return html`
    <form class="own" aria-label="A fault of your own" onSubmit=${submit}>
      <label class="field"><span>Method</span><select ...${field("method")}>${["*", "GET", "POST", "PUT", "PATCH", "DELETE"].map((each) => html`<option value=${each}>${each === "*" ? "any" : each}</option>`)}</select></label>
      <label class="field grow"><span>Path, * for anything</span><input ...${field("path")} spellcheck="false" /></label>
      <label class="field grow"><span>What happens</span><select ...${field("do")}>${Object.entries(ACTS).map(([value, label]) => html`<option value=${value}>${label}</option>`)}</select></label>
      ${rule.do === "status" && html`<label class="field"><span>Status</span><input type="number" min="400" max="599" ...${field("status")} /></label>`}
      ${(rule.do === "status" || rule.do === "reset") && html`<label class="field"><span>When</span><select ...${field("when")}><option value="before">before carrying it out</option><option value="after">after carrying it out</option></select></label>`}
      ${TIMED.has(rule.do) && html`<label class="field"><span>Seconds</span><input type="number" min="0" step="any" ...${field("seconds")} /></label>`}
      <label class="field"><span>Times</span><input type="number" min="1" placeholder="for ever" ...${field("times")} /></label>
      <label class="field"><span>Probability</span><input type="number" min="0" max="1" step="any" ...${field("chance")} /></label>
      <button type="submit" class="primary">Switch on</button>
    </form>
  `;
}

const JUMPS = [["1 min", 60], ["10 min", 600], ["1 hour", 3600], ["1 day", 86400]];

function Clock({ time }) {
  const [act, error] = useDoing();
  const [speed, setSpeed] = useState("");
  const run = (event) => {
    event.preventDefault();
    if (speed !== "") act("clock", { method: "POST", body: { speed: Number(speed) } });
    setSpeed("");
  };
  return html`
    <article class="card">
      <h2>Clock</h2>
      <p>Messages, windows and repeats of webhooks all go by it. It is ${atMoment(time.now)}${time.speed === 0 ? " and stands still" : `, at speed ${time.speed}`}.</p>
      <${Failure} error=${error} />
      <div class="presets">${JUMPS.map(([label, advance]) => html`<button type="button" onClick=${() => act("clock", { method: "POST", body: { advance } })}>+ ${label}</button>`)}</div>
      <form class="field inline" onSubmit=${run}><label for="speed">Speed, 0 stops it</label>
        <input id="speed" type="number" min="0" step="any" value=${speed} placeholder=${String(time.speed)} onInput=${(event) => setSpeed(event.target.value)} />
        <button type="submit">Set</button>
      </form>
    </article>
  `;
}

function Habits() {
  const { data, error, refresh } = useLive(() => ask("webhooks"), []);
  const [act, refused] = useDoing(refresh);
  const set = (change) => act("webhooks", { method: "PUT", body: change });
  const habit = (name, label, hint) => html`<${Switch} label=${label} hint=${hint} checked=${data?.[name] ?? false} onChange=${(on) => set({ [name]: on })} />`;
  return html`
    <article class="card">
      <h2>Webhooks</h2>
      <p>What a receiver has to stand. Anything but 200 is posted again every 10 minutes, 10 times in all.</p>
      <${Failure} error=${refused ?? error} />
      ${habit("doubled", "Doubled", "Each report comes twice.")}
      ${habit("disordered", "Disordered", "The reports of a message come in any order.")}
      ${habit("early", "Early", "The first report comes before the send is answered.")}
      ${habit("anywhere", "Leave this machine", "Addresses of other machines are posted to, too.")}
      <${Switch} label="Call the message id" hint="Reports say id instead of messageId: documents differ." checked=${data?.id_name === "id"} onChange=${(on) => set({ id_name: on ? "id" : "messageId" })} />
      <label class="field inline"><span>Seconds that each comes late</span>
        <${NumberField} min="0" step="any" value=${data?.late ?? 0} onCommit=${(said) => set({ late: Number(said) })} />
      </label>
    </article>
  `;
}

function Fresh() {
  const [act, error] = useDoing();
  return html`
    <article class="card">
      <h2>Begin anew</h2>
      <p>Forget every message, contact, setting, fault and log entry. The token stays, and so does the time.</p>
      <${Failure} error=${error} />
      <${Careful} label="Forget everything" sure="Really forget everything?" onSure=${() => act("reset", { method: "POST", body: {} })} />
    </article>
  `;
}
