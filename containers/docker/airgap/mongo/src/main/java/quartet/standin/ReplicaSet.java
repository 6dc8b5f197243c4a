package quartet.standin;

import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.bson.Document;
import java.time.Instant;
import java.util.List;

/** Who this server says it is: the only member, and so the writable primary, of a replica set. */
record ReplicaSet(String name, String address) {
    /** MongoDB 7.0 (wire version 21): the oldest that Debezium 3.6 is tested with. */
    static final MongoVersion VERSION =
            new MongoVersion() {
                @Override
                public List<Integer> getVersionArray() {
                    return List.of(7, 0, 0, 0);
                }

                @Override
                public String toVersionString() {
                    return "7.0.0";
                }

                @Override
                public int getWireVersion() {
                    return 21;
                }
            };

    /** The limits are MongoDB's own. The field {@code standin} tells everybody that this is not MongoDB. */
    Document hello() {
        return new Document("helloOk", true)
                .append("ismaster", true)
                .append("isWritablePrimary", true)
                .append("secondary", false)
                .append("setName", name)
                .append("setVersion", 1)
                .append("hosts", List.of(address))
                .append("primary", address)
                .append("me", address)
                .append("maxBsonObjectSize", 16 * 1024 * 1024)
                .append("maxMessageSizeBytes", 48_000_000)
                .append("maxWriteBatchSize", 100_000)
                .append("localTime", Instant.now())
                .append("logicalSessionTimeoutMinutes", RetryMemory.SESSION_MINUTES)
                .append("connectionId", 1)
                .append("minWireVersion", 0)
                .append("maxWireVersion", VERSION.getWireVersion())
                .append("readOnly", false)
                .append("standin", "mongo-java-server");
    }

    Document status() {
        Document member =
                new Document("_id", 0)
                        .append("name", address)
                        .append("health", 1.0)
                        .append("state", 1)
                        .append("stateStr", "PRIMARY");
        return new Document("set", name).append("myState", 1).append("members", List.of(member));
    }
}
