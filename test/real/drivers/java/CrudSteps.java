// Reads and writes of single documents and of many, bulk writes, indexes, and the errors they must end in.
// Invariant: the collection starts empty (dropped first), so that every value is known.

import com.mongodb.MongoBulkWriteException;
import com.mongodb.MongoException;
import com.mongodb.bulk.BulkWriteResult;
import com.mongodb.client.model.BulkWriteOptions;
import com.mongodb.client.model.CountOptions;
import com.mongodb.client.model.DeleteOneModel;
import com.mongodb.client.model.DeleteOptions;
import com.mongodb.client.model.EstimatedDocumentCountOptions;
import com.mongodb.client.model.FindOneAndDeleteOptions;
import com.mongodb.client.model.FindOneAndUpdateOptions;
import com.mongodb.client.model.IndexOptions;
import com.mongodb.client.model.InsertManyOptions;
import com.mongodb.client.model.InsertOneModel;
import com.mongodb.client.model.InsertOneOptions;
import com.mongodb.client.model.ReplaceOneModel;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.ReturnDocument;
import com.mongodb.client.model.UpdateOneModel;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.result.UpdateResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bson.Document;

final class CrudSteps {
  private CrudSteps() {}

  static void addTo(Map<String, Script.Step> steps) {
    addWrites(steps);
    addFindAndModify(steps);
    addReads(steps);
    steps.put("bulkOrdered", CrudSteps::bulkOrdered);
    steps.put("bulkUnordered", CrudSteps::bulkUnordered);
    addAdministration(steps);
  }

  static Document item(int id, int n, String tag) {
    return new Document("_id", id).append("n", n).append("tag", tag);
  }

  static Document byId(Object id) {
    return new Document("_id", id);
  }

  static InsertOneOptions insertAs(String callSite) {
    return new InsertOneOptions().comment(Comments.comment(callSite));
  }

  private static void addWrites(Map<String, Script.Step> steps) {
    steps.put("dropFirst", c -> drop(c));
    steps.put("insertOne", c ->
        c.items().insertOne(item(1, 1, "one"), insertAs("java.insert")).getInsertedId().asInt32().getValue());
    steps.put("insertMany", c -> {
      List<Document> many = new ArrayList<>();
      for (int n = 2; n <= 30; n++) many.add(item(n, n, "new"));
      InsertManyOptions options = new InsertManyOptions().comment(Comments.comment("java.insert"));
      return c.items().insertMany(many, options).getInsertedIds().size();
    });
    steps.put("duplicateKey", c -> {
      try {
        c.items().insertOne(byId(1), insertAs("java.insert"));
        return "inserted";
      } catch (MongoException error) {
        return Errors.codeOf(error);
      }
    });
  }

  static boolean drop(Context c) {
    c.items().drop();
    return true;
  }

  private static List<Long> matched(UpdateResult done) {
    return List.of(done.getMatchedCount(), done.getModifiedCount());
  }

  private static void addFindAndModify(Map<String, Script.Step> steps) {
    steps.put("findOne", c -> {
      Document found = c.items().find(byId(7)).comment(Comments.comment("java.findOne")).first();
      return List.of(found.get("_id"), found.get("n"), found.get("tag"));
    });
    steps.put("findCommentInFilter", c -> {
      Document filter = new Document("n", new Document("$gt", 27)).append("$comment", "java.findCommentInFilter");
      return CursorSteps.ids(c.items().find(filter).sort(byId(1)));
    });
    steps.put("updateOne", c -> matched(c.items().updateOne(
        byId(2), new Document("$inc", new Document("n", 100)), updateAs("java.update"))));
    steps.put("updateMany", c -> matched(c.items().updateMany(
        new Document("n", new Document("$lte", 10)), new Document("$set", new Document("tag", "small")),
        updateAs("java.update"))));
    steps.put("upsert", c -> {
      Document change = new Document("$set", new Document("n", 31).append("tag", "upserted"));
      UpdateResult done = c.items().updateOne(byId(31), change, updateAs("java.update").upsert(true));
      return List.of(done.getMatchedCount(), done.getUpsertedId() == null ? 0 : 1);
    });
    steps.put("replaceOne", c -> matched(c.items().replaceOne(
        byId(3), item(3, 3, "replaced"), new ReplaceOptions().comment(Comments.comment("java.update")))));
    steps.put("findOneAndUpdate", c -> {
      FindOneAndUpdateOptions options = new FindOneAndUpdateOptions()
          .returnDocument(ReturnDocument.AFTER).comment(Comments.comment("java.findAndModify"));
      Document change = new Document("$set", new Document("tag", "taken"));
      Document after = c.items().findOneAndUpdate(byId(4), change, options);
      return List.of(after.get("_id"), after.get("tag"));
    });
    steps.put("findOneAndDelete", c -> c.items().findOneAndDelete(
        byId(30), new FindOneAndDeleteOptions().comment(Comments.comment("java.findAndModify"))).get("_id"));
    steps.put("deleteOne", c -> c.items().deleteOne(byId(29), deleteAs("java.delete")).getDeletedCount());
    steps.put("deleteMany", c -> c.items().deleteMany(
        byId(new Document("$in", List.of(27, 28))), deleteAs("java.delete")).getDeletedCount());
  }

  private static UpdateOptions updateAs(String callSite) {
    return new UpdateOptions().comment(Comments.comment(callSite));
  }

  private static DeleteOptions deleteAs(String callSite) {
    return new DeleteOptions().comment(Comments.comment(callSite));
  }

  private static void addReads(Map<String, Script.Step> steps) {
    steps.put("countDocuments", c -> c.items().countDocuments(
        new Document(), new CountOptions().comment(Comments.comment("java.count"))));
    steps.put("estimatedCount", c -> c.items().estimatedDocumentCount(
        new EstimatedDocumentCountOptions().comment(Comments.comment("java.estimatedCount"))));
    steps.put("distinct", c -> {
      List<String> tags = new ArrayList<>();
      c.items().distinct("tag", String.class).comment(Comments.comment("java.distinct")).into(tags);
      return tags.stream().sorted().toList();
    });
  }

  private static Object bulkOrdered(Context c) {
    BulkWriteResult done = c.items().bulkWrite(List.of(
        new InsertOneModel<>(item(40, 40, "bulk")),
        new InsertOneModel<>(item(41, 41, "bulk")),
        new UpdateOneModel<>(byId(40), new Document("$inc", new Document("n", 1))),
        new ReplaceOneModel<>(byId(41), item(41, 0, "bulk")),
        new DeleteOneModel<>(byId(5))), new BulkWriteOptions().comment(Comments.comment("java.bulkOrdered")));
    return List.of(
        done.getInsertedCount(), done.getMatchedCount(), done.getModifiedCount(), done.getDeletedCount());
  }

  private static Object bulkUnordered(Context c) {
    BulkWriteOptions options = new BulkWriteOptions().ordered(false).comment(Comments.comment("java.bulkUnordered"));
    try {
      c.items().bulkWrite(List.of(
          new InsertOneModel<>(byId(50).append("tag", "bulk")),
          new InsertOneModel<>(byId(1).append("tag", "bulk")),
          new InsertOneModel<>(byId(51).append("tag", "bulk")),
          new DeleteOneModel<>(byId(40))), options);
      return "no error";
    } catch (MongoBulkWriteException error) {
      BulkWriteResult done = error.getWriteResult();
      return List.of(Errors.codeOf(error), done.getInsertedCount(), done.getDeletedCount());
    }
  }

  private static void addAdministration(Map<String, Script.Step> steps) {
    steps.put("createIndex", c -> c.items().createIndex(new Document("n", 1), new IndexOptions().name("by_n")));
    steps.put("listIndexes", c -> {
      List<String> names = new ArrayList<>();
      for (Document found : c.items().listIndexes().comment(Comments.comment("java.listIndexes"))) {
        names.add(found.getString("name"));
      }
      return names.stream().sorted().toList();
    });
    steps.put("listCollections", c -> {
      Document filter = new Document("name", c.items().getNamespace().getCollectionName());
      List<String> names = new ArrayList<>();
      for (Document found : c.db().listCollections().filter(filter).comment(Comments.comment("java.listCollections"))) {
        names.add(found.getString("name").replace(String.valueOf(c.index()), "#"));
      }
      return names;
    });
    steps.put("unknownCommand", c -> {
      try {
        c.db().runCommand(new Document("noSuchCommandAtAll", 1).append("comment", Comments.comment("java.unknownCommand")));
        return "known";
      } catch (MongoException error) {
        return Errors.codeOf(error);
      }
    });
  }
}
