// Shows new mails as they come, unless the page is hidden or paused; without it the page is reloaded by hand.

const PAUSE_MS = 1500;
const pause = document.getElementById("pause");
let isPaused = false;

async function refresh() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const mails = document.getElementById("mails");
  const total = document.getElementById("total");
  const freshMails = fresh.getElementById("mails");
  const freshTotal = fresh.getElementById("total");
  if (freshMails.dataset.newest === mails.dataset.newest && freshTotal.textContent === total.textContent) return;
  const focused = mails.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  mails.replaceWith(freshMails);
  total.textContent = freshTotal.textContent;
  document.querySelector(".refusal")?.remove();
  if (focused) document.querySelector(`#mails a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
});
document.querySelectorAll("[data-needs-script]").forEach((part) => { part.hidden = false; });
setInterval(() => {
  if (!isPaused && !document.hidden) refresh().catch(() => {});
}, PAUSE_MS);
