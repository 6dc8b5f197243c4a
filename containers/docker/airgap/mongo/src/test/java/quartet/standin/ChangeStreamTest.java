package quartet.standin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.MongoCommandException;
import com.mongodb.client.MongoChangeStreamCursor;
import com.mongodb.client.model.Aggregates;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import com.mongodb.client.model.changestream.ChangeStreamDocument;
import com.mongodb.client.model.changestream.FullDocument;
import com.mongodb.client.model.changestream.OperationType;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.bson.BsonDocument;
import org.bson.BsonString;
import org.bson.Document;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Debezium reads: every change once, in order, from any place where it stopped. */
class ChangeStreamTest {
    @TempDir Path folder;

    @Test
    void eachKindOfChangeIsAnEventOfItsKind() throws Exception {
        try (RunningStandin running = new RunningStandin(folder);
                MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream =
                        running.goods().watch().fullDocument(FullDocument.UPDATE_LOOKUP).cursor()) {
            Document place = new Document("shelf", 1).append("row", 2);
            running.goods().insertOne(new Document("_id", 1).append("n", 1).append("place", place));
            running.goods()
                    .updateOne(
                            Filters.eq(1),
                            Updates.combine(Updates.unset("n"), Updates.set("place.row", 3)));
            running.goods().replaceOne(Filters.eq(1), new Document("n", 5));
            running.goods().findOneAndUpdate(Filters.eq(1), Updates.inc("n", 1));
            running.goods().deleteOne(Filters.eq(1));

            ChangeStreamDocument<Document> insert = stream.next();
            assertEquals(OperationType.INSERT, insert.getOperationType());
            assertEquals("shop.goods", insert.getNamespace().getFullName());
            assertEquals(1, insert.getDocumentKey().getInt32("_id").getValue());
            assertEquals(place, insert.getFullDocument().get("place"));
            assertNotEquals(0, insert.getClusterTime().getTime());

            ChangeStreamDocument<Document> update = stream.next();
            assertEquals(OperationType.UPDATE, update.getOperationType());
            assertEquals(List.of("n"), update.getUpdateDescription().getRemovedFields());
            assertEquals(
                    BsonDocument.parse("{'place.row': 3}"),
                    update.getUpdateDescription().getUpdatedFields());
            // The document is looked up when the event is read: it is gone by now.
            assertNull(update.getFullDocument());

            ChangeStreamDocument<Document> replace = stream.next();
            assertEquals(OperationType.REPLACE, replace.getOperationType());
            assertEquals(5, replace.getFullDocument().get("n"));
            assertEquals(OperationType.UPDATE, stream.next().getOperationType());
            assertEquals(OperationType.DELETE, stream.next().getOperationType());
        }
    }

    @Test
    void anUpdateComesWithThePresentDocument() throws Exception {
        try (RunningStandin running = new RunningStandin(folder);
                MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream =
                        running.goods().watch().fullDocument(FullDocument.UPDATE_LOOKUP).cursor()) {
            running.goods().insertOne(new Document("_id", 1));
            running.goods().updateOne(Filters.eq(1), Updates.set("n", 2));
            stream.next();
            assertEquals(new Document("_id", 1).append("n", 2), stream.next().getFullDocument());
        }
    }

    @Test
    void whatChangesNothingIsNoEvent() throws Exception {
        try (RunningStandin running = new RunningStandin(folder);
                MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream =
                        running.goods().watch().cursor()) {
            running.goods().insertOne(new Document("_id", 1).append("n", 1));
            running.goods().updateOne(Filters.eq(1), Updates.set("n", 1));
            running.goods().deleteOne(Filters.eq(2));
            running.goods().insertOne(new Document("_id", 3));
            assertEquals(1, stream.next().getDocumentKey().getInt32("_id").getValue());
            assertEquals(3, stream.next().getDocumentKey().getInt32("_id").getValue());
        }
    }

    @Test
    void aStreamSeesItsScopeAndWhatItsStagesLetThrough() throws Exception {
        try (RunningStandin running = new RunningStandin(folder);
                MongoChangeStreamCursor<ChangeStreamDocument<Document>> ofCollection =
                        running.goods().watch().cursor();
                MongoChangeStreamCursor<ChangeStreamDocument<Document>> ofDatabase =
                        running.database().watch().cursor();
                MongoChangeStreamCursor<ChangeStreamDocument<Document>> ofServer =
                        running.client
                                .watch(List.of(Aggregates.match(Filters.eq("operationType", "delete"))))
                                .cursor()) {
            running.client.getDatabase("other").getCollection("goods").insertOne(new Document("_id", 1));
            running.database().getCollection("more").insertOne(new Document("_id", 2));
            running.goods().insertOne(new Document("_id", 3));
            running.goods().deleteOne(Filters.eq(3));
            assertEquals(3, ofCollection.next().getDocumentKey().getInt32("_id").getValue());
            assertEquals(2, ofDatabase.next().getDocumentKey().getInt32("_id").getValue());
            assertEquals(OperationType.DELETE, ofServer.next().getOperationType());
        }
    }

    @Test
    void aWaitingStreamIsWokenByAWrite() throws Exception {
        try (RunningStandin running = new RunningStandin(folder);
                MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream =
                        running.goods().watch().maxAwaitTime(30, TimeUnit.SECONDS).cursor()) {
            CompletableFuture<ChangeStreamDocument<Document>> next =
                    CompletableFuture.supplyAsync(stream::next);
            running.goods().insertOne(new Document("_id", 1));
            assertEquals(OperationType.INSERT, next.get(10, TimeUnit.SECONDS).getOperationType());
        }
    }

    @Test
    void aStreamGoesOnAfterACrashWhereItWas() throws Exception {
        BsonDocument token;
        try (RunningStandin before = new RunningStandin(folder);
                MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream =
                        before.goods().watch().cursor()) {
            for (int id = 0; id < 20; id++) {
                before.goods().insertOne(new Document("_id", id));
            }
            for (int id = 0; id < 5; id++) {
                stream.next();
            }
            token = stream.getResumeToken();
            before.crash();
        }
        try (RunningStandin after = new RunningStandin(folder);
                MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream =
                        after.goods().watch().resumeAfter(token).cursor()) {
            after.goods().insertOne(new Document("_id", 20));
            List<Integer> seen = new ArrayList<>();
            while (seen.size() < 16) {
                seen.add(stream.next().getDocumentKey().getInt32("_id").getValue());
            }
            assertEquals(List.of(5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20), seen);
            assertNull(stream.tryNext());
        }
    }

    @Test
    void anEmptyBatchMovesTheTokenOn() throws Exception {
        try (RunningStandin running = new RunningStandin(folder);
                MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream =
                        running.goods().watch().maxAwaitTime(1, TimeUnit.MILLISECONDS).cursor()) {
            assertNull(stream.tryNext());
            BsonDocument first = stream.getResumeToken();
            running.database().getCollection("more").insertOne(new Document("_id", 1));
            assertNull(stream.tryNext());
            assertTrue(
                    stream.getResumeToken()
                                    .getString("_data")
                                    .getValue()
                                    .compareTo(first.getString("_data").getValue())
                            > 0);
        }
    }

    @Test
    void aPlaceThatTheLogNoLongerHoldsIsLostHistory() throws Exception {
        try (RunningStandin running = new RunningStandin(folder, 3)) {
            BsonDocument token;
            try (MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream =
                    running.goods().watch().cursor()) {
                running.goods().insertOne(new Document("_id", 0));
                stream.next();
                token = stream.getResumeToken();
            }
            for (int id = 1; id < 6; id++) {
                running.goods().insertOne(new Document("_id", id));
            }
            assertEquals(286, refusal(running, token));
        }
    }

    @Test
    void aPlaceBeforeTheLogWasMadeIsLostHistory() throws Exception {
        long earlier = new BsonTimestamp(Instant.now().minusSeconds(10), 1).getValue();
        String data = (String) ResumeToken.of(earlier).get("_data");
        try (RunningStandin emptied = new RunningStandin(folder)) {
            assertEquals(286, refusal(emptied, new BsonDocument("_data", new BsonString(data))));
        }
    }

    @Test
    void aTokenOfAnotherServerIsRefused() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            assertEquals(260, refusal(running, BsonDocument.parse("{_data: '8265'}")));
        }
    }

    @Test
    void imagesThatAreNotKeptAreRefused() throws Exception {
        try (RunningStandin running = new RunningStandin(folder)) {
            MongoCommandException refused =
                    assertThrows(
                            MongoCommandException.class,
                            () -> running.goods().watch().fullDocument(FullDocument.REQUIRED).cursor());
            assertEquals(47, refused.getErrorCode());
        }
    }

    private static int refusal(RunningStandin running, BsonDocument token) {
        return assertThrows(
                        MongoCommandException.class,
                        () -> running.goods().watch().resumeAfter(token).cursor())
                .getErrorCode();
    }
}
