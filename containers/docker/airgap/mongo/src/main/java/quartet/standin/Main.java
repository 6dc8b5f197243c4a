package quartet.standin;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.h2.mvstore.MVStore;

/**
 * Starts the server with settings from the environment and runs until it is told to stop.
 *
 * <pre>
 * STANDIN_HOST   name under which clients reach this member (127.0.0.1); the port is part of it
 * STANDIN_PORT   27017
 * STANDIN_FILE   where the data lie (/data/db/standin.mv)
 * STANDIN_SET    name of the replica set (rs0)
 * STANDIN_KEEP   how many changes the log holds (100000); streams that are further behind must start anew
 * </pre>
 */
public final class Main {
    private static final String BANNER =
            "This is NOT MongoDB: mongo-java-server stands in for a replica set of one member.";

    private static final int RETENTION_MILLISECONDS = 1000;

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        Map<String, String> environment = System.getenv();
        String host = environment.getOrDefault("STANDIN_HOST", "127.0.0.1");
        int port = Integer.parseInt(environment.getOrDefault("STANDIN_PORT", "27017"));
        Path file = Path.of(environment.getOrDefault("STANDIN_FILE", "/data/db/standin.mv"));
        int kept = Integer.parseInt(environment.getOrDefault("STANDIN_KEEP", "100000"));
        ReplicaSet identity =
                new ReplicaSet(environment.getOrDefault("STANDIN_SET", "rs0"), host + ":" + port);

        Files.createDirectories(file.toAbsolutePath().getParent());
        Standin standin = new Standin(open(file), identity, kept);
        WireServer server = new WireServer(standin, port);
        Expiry expiry = new Expiry(standin);
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(
                                () -> {
                                    expiry.close();
                                    server.close();
                                    standin.close();
                                }));
        System.out.println(BANNER);
        System.out.println("ready " + identity.address());
        server.awaitClose();
    }

    /**
     * Opens the file so that nothing but {@link Commits} ever writes to it, neither by time nor by size.
     *
     * <p>H2 leaves what is no longer needed alone for 45 seconds, because by then the disk should have it:
     * each commit here waits for the disk, so that a second is plenty, and the file stays small.
     */
    static MVStore open(Path file) {
        MVStore store =
                new MVStore.Builder()
                        .fileName(file.toString())
                        .autoCommitDisabled()
                        .autoCommitBufferSize(0)
                        .compress()
                        .open();
        store.setRetentionTime(RETENTION_MILLISECONDS);
        store.setVersionsToKeep(0);
        return store;
    }
}
