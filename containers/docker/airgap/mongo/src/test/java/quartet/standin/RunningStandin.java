package quartet.standin;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import io.netty.channel.embedded.EmbeddedChannel;
import java.nio.file.Path;
import java.util.Map;
import org.bson.Document;

/** A server on a file, with a client of MongoDB's own driver; crash() leaves the file as kill -9 would. */
final class RunningStandin implements AutoCloseable {
    static final int KEPT = 1000;

    final Standin standin;
    final WireServer server;
    final MongoClient client;

    RunningStandin(Path folder) throws InterruptedException {
        this(folder, KEPT);
    }

    RunningStandin(Path folder, int kept) throws InterruptedException {
        ReplicaSet identity = new ReplicaSet("rs0", "127.0.0.1:27017");
        standin = new Standin(Main.open(folder.resolve("standin.mv")), identity, kept);
        server = new WireServer(standin, 0);
        client =
                MongoClients.create("mongodb://127.0.0.1:" + server.port() + "/?directConnection=true");
    }

    MongoDatabase database() {
        return client.getDatabase("shop");
    }

    MongoCollection<Document> goods() {
        return database().getCollection("goods");
    }

    /** Hands a command straight to the server, as the wire would. */
    de.bwaldvogel.mongo.bson.Document send(String command, Map<String, ?> fields) {
        de.bwaldvogel.mongo.bson.Document query =
                new de.bwaldvogel.mongo.bson.Document(command, "goods");
        query.putAll(fields);
        return standin.handleCommand(new EmbeddedChannel(), "shop", command, query);
    }

    void crash() {
        client.close();
        server.close();
        standin.getMvStore().closeImmediately();
    }

    @Override
    public void close() {
        client.close();
        server.close();
        standin.close();
    }
}
