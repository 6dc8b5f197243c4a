package quartet.standin;

import de.bwaldvogel.mongo.bson.Document;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** What an update has changed, as a change event says it: dotted paths into sub-documents, arrays as a whole. */
final class Difference {
    private final Document updated = new Document();
    private final List<Object> removed = new ArrayList<>();

    private Difference() {}

    /** The {@code updateDescription} of the update from {@code before} to {@code after}. */
    static Document between(Document before, Document after) {
        Difference difference = new Difference();
        difference.compare("", before, after);
        return new Document("updatedFields", difference.updated)
                .append("removedFields", difference.removed)
                .append("truncatedArrays", new ArrayList<>());
    }

    private void compare(String path, Document before, Document after) {
        for (String field : before.keySet()) {
            if (!after.containsKey(field)) {
                removed.add(path + field);
            }
        }
        for (String field : after.keySet()) {
            Object old = before.get(field);
            Object now = after.get(field);
            if (before.containsKey(field) && Objects.equals(old, now)) {
                continue;
            }
            if (old instanceof Document && now instanceof Document) {
                compare(path + field + ".", (Document) old, (Document) now);
            } else {
                updated.put(path + field, now);
            }
        }
    }
}
