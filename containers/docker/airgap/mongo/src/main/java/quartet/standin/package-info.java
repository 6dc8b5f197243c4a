/**
 * A stand-in for a MongoDB replica set of one member, for machines where no MongoDB image can be pulled.
 *
 * <p>mongo-java-server answers the wire protocol and keeps documents in an H2 file. What it lacks, and what
 * Debezium and the drivers need of a replica set, is here:
 *
 * <pre>
 * Main            settings, file, start and stop
 * WireServer      connections, one thread for each
 * Standin         which command goes where
 *   ReplicaSet      who we are: hello, replSetGetStatus
 *   Refusals        what is answered with MongoDB's own error, because it would be done wrongly
 *   Commits         one durable commit for the documents and what goes with them
 *   RetryMemory     a write that a driver sends twice is done once
 *   CapturedCollection   notes each change of a document
 *     Difference      what an update has changed
 *     ChangeLog       the durable list of changes, in order of time
 *   ChangeStreams   open cursors on the change log
 *     ChangeStream    one of them
 *     ResumeToken     a place in the log, as clients see it
 *   Expiry          deletes what a TTL index says is over
 * AskHello        asks a server for hello, for the readiness probe
 * </pre>
 */
package quartet.standin;
