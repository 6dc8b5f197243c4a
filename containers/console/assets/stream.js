// One stream of events for a page: it comes back with where it was, rests while the page is hidden or paused,
// and then catches up, because every event says what position it leads to.

/** Follows /events from a position on; `tell` gets each message. Returns pause() and resume(). */
export function follow(since, tell) {
  let position = since;
  let source = null;
  let isPaused = false;

  function open() {
    if (source || isPaused || document.hidden) return;
    source = new EventSource(`/events?since=${encodeURIComponent(position)}`);
    source.onmessage = (event) => {
      position = event.lastEventId;
      tell(JSON.parse(event.data));
    };
    source.onerror = () => {
      // A browser tries again by itself unless the answer was wrong; then we do.
      if (source && source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, 1000);
      }
    };
  }

  function close() {
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  open();
  return {
    pause() { isPaused = true; close(); },
    resume() { isPaused = false; open(); },
  };
}
