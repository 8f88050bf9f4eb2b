// How things are said: statuses, times, money, JSON.

const NAMES = {
  101: "Accepted", 102: "Queued", 103: "Funded", 104: "Refunded", 110: "Sending", 111: "At the gateway",
  112: "At the carrier", 113: "On the GSM network", 114: "Waiting at the gateway", 201: "Delivered", 202: "Expired",
  203: "Cancelled", 402: "Insufficient funds", 403: "Sender rejected", 405: "Recipient rejected",
  406: "Rejected", 407: "Invalid sender",
};
const GROUPS = { 1: "Under way", 2: "Ended", 4: "Rejected", 5: "Undeliverable" };

export const statusName = (code) => NAMES[code] ?? GROUPS[Math.floor(code / 100)] ?? "Unknown";

// Which colour a status has: moving, delivered, ended without delivery, failed.
export function statusTone(code) {
  const group = Math.floor(code / 100);
  return group === 1 ? "moving" : code === 201 ? "good" : group === 2 ? "ended" : "bad";
}

export const answerTone = (status) => (status === null || status >= 500 ? "bad" : status >= 400 ? "ended" : "good");

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export const onDay = (at) => day.format(new Date(at));
export const atTime = (at) => clock.format(new Date(at));
export const atSecond = (at) => exact.format(new Date(at));
export const atMoment = (at) => `${short.format(new Date(at))}, ${clock.format(new Date(at))}`;
export const briefly = (at, now) => (onDay(at) === onDay(now) ? atTime(at) : short.format(new Date(at)));

const whole = new Intl.NumberFormat("en");
const cents = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 4 });
export const count = (number) => whole.format(number);
export const money = (amount, currency) => `${cents.format(amount)} ${currency}`;
export const counted = (number, word, many = `${word}s`) => `${count(number)} ${number === 1 ? word : many}`;
export const coding = (name) => ({ gsm: "GSM", ucs: "UCS-2" })[name.toLowerCase()] ?? name;

// A number in groups, as people read it; anything else as it is.
export const phoneName = (phone) => (/^[0-9]{7,}$/.test(phone) ? `+${phone.replace(/^(..)(..)/, "$1 $2 ").replace(/([0-9]{3})(?=[0-9]{2,})/g, "$1 ")}` : phone);

export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
