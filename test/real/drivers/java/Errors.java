// Errors as the application saw them: one row per place, code and label set, with the first message of each.
// Invariant: an error without a server's code counts as 0.

import com.mongodb.MongoBulkWriteException;
import com.mongodb.MongoException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.bson.Document;

final class Errors {
  private final Map<String, Document> known = new LinkedHashMap<>();

  synchronized void add(String where, RuntimeException error) {
    List<String> labels = new ArrayList<>();
    if (error instanceof MongoException mongo) labels.addAll(new TreeSet<>(mongo.getErrorLabels()));
    String message = String.valueOf(error.getMessage());
    Document row = known.computeIfAbsent(where + codeOf(error) + labels, key -> new Document("where", where)
        .append("code", codeOf(error))
        .append("labels", labels)
        .append("message", message.substring(0, Math.min(300, message.length())))
        .append("count", 0));
    row.put("count", row.getInteger("count") + 1);
  }

  synchronized List<Document> rows() {
    return new ArrayList<>(known.values());
  }

  /** The server's code; a bulk write's is that of its first failed statement. */
  static int codeOf(RuntimeException error) {
    if (error instanceof MongoBulkWriteException bulk && !bulk.getWriteErrors().isEmpty()) {
      return bulk.getWriteErrors().get(0).getCode();
    }
    return error instanceof MongoException mongo ? Math.max(mongo.getCode(), 0) : 0;
  }
}
