package quartet.standin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.MongoCommandException;
import com.mongodb.MongoWriteConcernException;
import com.mongodb.WriteConcern;
import com.mongodb.client.ClientSession;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.IndexOptions;
import com.mongodb.client.model.Indexes;
import com.mongodb.client.model.Updates;
import de.bwaldvogel.mongo.exception.MongoServerError;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.bson.BsonTimestamp;
import org.bson.Document;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the drivers see of the server besides its change streams. */
class StandinTest {
    @TempDir Path folder;

    @Test
    void itSaysThatItIsAPrimaryAndThatItIsAStandin() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            Document hello = running.database().runCommand(new Document("hello", 1));
            assertEquals(true, hello.get("isWritablePrimary"));
            assertEquals("rs0", hello.get("setName"));
            assertEquals("mongo-java-server", hello.get("standin"));
            assertInstanceOf(BsonTimestamp.class, hello.get("operationTime"));
            assertEquals("mongo-java-server", AskHello.ask(running.server.port()).get("standin"));
        }
    }

    @Test
    void everyDatabaseIsListed() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            running.goods().insertOne(new Document("_id", 1));
            List<String> names = running.client.listDatabaseNames().into(new ArrayList<>());
            assertEquals(List.of("admin", "config", "local", "shop"), names);
        }
    }

    @Test
    void transactionsAreRefused() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            for (String sign : List.of("startTransaction", "autocommit")) {
                Map<String, ?> ofTransaction =
                        Map.of(
                                "documents", List.of(new de.bwaldvogel.mongo.bson.Document("_id", 1)),
                                sign, sign.equals("startTransaction"));
                MongoServerError refused =
                        assertThrows(
                                MongoServerError.class, () -> running.send("insert", ofTransaction));
                assertEquals(263, refused.getCode());
            }
            assertNull(running.goods().find().first());
        }
    }

    @Test
    void aTransactionOfTheDriverFails() throws Exception {
        try (RunningStandin running = new RunningStandin(folder);
                ClientSession session = running.client.startSession()) {
            session.startTransaction();
            MongoCommandException refused =
                    assertThrows(
                            MongoCommandException.class,
                            () -> running.goods().insertOne(session, new Document("_id", 1)));
            assertEquals(263, refused.getErrorCode());
        }
    }

    @Test
    void updatesByAPipelineAreRefused() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            running.goods().insertOne(new Document("_id", 1));
            List<org.bson.conversions.Bson> pipeline = List.of(Updates.set("n", 1));
            assertEquals(
                    9,
                    assertThrows(
                                    MongoCommandException.class,
                                    () -> running.goods().updateOne(Filters.eq(1), pipeline))
                            .getErrorCode());
            assertEquals(
                    9,
                    assertThrows(
                                    MongoCommandException.class,
                                    () -> running.goods().findOneAndUpdate(Filters.eq(1), pipeline))
                            .getErrorCode());
            assertEquals(new Document("_id", 1), running.goods().find().first());
        }
    }

    @Test
    void oneMemberCannotBeTwo() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            MongoWriteConcernException refused =
                    assertThrows(
                            MongoWriteConcernException.class,
                            () ->
                                    running.goods()
                                            .withWriteConcern(WriteConcern.W2)
                                            .insertOne(new Document("_id", 1)));
            assertEquals(100, refused.getCode());
        }
    }

    @Test
    void aWriteThatIsSentTwiceIsDoneOnce() throws Exception {
        de.bwaldvogel.mongo.bson.Document first;
        try (RunningStandin running = new RunningStandin(folder)) {
            running.goods().insertOne(new Document("_id", 1).append("n", 0));
            first = increase(running, 7);
            assertEquals(first.get("n"), increase(running, 7).get("n"));
            running.crash();
        }
        try (RunningStandin running = new RunningStandin(folder)) {
            assertEquals(first.get("nModified"), increase(running, 7).get("nModified"));
            assertEquals(1, running.goods().find().first().get("n"));
            increase(running, 8);
            assertEquals(2, running.goods().find().first().get("n"));
            assertEquals(
                    225,
                    assertThrows(MongoServerError.class, () -> increase(running, 7)).getCode());
            running.standin.retries().forgetBefore(Instant.now().plusSeconds(3600));
            increase(running, 8);
            assertEquals(3, running.goods().find().first().get("n"));
        }
    }

    private static de.bwaldvogel.mongo.bson.Document increase(RunningStandin running, long number) {
        de.bwaldvogel.mongo.bson.Document update =
                new de.bwaldvogel.mongo.bson.Document("q", new de.bwaldvogel.mongo.bson.Document("_id", 1))
                        .append(
                                "u",
                                new de.bwaldvogel.mongo.bson.Document(
                                        "$inc", new de.bwaldvogel.mongo.bson.Document("n", 1)));
        return running.send(
                "update", Map.of("updates", List.of(update), "lsid", "a session", "txnNumber", number));
    }

    @Test
    void whatWasAcknowledgedOutlivesACrash() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            List<CompletableFuture<Void>> writers = new ArrayList<>();
            for (int writer = 0; writer < 4; writer++) {
                int base = writer * 100;
                writers.add(
                        CompletableFuture.runAsync(
                                () -> {
                                    for (int id = base; id < base + 25; id++) {
                                        running.goods().insertOne(new Document("_id", id));
                                    }
                                }));
            }
            for (CompletableFuture<Void> writer : writers) {
                writer.get(30, TimeUnit.SECONDS);
            }
            running.crash();
        }
        try (RunningStandin running = new RunningStandin(folder)) {
            assertEquals(100, running.goods().countDocuments());
        }
    }

    @Test
    void nothingButACommitReachesTheFile() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            running.goods().insertOne(new Document("_id", 1));
            // A document without its commit: a crash in the middle of a write.
            for (int id = 2; id < 2000; id++) {
                running.standin
                        .resolveDatabase("shop")
                        .resolveCollection("goods", true)
                        .addDocument(
                                new de.bwaldvogel.mongo.bson.Document("_id", id)
                                        .append("text", "x".repeat(10_000)));
            }
            running.crash();
        }
        try (RunningStandin running = new RunningStandin(folder)) {
            assertEquals(1, running.goods().countDocuments());
        }
    }

    @Test
    void aReaderKeepsWhatItHasRead() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            running.goods().insertOne(new Document("_id", 1).append("n", 1));
            List<de.bwaldvogel.mongo.bson.Document> read = new ArrayList<>();
            for (String field : List.of("_id", "n")) {
                running.standin
                        .resolveDatabase("shop")
                        .resolveCollection("goods", true)
                        .handleQuery(new de.bwaldvogel.mongo.bson.Document(field, 1))
                        .forEach(read::add);
            }
            running.goods().updateOne(Filters.eq(1), Updates.set("n", 2));
            assertEquals(List.of(1, 1), read.stream().map(document -> document.get("n")).toList());
        }
    }

    @Test
    void whatIsOverGoes() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            running.goods()
                    .createIndex(
                            Indexes.ascending("over"),
                            new IndexOptions().expireAfter(60L, TimeUnit.SECONDS));
            Instant now = Instant.now();
            running.goods().insertOne(new Document("_id", 1).append("over", Date.from(now.minusSeconds(61))));
            running.goods().insertOne(new Document("_id", 2).append("over", Date.from(now.minusSeconds(59))));
            running.goods().insertOne(new Document("_id", 3));
            Expiry.sweep(running.standin, now);
            List<Object> left = new ArrayList<>();
            running.goods().find().forEach(document -> left.add(document.get("_id")));
            assertEquals(List.of(2, 3), left);
        }
    }

    @Test
    void theFileDoesNotGrowWithTheNumberOfCommits() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            // As if a second passed between two writes.
            running.standin.getMvStore().setRetentionTime(0);
            for (int id = 0; id < 1000; id++) {
                running.goods().insertOne(new Document("_id", id));
                if (id % 50 == 0) {
                    Expiry.sweep(running.standin, Instant.now());
                }
            }
            // Each commit is a chunk of 8 or 12 KiB, of which a page or two stay in use.
            long size = Files.size(folder.resolve("standin.mv"));
            assertTrue(size < 2_000_000, () -> "a file of " + size + " bytes");
        }
    }

    @Test
    void manyConnectionsMayWaitAtOnce() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            List<CompletableFuture<?>> waiting = new ArrayList<>();
            for (int number = 0; number < 8; number++) {
                var stream = running.goods().watch().maxAwaitTime(20, TimeUnit.SECONDS).cursor();
                waiting.add(CompletableFuture.supplyAsync(stream::next, task -> new Thread(task).start()));
            }
            long start = System.nanoTime();
            running.goods().insertOne(new Document("_id", 1));
            for (CompletableFuture<?> one : waiting) {
                one.get(10, TimeUnit.SECONDS);
            }
            assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(10));
        }
    }
}
