// Throws the switches without leaving the page, and shows what happens as it happens.
import { refresh } from "./refresh.js";
import { follow } from "./stream.js";

const refused = document.getElementById("refused");

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
  await refresh("experiments");
});

follow(document.getElementById("experiments").dataset.since, (message) => {
  if (message.notes.some((note) => note.kind === "experiment")) refresh("experiments").catch(() => {});
});
