// Shows the numbers anew every five seconds, while somebody sees them.
import { pausing, refresh } from "./refresh.js";

const { isPaused } = pausing();

setInterval(() => {
  if (!document.hidden && !isPaused()) refresh("numbers").catch(() => {});
}, 5000);
