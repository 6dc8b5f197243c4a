// Shows new mails as they arrive and deletes all of them; without it the page is the same, reloaded by hand.
"use strict";

const PAUSE_MS = 1500;
const follow = document.getElementById("follow");

async function refresh() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const mails = document.getElementById("mails");
  const total = document.getElementById("total");
  const freshTotal = fresh.getElementById("total");
  const isSame = fresh.getElementById("mails").dataset.newest === mails.dataset.newest;
  if (isSame && freshTotal.textContent === total.textContent) return;
  const focused = mails.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  mails.replaceWith(fresh.getElementById("mails"));
  total.textContent = freshTotal.textContent;
  if (focused) document.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

if (follow) {
  document.querySelectorAll("[data-needs-script]").forEach((part) => { part.hidden = false; });
  document.getElementById("delete").addEventListener("click", async () => {
    if (!confirm("Delete all mails?")) return;
    await fetch("/api/v1/messages", { method: "DELETE" });
    await refresh();
  });
  setInterval(() => {
    if (follow.checked && !document.hidden) refresh().catch(() => {});
  }, PAUSE_MS);
}
