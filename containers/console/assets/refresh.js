// Takes parts of this very page anew, as the server shows them now, and leaves the focus where it was.

const MARKS = ["action", "href", "aria-labelledby"];

/** Replaces the elements with these ids by their fresh twins, where they differ. */
export async function refresh(...ids) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ids) replace(document.getElementById(id), page.getElementById(id));
}

function replace(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const holder = focused?.form ?? focused;
  const mark = MARKS.find((name) => holder?.hasAttribute(name));
  old.replaceWith(fresh);
  if (!mark) return;
  const twin = fresh.querySelector(`[${mark}="${CSS.escape(holder.getAttribute(mark))}"]`);
  (focused.form ? twin?.querySelector("button") : twin)?.focus({ preventScroll: true });
}

/** The button that stops what moves by itself; `isPaused()` says whether it does. */
export function pausing() {
  for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;
  const button = document.getElementById("pause");
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    button.dispatchEvent(new CustomEvent("paused", { detail: isPaused() }));
  });
  const isPaused = () => button.getAttribute("aria-pressed") === "true";
  return { button, isPaused };
}
