// What this program's clients sent and how often their pools were cleared, from the driver's own events.
// Call sites are read from the comments as they were really sent.
// Invariant: getMore and killCursors are counted under the call site of the command that opened their cursor.

import com.mongodb.event.CommandFailedEvent;
import com.mongodb.event.CommandListener;
import com.mongodb.event.CommandStartedEvent;
import com.mongodb.event.CommandSucceededEvent;
import com.mongodb.event.ConnectionPoolClearedEvent;
import com.mongodb.event.ConnectionPoolListener;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bson.BsonDocument;
import org.bson.BsonValue;
import org.bson.Document;

final class SentLedger implements CommandListener, ConnectionPoolListener {
  private static final Set<String> NO_COLLECTION =
      Set.of("listCollections", "endSessions", "commitTransaction", "abortTransaction");

  private record Key(String command, String db, String collection, String callSite) {}

  private final Map<Key, Integer> counts = new HashMap<>();
  private final Map<Integer, String> pending = new HashMap<>();
  private final Map<Long, String> openers = new HashMap<>();
  private int cleared;

  @Override
  public synchronized void commandStarted(CommandStartedEvent event) {
    BsonDocument command = event.getCommand();
    String name = event.getCommandName();
    String site = callSite(name, command);
    pending.put(event.getRequestId(), site);
    counts.merge(new Key(name, event.getDatabaseName(), collectionOf(name, command), site), 1, Integer::sum);
  }

  @Override
  public synchronized void commandSucceeded(CommandSucceededEvent event) {
    String site = pending.remove(event.getRequestId());
    BsonDocument reply = event.getResponse();
    if (reply == null || !reply.isDocument("cursor") || event.getCommandName().equals("getMore")) return;
    BsonValue id = reply.getDocument("cursor").get("id");
    if (id != null && id.isInt64() && id.asInt64().getValue() != 0) openers.put(id.asInt64().getValue(), site);
  }

  @Override
  public synchronized void commandFailed(CommandFailedEvent event) {
    pending.remove(event.getRequestId());
  }

  @Override
  public synchronized void connectionPoolCleared(ConnectionPoolClearedEvent event) {
    cleared++;
  }

  synchronized int poolCleared() {
    return cleared;
  }

  synchronized List<Document> rows() {
    List<Document> rows = new ArrayList<>();
    counts.forEach((key, count) -> rows.add(
        new Document("command", key.command)
            .append("db", key.db)
            .append("collection", key.collection)
            .append("callSite", key.callSite)
            .append("count", count)));
    return rows;
  }

  private String callSite(String name, BsonDocument command) {
    BsonValue cursor = null;
    if (name.equals("getMore")) cursor = command.get("getMore");
    if (name.equals("killCursors")) cursor = command.getArray("cursors").get(0);
    String opener = cursor == null ? null : openers.get(cursor.asInt64().getValue());
    return opener == null ? Comments.callSiteOf(commentOf(command)) : opener;
  }

  private static String collectionOf(String name, BsonDocument command) {
    if (name.equals("getMore")) return command.getString("collection").getValue();
    BsonValue first = command.get(name);
    if (name.equals("aggregate") && !first.isString()) return "$cmd.aggregate";
    return first.isString() && !NO_COLLECTION.contains(name) ? first.asString().getValue() : "";
  }

  private static BsonValue commentOf(BsonDocument command) {
    if (command.containsKey("comment")) return command.get("comment");
    for (String field : List.of("filter", "query")) {
      if (command.isDocument(field)) return command.getDocument(field).get("$comment");
    }
    for (String field : List.of("updates", "deletes")) {
      if (command.isArray(field)) return command.getArray(field).get(0).asDocument().getDocument("q").get("$comment");
    }
    return null;
  }
}
