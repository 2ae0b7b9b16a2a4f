// Cursors of several batches: read to the end, read crossed, given up early; aggregates the same.
// Invariant: every cursor here needs at least two getMores, else it would prove nothing.

import com.mongodb.client.MongoCursor;
import com.mongodb.client.MongoIterable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bson.Document;

final class CursorSteps {
  private CursorSteps() {}

  static void addTo(Map<String, Script.Step> steps) {
    steps.put("findInBatches", c -> ids(c.items().find(new Document())
        .batchSize(4).sort(CrudSteps.byId(1)).comment(Comments.comment("java.findInBatches"))));
    steps.put("aggregateInBatches", c -> ids(c.items().aggregate(List.of(
        new Document("$match", CrudSteps.byId(new Document("$lte", 20))),
        new Document("$sort", CrudSteps.byId(-1)),
        new Document("$project", CrudSteps.byId(1))))
        .batchSize(3).comment(Comments.comment("java.aggregateInBatches"))));
    steps.put("aggregateGroup", CursorSteps::aggregateGroup);
    steps.put("crossedCursors", CursorSteps::crossedCursors);
    steps.put("cursorGivenUp", CursorSteps::cursorGivenUp);
  }

  static List<Object> ids(MongoIterable<Document> found) {
    List<Object> ids = new ArrayList<>();
    for (Document document : found) ids.add(document.get("_id"));
    return ids;
  }

  private static Object aggregateGroup(Context c) {
    List<Object> rows = new ArrayList<>();
    Document group = new Document("_id", "$tag").append("sum", new Document("$sum", "$n"));
    var found = c.items()
        .aggregate(List.of(new Document("$group", group), new Document("$sort", CrudSteps.byId(1))))
        .comment(Comments.comment("java.aggregateGroup"));
    for (Document row : found) rows.add(List.of(row.get("_id"), row.get("sum")));
    return rows;
  }

  private static Object crossedCursors(Context c) {
    List<MongoCursor<Document>> cursors = new ArrayList<>();
    List<List<Object>> ids = new ArrayList<>();
    for (int low = 0; low < 5; low++) {
      cursors.add(c.items().find(CrudSteps.byId(new Document("$gt", low)))
          .batchSize(3).limit(12).sort(CrudSteps.byId(1)).comment(Comments.comment("java.crossedCursors")).iterator());
      ids.add(new ArrayList<>());
    }
    for (boolean open = true; open; ) {
      open = false;
      for (int at = 0; at < cursors.size(); at++) {
        if (!cursors.get(at).hasNext()) continue;
        ids.get(at).add(cursors.get(at).next().get("_id"));
        open = true;
      }
    }
    return ids;
  }

  private static Object cursorGivenUp(Context c) {
    List<Object> ids = new ArrayList<>();
    try (MongoCursor<Document> cursor = c.items().find(new Document())
        .batchSize(2).sort(CrudSteps.byId(1)).comment(Comments.comment("java.cursorGivenUp")).iterator()) {
      for (int i = 0; i < 3; i++) ids.add(cursor.next().get("_id"));
    }
    return ids;
  }
}
