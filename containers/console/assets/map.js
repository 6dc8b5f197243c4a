// Keeps the map current: states, numbers, records as they come, and a dot on each arrow that a record takes.
import { follow } from "./stream.js";

const TRAVEL_MS = 700;
const APART_MS = 180;
const MOST_TRAVELLING = 12;
const MOST_LISTED = 100;
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

const map = document.getElementById("map");
const events = document.getElementById("events");
const steps = document.getElementById("steps");
const playButton = document.querySelector("#play button");
let carriers = new Map();
let travelling = 0;

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const quoted = (text) => CSS.escape(String(text));
const shown = (value) => (value === null || value === undefined ? "–" : String(value));

function put(element, text, state) {
  if (!element) return;
  if (element.textContent !== text) element.textContent = text;
  if (state !== undefined && element.dataset.state !== state) element.dataset.state = state;
}

function showState(look) {
  const word = document.getElementById("word");
  put(word.querySelector("b"), look.word);
  put(document.getElementById("cause"), look.cause ?? "");
  word.dataset.state = look.word;
  for (const [service, isReady] of Object.entries(look.services)) {
    const box = map.querySelector(`.store[data-service="${quoted(service)}"]`);
    box.dataset.state = isReady ? "READY" : "NOT READY";
    put(box.querySelector(".state"), box.dataset.state);
  }
  for (const carrier of look.carriers) {
    const box = map.querySelector(`.carrier[data-carrier="${quoted(carrier.name)}"]`);
    box.dataset.state = carrier.state;
    put(box.querySelector(".state"), `${carrier.state} · ${shown(carrier.per_second)}/s · lag ${shown(carrier.lag)}`);
    const row = document.querySelector(`#carriers tr[data-carrier="${quoted(carrier.name)}"]`);
    for (const cell of all("[data-field]", row)) {
      const value = carrier[cell.dataset.field];
      const text = cell.dataset.field === "cause" ? (value ?? "").split("\n")[0] : shown(value);
      put(cell, text, cell.dataset.field === "state" ? value : undefined);
    }
    carriers.set(carrier.name, carrier);
  }
  for (const [topic, end] of Object.entries(look.topics)) {
    put(map.querySelector(`.topic[data-topic="${quoted(topic)}"] .state`), `${end} records`);
  }
}

function light(element) {
  if (!element) return;
  element.classList.add("lit");
  setTimeout(() => element.classList.remove("lit"), TRAVEL_MS);
}

/** A dot from the beginning of an arrow to its end; with reduced motion the arrow lights up instead. */
function travel(arrow) {
  return new Promise((resolve) => {
    light(arrow);
    if (isStill.matches) {
      setTimeout(resolve, TRAVEL_MS);
      return;
    }
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    dot.setAttribute("r", "8");
    document.getElementById("dots").append(dot);
    const length = arrow.getTotalLength();
    const began = performance.now();
    const step = (now) => {
      const part = Math.min(1, (now - began) / TRAVEL_MS);
      const point = arrow.getPointAtLength(length * part);
      dot.setAttribute("cx", point.x);
      dot.setAttribute("cy", point.y);
      if (part < 1) requestAnimationFrame(step);
      else { dot.remove(); resolve(); }
    };
    requestAnimationFrame(step);
  });
}

/** From the store to the topic that the record is in; and on, over each carrier that has handed it on. */
async function show(record) {
  if (document.hidden || travelling >= MOST_TRAVELLING) return;
  travelling += 1;
  const arrows = all(`.arrow[data-topic="${quoted(record.topic)}"]`, map);
  const into = arrows.filter((arrow) => arrow.dataset.kind === "source");
  await Promise.all(into.map(travel));
  light(map.querySelector(`.topic[data-topic="${quoted(record.topic)}"]`));
  const on = arrows.filter((arrow) => arrow.dataset.kind !== "source");
  await Promise.all(on.filter((arrow) => {
    const carrier = carriers.get(arrow.dataset.carrier);
    return carrier && carrier.state === "RUNNING" && !carrier.lag;
  }).map(travel));
  travelling -= 1;
}

function line(parts) {
  const item = document.createElement("li");
  for (const [tag, text] of parts) {
    const part = document.createElement(tag);
    part.textContent = text;
    item.append(part, " ");
  }
  return item;
}

function list(record) {
  const facts = Object.entries(record.facts).filter(([name]) => name !== "offset").map(([name, value]) => `${name} ${value}`);
  const whose = record.id === null ? [] : [["span", `id ${record.id}`]];
  events.prepend(line([["time", record.at.slice(11, 23)], ["b", record.topic], ["i", record.what], ...whose, ["span", facts.join(", ")]]));
  document.getElementById("no-events").hidden = true;
  while (events.children.length > MOST_LISTED) events.lastElementChild.remove();
}

/** So many came at once that not all were sent: under the list stands how many it lacks. */
let leftOut = 0;
function tellLeftOut(number) {
  leftOut += number;
  const told = document.getElementById("left-out");
  told.textContent = `${leftOut} more came too fast to be listed.`;
  told.hidden = !leftOut;
}

/** Not by `disabled`: that would take the focus from whoever has pressed the button by keyboard. */
function allowPlaying(isAllowed) {
  playButton.setAttribute("aria-disabled", String(!isAllowed));
}

function tellStory(note) {
  if (note.kind === "step") {
    document.getElementById("no-story").hidden = true;
    const item = line([["b", note.ok ? `✓ ${note.title}` : `✗ ${note.title} failed`], ["span", `${note.took_ms} ms`], ["span", note.told]]);
    item.classList.toggle("failed", !note.ok);
    steps.append(item);
    steps.parentElement.scrollTop = steps.scrollHeight;
  } else if (note.kind === "story") {
    steps.append(line([["b", note.ok ? `${note.steps} steps, every one as it should be.` : "The story has stopped there."]]));
    steps.parentElement.scrollTop = steps.scrollHeight;
    allowPlaying(true);
  }
}

let stagger = 0;
const stream = follow(events.dataset.since, (message) => {
  showState(message);
  message.notes.forEach(tellStory);
  stagger = 0;
  tellLeftOut(message.left_out);
  for (const record of message.records) {
    list(record);
    setTimeout(() => show(record), stagger);
    stagger += APART_MS;
  }
});

for (const part of all("[data-needs-script]")) part.hidden = false;
const pause = document.getElementById("pause");
pause.addEventListener("click", () => {
  const isPaused = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", String(isPaused));
  if (isPaused) stream.pause();
  else stream.resume();
});

document.getElementById("play").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (playButton.getAttribute("aria-disabled") === "true") return;
  allowPlaying(false);
  steps.replaceChildren();
  const answer = await fetch("/play", { method: "POST", headers: { accept: "application/json" } });
  const told = await answer.json();
  if (!answer.ok) {
    allowPlaying(true);
    steps.append(line([["b", told.detail]]));
    return;
  }
  const link = document.getElementById("follow");
  link.href = `/journey?address=${encodeURIComponent(told.address)}`;
  link.querySelector("span").textContent = told.address;
  link.hidden = false;
});
