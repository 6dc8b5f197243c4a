package quartet.standin;

import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;

/**
 * A place in the change log, as clients keep it: {@code {_data: "82" + time + "00"}}.
 *
 * <p>Clients must not read it, but some look at its first byte: 0x82 is the key string of a timestamp.
 */
final class ResumeToken {
    private static final String BEFORE = "82";
    private static final String AFTER = "00";

    private ResumeToken() {}

    static Document of(long time) {
        return new Document("_data", BEFORE + String.format("%016X", time) + AFTER);
    }

    /** The time that the token holds. */
    static long read(Document token) {
        if (token.get("_data") instanceof String data
                && data.matches(BEFORE + "[0-9A-F]{16}" + AFTER)) {
            return Long.parseUnsignedLong(data, BEFORE.length(), data.length() - AFTER.length(), 16);
        }
        throw new MongoServerError(260, "InvalidResumeToken", "the resume token is not one of this server");
    }
}
