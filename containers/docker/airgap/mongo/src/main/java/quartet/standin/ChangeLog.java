package quartet.standin;

import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import java.time.Instant;
import java.util.Map;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;

/**
 * Every change of every document, in the order in which they happened, in the same file as the documents.
 *
 * <p>A change is known by its time, MongoDB's 64-bit timestamp: seconds, then a counter within the second.
 * No two changes have the same, and none is smaller than one that came before. Streams see a change once it
 * is committed ({@link #publish}), never earlier.
 */
final class ChangeLog {
    private static final String CUT = "cut";

    private final MVMap<Long, Document> changes;
    private final MVMap<String, Long> bounds;
    private final int kept;
    private long last; // all three guarded by this
    private long visible;
    private long cut;

    /**
     * @param kept how many changes are held; the oldest go first
     */
    ChangeLog(MVStore store, int kept) {
        this.changes = store.openMap("standin.changes");
        this.bounds = store.openMap("standin.bounds");
        this.kept = kept;
        Long newest = changes.lastKey();
        long born = new BsonTimestamp(Instant.now(), 0).getValue();
        // A log that starts empty knows nothing of what was before: whoever resumes from there is told so.
        cut = bounds.computeIfAbsent(CUT, name -> born);
        last = newest == null ? cut : newest;
        visible = last;
    }

    /** Adds a change and gives it its time. */
    synchronized void append(Document change) {
        Instant now = Instant.now();
        last = Math.max(last + 1, new BsonTimestamp(now, 1).getValue());
        change.append("clusterTime", new BsonTimestamp(last)).append("wallTime", now);
        changes.put(last, change);
        while (changes.size() > kept) {
            cut = changes.firstKey();
            changes.remove(cut);
            bounds.put(CUT, cut);
        }
    }

    /** Lets streams see what has been committed: everything, as no write is under way. */
    synchronized void publish() {
        visible = last;
        notifyAll();
    }

    /** The time of this moment; no later change will have one that is smaller or the same. */
    synchronized long now() {
        last = Math.max(last, new BsonTimestamp(Instant.now(), 0).getValue());
        return last;
    }

    /** The time up to which changes may be read. */
    synchronized long visible() {
        return visible;
    }

    /** Whether every change after this time is still held. */
    synchronized boolean reachesBackTo(long time) {
        return time >= cut;
    }

    /** The oldest change after {@code time} and not after {@code upTo}, or null. */
    Map.Entry<Long, Document> next(long time, long upTo) {
        Long found = changes.higherKey(time);
        if (found == null || found > upTo) {
            return null;
        }
        Document change = changes.get(found);
        return change == null ? next(found, upTo) : Map.entry(found, change); // cut away in between
    }

    /** Waits until more is visible than {@code seen}, at most so long. */
    synchronized void await(long seen, long milliseconds) throws InterruptedException {
        if (visible == seen && milliseconds > 0) {
            wait(milliseconds);
        }
    }
}
