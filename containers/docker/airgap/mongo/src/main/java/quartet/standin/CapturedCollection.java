package quartet.standin;

import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.backend.ArrayFilters;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.h2.H2Collection;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.oplog.Oplog;
import java.util.Comparator;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.h2.mvstore.MVMap;

/**
 * A collection that notes each change of a document in the change log.
 *
 * <p>It also hands out copies: the library changes documents in place, and a reader on another connection
 * would see half of an update.
 */
final class CapturedCollection extends H2Collection {
    private final MVMap<Object, Document> documents;
    private final Supplier<ChangeLog> log;
    private boolean replacing; // guarded by this, as every write of the library is

    CapturedCollection(
            MongoDatabase database,
            String name,
            CollectionOptions options,
            MVMap<Object, Document> documents,
            MVMap<String, Object> meta,
            CursorRegistry cursors,
            Supplier<ChangeLog> log) {
        super(database, name, options, documents, meta, cursors);
        this.documents = documents;
        this.log = log;
    }

    /** A copy of the document with this {@code _id}, or null. */
    Document byId(Object id) {
        return copy(documents.get(id));
    }

    @Override
    protected Object addDocumentInternal(Document document) {
        Object position = super.addDocumentInternal(document);
        note("insert", document, new Document("fullDocument", document.cloneDeeply()));
        return position;
    }

    @Override
    protected void handleUpdate(Object position, Document before, Document after) {
        super.handleUpdate(position, before, after);
        if (replacing) {
            note("replace", after, new Document("fullDocument", after.cloneDeeply()));
        } else {
            Document difference = Difference.between(before, after).cloneDeeply();
            note("update", after, new Document("updateDescription", difference));
        }
    }

    @Override
    protected void removeDocument(Object position) {
        Document before = documents.get(position);
        super.removeDocument(position);
        note("delete", before, new Document());
    }

    @Override
    public synchronized Document updateDocuments(
            Document selector,
            Document update,
            ArrayFilters filters,
            boolean isMulti,
            boolean isUpsert,
            Oplog oplog) {
        replacing = isReplacement(update);
        return super.updateDocuments(selector, update, filters, isMulti, isUpsert, oplog);
    }

    @Override
    public synchronized Document findAndModify(Document command) {
        replacing = isReplacement(command.get("update"));
        return super.findAndModify(command);
    }

    @Override
    protected QueryResult matchDocumentsFromStream(
            Document query,
            Stream<Document> candidates,
            int skip,
            int limit,
            int batchSize,
            Comparator<Document> order,
            Document fields) {
        Stream<Document> copies =
                candidates
                        .filter(document -> documentMatchesQuery(document, query))
                        .map(CapturedCollection::copy);
        return super.matchDocumentsFromStream(query, copies, skip, limit, batchSize, order, fields);
    }

    private void note(String operation, Document document, Document details) {
        Document change = new Document("operationType", operation);
        change.append(
                "ns", new Document("db", getDatabaseName()).append("coll", getCollectionName()));
        change.append("documentKey", new Document("_id", document.get("_id")));
        change.putAll(details);
        log.get().append(change);
    }

    private static boolean isReplacement(Object update) {
        return update instanceof Document fields
                && fields.keySet().stream().noneMatch(field -> field.startsWith("$"));
    }

    private static Document copy(Document document) {
        return document == null ? null : document.cloneDeeply();
    }
}
