package quartet.standin;

import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.backend.DatabaseResolver;
import de.bwaldvogel.mongo.backend.aggregation.Aggregation;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.oplog.NoopOplog;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/** The open change streams by cursor id, and the commands that open, read and close them. */
final class ChangeStreams {
    /** What mongod sends at most in a first batch, and how long its getMore waits (MongoDB manual, getMore). */
    private static final int FIRST_BATCH = 101;

    private static final int NEXT_BATCH = 1000;
    private static final long WAIT_MILLISECONDS = 1000;

    private record Cursor(ChangeStream stream, String namespace) {}

    private final ChangeLog log;
    private final DatabaseResolver databases;
    private final Map<Long, Cursor> open = new ConcurrentHashMap<>();
    // Far above the ids of the library's own cursors, which count from 1.
    private final AtomicLong ids = new AtomicLong(1L << 40);

    ChangeStreams(ChangeLog log, DatabaseResolver databases) {
        this.log = log;
        this.databases = databases;
    }

    /** The options of {@code $changeStream} if the aggregate command begins with it, otherwise null. */
    static Document options(Document command) {
        return command.get("pipeline") instanceof List<?> stages
                        && !stages.isEmpty()
                        && stages.get(0) instanceof Document first
                ? (Document) first.get("$changeStream")
                : null;
    }

    boolean knows(Object cursor) {
        return cursor instanceof Number id && open.containsKey(id.longValue());
    }

    Document open(String database, Document command) {
        Document options = options(command);
        Refusals.ofChangeStream(options);
        String collection = command.get("aggregate") instanceof String name ? name : null;
        boolean everywhere = Boolean.TRUE.equals(options.get("allChangesForCluster"));
        ChangeStream stream =
                new ChangeStream(
                        log,
                        new ChangeStream.Scope(everywhere ? null : database, collection),
                        furtherStages(database, command),
                        "updateLookup".equals(options.get("fullDocument")) ? lookup() : null,
                        start(options));
        long id = ids.incrementAndGet();
        Cursor cursor =
                new Cursor(stream, database + "." + (collection == null ? "$cmd.aggregate" : collection));
        int size = FIRST_BATCH;
        if (command.get("cursor") instanceof Document given
                && given.get("batchSize") instanceof Number batch) {
            size = batch.intValue();
        }
        List<Document> events = stream.take(size, 0);
        open.put(id, cursor);
        return reply(id, cursor, "firstBatch", events);
    }

    Document more(Document command) {
        long id = ((Number) command.get("getMore")).longValue();
        Cursor cursor = open.get(id);
        if (cursor == null) {
            throw new MongoServerError(43, "CursorNotFound", "cursor id " + id + " not found");
        }
        int size =
                command.get("batchSize") instanceof Number batch && batch.intValue() > 0
                        ? batch.intValue()
                        : NEXT_BATCH;
        long wait =
                command.get("maxTimeMS") instanceof Number time ? time.longValue() : WAIT_MILLISECONDS;
        return reply(id, cursor, "nextBatch", cursor.stream().take(size, wait));
    }

    /** Closes those of the cursors that are change streams; returns the others. */
    List<Object> close(List<?> cursors) {
        List<Object> others = new ArrayList<>(cursors);
        others.removeIf(id -> id instanceof Number number && open.remove(number.longValue()) != null);
        return others;
    }

    private long start(Document options) {
        Object token = options.getOrDefault("resumeAfter", options.get("startAfter"));
        long start;
        if (token instanceof Document given) {
            start = ResumeToken.read(given);
        } else if (options.get("startAtOperationTime") instanceof BsonTimestamp time) {
            start = time.getValue() - 1;
        } else {
            return log.now();
        }
        if (!log.reachesBackTo(start)) {
            throw new MongoServerError(
                    286,
                    "ChangeStreamHistoryLost",
                    "Resume of change stream was not possible, as the resume point may no longer be in the oplog.");
        }
        return start;
    }

    @SuppressWarnings("unchecked")
    private Aggregation furtherStages(String database, Document command) {
        List<Document> stages = (List<Document>) command.get("pipeline");
        return Aggregation.fromPipeline(
                new ArrayList<>(stages.subList(1, stages.size())),
                databases,
                databases.resolve(database),
                null,
                NoopOplog.get());
    }

    private Function<Document, Document> lookup() {
        return change -> {
            Document namespace = (Document) change.get("ns");
            MongoCollection<?> collection =
                    databases
                            .resolve((String) namespace.get("db"))
                            .resolveCollection((String) namespace.get("coll"), false);
            Object id = ((Document) change.get("documentKey")).get("_id");
            return collection instanceof CapturedCollection captured ? captured.byId(id) : null;
        };
    }

    private static Document reply(long id, Cursor cursor, String batch, List<Document> events) {
        return new Document(
                "cursor",
                new Document(batch, events)
                        .append("postBatchResumeToken", cursor.stream().token())
                        .append("id", id)
                        .append("ns", cursor.namespace()));
    }
}
