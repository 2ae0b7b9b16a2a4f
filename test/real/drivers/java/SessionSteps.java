// Transactions, a change stream, unacknowledged writes, and the drop at the end.
// Invariant: each client's transactions touch its own collection: concurrent ones on one collection may conflict.

import com.mongodb.WriteConcern;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoChangeStreamCursor;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.CountOptions;
import com.mongodb.client.model.InsertManyOptions;
import com.mongodb.client.model.InsertOneOptions;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.changestream.ChangeStreamDocument;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.bson.BsonString;
import org.bson.Document;

final class SessionSteps {
  private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private SessionSteps() {}

  static void addTo(Map<String, Script.Step> steps) {
    steps.put("transactionCommit", SessionSteps::transactionCommit);
    steps.put("transactionAbort", SessionSteps::transactionAbort);
    steps.put("changeStream", SessionSteps::changeStream);
    steps.put("unacknowledged", SessionSteps::unacknowledged);
    steps.put("dropLast", CrudSteps::drop);
  }

  private static Document tagged(int id, String tag) {
    return CrudSteps.byId(id).append("tag", tag);
  }

  private static long count(Context c, String tag, String callSite) {
    return c.items().countDocuments(
        new Document("tag", tag), new CountOptions().comment(Comments.comment(callSite)));
  }

  private static Object transactionCommit(Context c) {
    String site = "java.transactionCommit";
    List<Object> inside;
    try (ClientSession session = c.client().startSession()) {
      session.startTransaction();
      c.items().insertMany(session, List.of(tagged(60, "txn"), tagged(61, "txn")),
          new InsertManyOptions().comment(Comments.comment(site)));
      c.items().updateOne(session, CrudSteps.byId(60), new Document("$set", new Document("n", 1)),
          new UpdateOptions().comment(Comments.comment(site)));
      inside = CursorSteps.ids(c.items().find(session, new Document("tag", "txn"))
          .batchSize(1).sort(CrudSteps.byId(1)).comment(Comments.comment(site)));
      session.commitTransaction();
    }
    return List.of(inside, count(c, "txn", site));
  }

  private static Object transactionAbort(Context c) {
    String site = "java.transactionAbort";
    try (ClientSession session = c.client().startSession()) {
      session.startTransaction();
      c.items().insertOne(session, tagged(70, "aborted"), CrudSteps.insertAs(site));
      session.abortTransaction();
    }
    return count(c, "aborted", site);
  }

  private static Object changeStream(Context c) {
    // Narrow on purpose: under load the server may show a new stream inserts committed just before it was opened.
    Document watched = new Document("operationType", "insert").append("fullDocument.tag", "watched");
    List<Object> seen = new ArrayList<>();
    // cursor() opens the stream at the server, so that no insert below can come before it.
    try (MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream = c.items()
        .watch(List.of(new Document("$match", watched)))
        .maxAwaitTime(200, TimeUnit.MILLISECONDS)
        .comment(Comments.comment("java.changeStream"))
        .cursor()) {
      for (int id = 80; id < 85; id++) {
        c.items().insertOne(tagged(id, "watched"), CrudSteps.insertAs("java.watchedInsert"));
      }
      long started = System.nanoTime();
      while (seen.size() < 5 && System.nanoTime() - started < DEADLINE_NANOS) {
        ChangeStreamDocument<Document> change = stream.tryNext();
        if (change != null) seen.add(change.getDocumentKey().getInt32("_id").getValue());
      }
    }
    return seen;
  }

  private static Object unacknowledged(Context c) throws InterruptedException {
    MongoCollection<Document> silent = c.items().withWriteConcern(WriteConcern.UNACKNOWLEDGED);
    InsertOneOptions options = new InsertOneOptions().comment(new BsonString("java.unacknowledged"));
    for (int id = 90; id < 95; id++) silent.insertOne(tagged(id, "w0"), options);
    long started = System.nanoTime();
    for (;;) {
      long found = count(c, "w0", "java.count");
      if (found == 5 || System.nanoTime() - started > DEADLINE_NANOS) return found;
      Thread.sleep(50);
    }
  }
}
