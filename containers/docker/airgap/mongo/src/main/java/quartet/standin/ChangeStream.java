package quartet.standin;

import de.bwaldvogel.mongo.backend.aggregation.Aggregation;
import de.bwaldvogel.mongo.bson.Document;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;

/** One open cursor on the change log: what it selects, and how far it has come. */
final class ChangeStream {
    /** Null stands for every database, or every collection. */
    record Scope(String database, String collection) {
        boolean holds(Document namespace) {
            return (database == null || database.equals(namespace.get("db")))
                    && (collection == null || collection.equals(namespace.get("coll")));
        }
    }

    private final ChangeLog log;
    private final Scope scope;
    private final Aggregation stages;
    private final Function<Document, Document> lookup;
    private long position;

    /**
     * @param lookup gives the present document of an update's change, or is null where none is asked for
     * @param position the time after which the stream begins
     */
    ChangeStream(
            ChangeLog log,
            Scope scope,
            Aggregation stages,
            Function<Document, Document> lookup,
            long position) {
        this.log = log;
        this.scope = scope;
        this.stages = stages;
        this.lookup = lookup;
        this.position = position;
    }

    /** Where a client resumes that has seen all that was taken so far. */
    synchronized Document token() {
        return ResumeToken.of(position);
    }

    /** The next events, at most {@code size}; waits for the first of them, at most so long. */
    synchronized List<Document> take(int size, long milliseconds) {
        long end = System.nanoTime() + milliseconds * 1_000_000;
        while (true) {
            long seen = log.visible();
            List<Document> events = read(size, seen);
            long left = (end - System.nanoTime()) / 1_000_000;
            if (!events.isEmpty() || left <= 0) {
                return events;
            }
            try {
                log.await(seen, left);
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
                return events;
            }
        }
    }

    private List<Document> read(int size, long upTo) {
        List<Document> events = new ArrayList<>();
        while (events.size() < size) {
            Map.Entry<Long, Document> next = log.next(position, upTo);
            if (next == null) {
                break;
            }
            position = next.getKey();
            Document change = next.getValue();
            if (scope.holds((Document) change.get("ns"))) {
                stages.runStagesAsStream(Stream.of(event(change))).forEach(events::add);
            }
        }
        return events;
    }

    private Document event(Document change) {
        Document event = new Document("_id", ResumeToken.of(position));
        event.putAll(change.cloneDeeply());
        if (lookup != null && "update".equals(event.get("operationType"))) {
            event.put("fullDocument", lookup.apply(change));
        }
        return event;
    }
}
