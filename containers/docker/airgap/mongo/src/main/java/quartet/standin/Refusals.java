package quartet.standin;

import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import java.util.List;
import java.util.Locale;

/** What the stand-in cannot do as MongoDB does it: refused with MongoDB's error codes, never done by halves. */
final class Refusals {
    private Refusals() {}

    static void ofCommand(String name, Document command) {
        if (Boolean.TRUE.equals(command.get("startTransaction"))
                || Boolean.FALSE.equals(command.get("autocommit"))
                || name.equals("committransaction")) {
            throw new MongoServerError(
                    263, "OperationNotSupportedInTransaction", "the stand-in for MongoDB has no transactions");
        }
        if (name.equals("update") || name.equals("findandmodify")) {
            ofPipelineUpdate(command);
        }
    }

    static void ofChangeStream(Document options) {
        if ("required".equals(options.get("fullDocument"))
                || "required".equals(options.get("fullDocumentBeforeChange"))) {
            throw new MongoServerError(
                    47, "NoMatchingDocument", "the stand-in for MongoDB keeps no pre- and post-images");
        }
    }

    private static void ofPipelineUpdate(Document command) {
        boolean isPipeline =
                command.get("update") instanceof List
                        || command.get("updates") instanceof List<?> updates
                                && updates.stream()
                                        .anyMatch(
                                                update ->
                                                        update instanceof Document one
                                                                && one.get("u") instanceof List);
        if (isPipeline) {
            throw new MongoServerError(
                    9, "FailedToParse", "the stand-in for MongoDB has no updates by a pipeline");
        }
    }

    static String lower(String command) {
        return command.toLowerCase(Locale.ROOT);
    }
}
