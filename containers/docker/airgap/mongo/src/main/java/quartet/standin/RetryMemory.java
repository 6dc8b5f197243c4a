package quartet.standin;

import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;

/**
 * Remembers the answer to the newest write of each session, so that a write which a driver sends again after a
 * lost connection is done once (MongoDB specification "Retryable Writes").
 *
 * <p>Kept in the same file and the same commit as the write itself: the memory survives a crash.
 */
final class RetryMemory {
    /** How long a session is remembered, as hello tells the drivers. */
    static final int SESSION_MINUTES = 30;

    private static final int LOCKS = 64;

    private final MVMap<String, Document> newest;
    private final Object[] locks = Stream.generate(Object::new).limit(LOCKS).toArray();

    RetryMemory(MVStore store) {
        this.newest = store.openMap("standin.retries");
    }

    /** The answer to this command: remembered if it was done already, otherwise by doing it. */
    Document once(Document command, Supplier<Document> work) {
        if (!(command.get("txnNumber") instanceof Number number)) {
            return work.get();
        }
        String session = String.valueOf(command.get("lsid"));
        synchronized (locks[Math.floorMod(session.hashCode(), LOCKS)]) {
            Document known = newest.get(session);
            long done = known == null ? -1 : ((Number) known.get("txnNumber")).longValue();
            if (number.longValue() == done) {
                return ((Document) known.get("answer")).cloneDeeply();
            }
            if (number.longValue() < done) {
                throw new MongoServerError(
                        225, "TransactionTooOld", "a write with a higher txnNumber was seen in this session");
            }
            Document answer = work.get();
            newest.put(
                    session,
                    new Document("txnNumber", number.longValue())
                            .append("answer", answer.cloneDeeply())
                            .append("at", Instant.now()));
            return answer;
        }
    }

    /** Forgets sessions that were quiet for longer than a session lives. */
    void forgetBefore(Instant now) {
        Instant oldest = now.minus(Duration.ofMinutes(SESSION_MINUTES));
        for (String session : newest.keySet()) {
            Document known = newest.get(session);
            if (known != null && ((Instant) known.get("at")).isBefore(oldest)) {
                newest.remove(session);
            }
        }
    }
}
