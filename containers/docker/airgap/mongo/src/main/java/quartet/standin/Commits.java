package quartet.standin;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.h2.mvstore.MVStore;

/**
 * Makes writes durable before they are acknowledged, documents and change log together.
 *
 * <p>The file is committed only while no write is under way, so that a crash never leaves a document without
 * its change or half of a document. Writes that wait at the same time share one commit and one fsync.
 */
final class Commits {
    private static final int LEAST_FILL_PERCENT = 50;
    private static final int MOST_REWRITTEN_BYTES = 4 * 1024 * 1024;

    private final MVStore store;
    private final Runnable afterCommit;
    private final ReadWriteLock writing = new ReentrantReadWriteLock();
    private final AtomicLong written = new AtomicLong();
    private long committed; // both guarded by the exclusive half of `writing`
    private long tidied;

    /**
     * @param afterCommit called after each commit, before any of its writes is acknowledged
     */
    Commits(MVStore store, Runnable afterCommit) {
        this.store = store;
        this.afterCommit = afterCommit;
    }

    /** Runs {@code work}, which changes maps of the store, and returns when its changes are on disk. */
    <T> T write(Supplier<T> work) {
        long number = 0;
        writing.readLock().lock();
        try {
            return work.get();
        } finally {
            number = written.incrementAndGet();
            writing.readLock().unlock();
            commitUpTo(number);
        }
    }

    /** Moves together what is still needed of old commits, so that their space can be used again. */
    void tidy() {
        writing.writeLock().lock();
        try {
            if (tidied == committed) {
                return; // a quiet server leaves its disk alone
            }
            store.compact(LEAST_FILL_PERCENT, MOST_REWRITTEN_BYTES);
            store.commit();
            store.sync();
            tidied = committed;
        } finally {
            writing.writeLock().unlock();
        }
    }

    private void commitUpTo(long number) {
        writing.writeLock().lock();
        try {
            if (committed >= number) {
                return;
            }
            long upTo = written.get();
            store.commit();
            store.sync();
            committed = upTo;
            afterCommit.run();
        } finally {
            writing.writeLock().unlock();
        }
    }
}
