package quartet.standin;

import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.oplog.NoopOplog;
import java.time.Instant;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes documents whose time is over, after the TTL indexes; forgets sessions that have ended; tidies up.
 *
 * <p>MongoDB looks once a minute; here it is every two seconds, so that a test need not wait that long.
 */
final class Expiry implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Expiry.class);
    private static final long PAUSE_SECONDS = 2;

    private final Standin standin;
    private final ScheduledExecutorService thread =
            Executors.newSingleThreadScheduledExecutor(
                    work -> {
                        Thread made = new Thread(work, "expiry");
                        made.setDaemon(true);
                        return made;
                    });

    Expiry(Standin standin) {
        this.standin = standin;
        thread.scheduleWithFixedDelay(this::sweepSafely, PAUSE_SECONDS, PAUSE_SECONDS, TimeUnit.SECONDS);
    }

    /** Deletes what is over at this moment. */
    static void sweep(Standin standin, Instant now) {
        for (String name : standin.databaseNames()) {
            MongoDatabase database = standin.resolveDatabase(name);
            MongoCollection<?> indexes = database.resolveCollection("system.indexes", false);
            if (indexes == null) {
                continue;
            }
            for (Document index : indexes.queryAll()) {
                if (index.get("expireAfterSeconds") instanceof Number seconds) {
                    String collection = ((String) index.get("ns")).substring(name.length() + 1);
                    String field = ((Document) index.get("key")).keySet().iterator().next();
                    Instant limit = now.minusSeconds(seconds.longValue());
                    expire(standin, database.resolveCollection(collection, false), field, limit);
                }
            }
        }
        standin.retries().forgetBefore(now);
        standin.commits().tidy();
    }

    private static void expire(Standin standin, MongoCollection<?> collection, String field, Instant limit) {
        Document over = new Document(field, new Document("$lt", limit));
        // Asked first, so that a quiet server writes nothing to its disk.
        if (collection != null && collection.count(over, 0, 1) > 0) {
            standin.commits().write(() -> collection.deleteDocuments(over, 0, NoopOplog.get()));
        }
    }

    private void sweepSafely() {
        try {
            sweep(standin, Instant.now());
        } catch (RuntimeException failed) {
            // The schedule ends with the first exception; what is over now is still over in two seconds.
            LOG.error("expiry failed: {}", failed.getClass().getName());
        }
    }

    @Override
    public void close() {
        thread.shutdown();
    }
}
