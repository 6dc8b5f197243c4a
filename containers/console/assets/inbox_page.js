// Shows new mails as they come, unless the page is hidden or paused; without it the page is reloaded by hand.
import { pausing, refresh } from "./refresh.js";

const { isPaused } = pausing();

setInterval(() => {
  if (!document.hidden && !isPaused()) refresh("refusal", "total", "mails").catch(() => {});
}, 1500);
