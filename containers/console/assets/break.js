// Throws the switches without leaving the page, and shows what happens as it happens.
import { follow } from "./stream.js";

const refused = document.getElementById("refused");

async function refresh() {
  const answer = await fetch("/break", { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const old = document.getElementById("experiments");
  const focused = old.contains(document.activeElement) ? document.activeElement.form?.getAttribute("action") : null;
  old.replaceWith(fresh.getElementById("experiments"));
  if (focused) document.querySelector(`form[action="${CSS.escape(focused)}"] button`)?.focus();
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  refused.textContent = "";
  const query = new URLSearchParams(new FormData(form));
  const answer = await fetch(`${form.getAttribute("action")}?${query}`, { method: "POST", headers: { accept: "application/json" } });
  if (!answer.ok) {
    const problem = await answer.json();
    refused.textContent = problem.errors?.[0]?.detail ?? problem.detail;
  }
  await refresh();
});

follow(document.getElementById("experiments").dataset.since, (message) => {
  if (message.notes.some((note) => note.kind === "experiment")) refresh();
});
