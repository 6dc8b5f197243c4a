package quartet.standin;

import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.h2.H2Database;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerException;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import io.netty.channel.Channel;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The server behind the wire: decides which part answers a command. */
final class Standin extends H2Backend {
    private static final Logger LOG = LoggerFactory.getLogger(Standin.class);

    /** Databases of MongoDB itself; they exist from the start, and their changes are nobody's business. */
    private static final Set<String> OWN_DATABASES = Set.of("admin", "config", "local");

    private static final Set<String> WRITES =
            Set.of(
                    "insert",
                    "update",
                    "delete",
                    "findandmodify",
                    "create",
                    "createindexes",
                    "drop",
                    "dropindexes",
                    "dropdatabase",
                    "renamecollection");

    private static final Set<String> SESSION_ENDS =
            Set.of("endsessions", "refreshsessions", "killsessions", "aborttransaction");

    private final ReplicaSet identity;
    private final ChangeLog log;
    private final Commits commits;
    private final RetryMemory retries;
    private final ChangeStreams streams;

    /**
     * @param kept how many changes the log holds
     */
    Standin(MVStore store, ReplicaSet identity, int kept) {
        super(store);
        this.identity = identity;
        this.log = new ChangeLog(store, kept);
        this.commits = new Commits(store, log::publish);
        this.retries = new RetryMemory(store);
        this.streams = new ChangeStreams(log, this::resolveDatabase);
        version(ReplicaSet.VERSION);
        OWN_DATABASES.forEach(this::resolveDatabase);
    }

    Commits commits() {
        return commits;
    }

    RetryMemory retries() {
        return retries;
    }

    List<String> databaseNames() {
        return List.copyOf(listDatabaseNames());
    }

    @Override
    public Document handleMessage(MongoMessage message) {
        try {
            return super.handleMessage(message);
        } catch (MongoServerException expected) {
            throw expected;
        } catch (RuntimeException bug) {
            // Without its documents: they are people's addresses.
            String command = message.getDocument().keySet().iterator().next();
            LOG.error("{} failed: {}", command, bug.getClass().getName());
            throw bug;
        }
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
        Document answer = answer(channel, database, command, query);
        answer.putIfAbsent("ok", 1.0);
        answer.putIfAbsent("operationTime", new BsonTimestamp(log.now()));
        return answer;
    }

    private Document answer(Channel channel, String database, String command, Document query) {
        String name = Refusals.lower(command);
        Refusals.ofCommand(name, query);
        if (name.equals("hello") || name.equals("ismaster")) {
            return identity.hello();
        }
        if (name.equals("replsetgetstatus")) {
            return identity.status();
        }
        if (name.equals("listdatabases")) {
            return listDatabases();
        }
        if (SESSION_ENDS.contains(name)) {
            return new Document();
        }
        if (name.equals("aggregate") && ChangeStreams.options(query) != null) {
            return streams.open(database, query);
        }
        if (name.equals("getmore") && streams.knows(query.get(command))) {
            return streams.more(query);
        }
        if (name.equals("killcursors")) {
            return killCursors(query);
        }
        if (WRITES.contains(name) || isWritingAggregate(name, query)) {
            return write(channel, database, command, query);
        }
        return super.handleCommand(channel, database, command, query);
    }

    private Document write(Channel channel, String database, String command, Document query) {
        Document answer =
                commits.write(
                        () ->
                                retries.once(
                                        query,
                                        () -> super.handleCommand(channel, database, command, query)));
        if (query.get("writeConcern") instanceof Document concern
                && concern.get("w") instanceof Number members
                && members.intValue() > 1) {
            answer.put(
                    "writeConcernError",
                    new Document("code", 100)
                            .append("codeName", "UnsatisfiableWriteConcern")
                            .append("errmsg", "Not enough data-bearing nodes"));
        }
        return answer;
    }

    private static boolean isWritingAggregate(String name, Document query) {
        return name.equals("aggregate")
                && query.get("pipeline") instanceof List<?> stages
                && stages.stream()
                        .anyMatch(
                                stage ->
                                        stage instanceof Document one
                                                && (one.containsKey("$out") || one.containsKey("$merge")));
    }

    /** Answered here because the library opens every database anew for it, beside those in use. */
    private Document listDatabases() {
        List<Document> described =
                databaseNames().stream()
                        .sorted()
                        .map(
                                name ->
                                        new Document("name", name)
                                                .append("empty", resolveDatabase(name).isEmpty()))
                        .toList();
        return new Document("databases", described);
    }

    private Document killCursors(Document query) {
        List<?> asked = (List<?>) query.get("cursors");
        List<Object> others = streams.close(asked);
        List<Object> killed = new ArrayList<>(asked);
        killed.removeAll(others);
        Document answer = handleKillCursors(new Document("cursors", others));
        killed.addAll((List<?>) answer.get("cursorsKilled"));
        answer.put("cursorsKilled", killed);
        return answer.append("cursorsAlive", List.of()).append("cursorsUnknown", List.of());
    }

    @Override
    protected MongoDatabase openOrCreateDatabase(String name) {
        return new CapturedDatabase(name);
    }

    /**
     * A database whose collections note changes; its catalogue ({@code system.*}) does not.
     *
     * <p>An inner class, because the library's constructors already open what is in the file: the enclosing
     * server is the only thing that is there by then. The log is not, and so is asked for at each change.
     */
    private final class CapturedDatabase extends H2Database {
        CapturedDatabase(String name) {
            super(name, getMvStore(), getCursorRegistry());
        }

        @Override
        protected MongoCollection<Object> openOrCreateCollection(String name, CollectionOptions options) {
            if (name.startsWith("system.") || OWN_DATABASES.contains(getDatabaseName())) {
                return super.openOrCreateCollection(name, options);
            }
            String full = getFullCollectionNamespace(name);
            MVMap<Object, Document> documents = getMvStore().openMap("databases." + full);
            MVMap<String, Object> meta = getMvStore().openMap("meta." + full);
            return new CapturedCollection(
                    this, name, options, documents, meta, getCursorRegistry(), () -> log);
        }
    }

    @Override
    public void close() {
        getMvStore().commit();
        super.close();
    }
}
