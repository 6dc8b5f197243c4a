// Takes a part of this very page anew, as the server shows it now, and leaves the focus where it was.

/** Replaces the element with this id by its fresh twin. */
export async function refresh(id) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
  const old = document.getElementById(id);
  const marks = ["action", "href", "aria-labelledby"];
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const holder = focused?.form ?? focused;
  const mark = marks.find((name) => holder?.hasAttribute(name));
  old.replaceWith(fresh);
  if (!mark) return;
  const twin = fresh.querySelector(`[${mark}="${CSS.escape(holder.getAttribute(mark))}"]`);
  (focused.form ? twin?.querySelector("button") : twin)?.focus();
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
