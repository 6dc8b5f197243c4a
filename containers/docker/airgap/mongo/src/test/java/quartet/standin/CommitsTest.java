package quartet.standin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What reaches the file, and when. */
class CommitsTest {
    @TempDir Path folder;

    private int published;

    @Test
    void aWriteIsOnDiskAndPublishedWhenItReturns() {
        Path file = folder.resolve("a.mv");
        MVStore store = Main.open(file);
        MVMap<String, String> map = store.openMap("m");
        assertEquals("done", new Commits(store, () -> published++).write(() -> put(map, "k")));
        assertEquals(1, published);
        store.closeImmediately();
        assertEquals("done", Main.open(file).openMap("m").get("k"));
    }

    @Test
    void whatAFailedWriteHasDoneIsNotLeftBehindUncommitted() {
        Path file = folder.resolve("a.mv");
        MVStore store = Main.open(file);
        MVMap<String, String> map = store.openMap("m");
        Commits commits = new Commits(store, () -> published++);
        assertThrows(
                IllegalStateException.class,
                () ->
                        commits.write(
                                () -> {
                                    put(map, "half");
                                    throw new IllegalStateException();
                                }));
        assertEquals(1, published);
        store.closeImmediately();
        assertEquals("done", Main.open(file).openMap("m").get("half"));
    }

    @Test
    void theFileUsesItsSpaceAgainSoon() {
        // With H2's own 45 seconds it would only grow that long.
        assertEquals(1000, Main.open(folder.resolve("a.mv")).getRetentionTime());
    }

    private static String put(MVMap<String, String> map, String key) {
        map.put(key, "done");
        return "done";
    }
}
