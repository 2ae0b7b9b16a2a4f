// What the Java sync driver is recorded doing. Arguments: connection string, scenario (script, login).
// Invariant: it ends with 0 only if every step did what it should.

import static com.mongodb.client.model.Filters.eq;
import static com.mongodb.client.model.Filters.gte;
import static com.mongodb.client.model.Filters.in;
import static com.mongodb.client.model.Updates.inc;
import static com.mongodb.client.model.Updates.set;

import com.mongodb.MongoCommandException;
import com.mongodb.MongoWriteException;
import com.mongodb.WriteConcern;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoCursor;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Aggregates;
import com.mongodb.client.model.DeleteOneModel;
import com.mongodb.client.model.InsertOneModel;
import com.mongodb.client.model.InsertOneOptions;
import com.mongodb.client.model.UpdateOneModel;
import com.mongodb.client.model.UpdateOptions;
import java.util.ArrayList;
import java.util.List;
import org.bson.Document;

public final class Program {
  private Program() {}

  private static Document order(int id, int customer, int qty) {
    return new Document("_id", id).append("customer", customer).append("item", "item " + id).append("qty", qty);
  }

  private static void check(boolean holds, String what) {
    if (!holds) throw new IllegalStateException(what);
  }

  private static void write(MongoCollection<Document> orders) {
    orders.insertOne(order(1, 1, 1), new InsertOneOptions().comment("Shop.java:10 addOne"));
    List<Document> many = new ArrayList<>();
    for (int i = 0; i < 8; i++) many.add(order(10 + i, i % 3, i));
    orders.insertMany(many);
    Document comment = new Document("callingFunction", "Shop.touch").append("user", "u-17");
    orders.updateOne(eq("_id", 1), set("qty", 2), new UpdateOptions().comment(comment.toBsonDocument()));
    orders.updateMany(eq("customer", 2), inc("qty", 1));
    orders.deleteOne(eq("_id", 17));
    orders.bulkWrite(List.of(
        new InsertOneModel<>(order(40, 4, 1)),
        new UpdateOneModel<>(eq("_id", 40), set("qty", 9)),
        new DeleteOneModel<>(eq("_id", 16))));
    orders.findOneAndUpdate(eq("_id", 10), set("qty", 5));
    try {
      orders.insertOne(order(1, 1, 1));
      check(false, "a second document with the same _id");
    } catch (MongoWriteException expected) {
      check(expected.getCode() == 11000, "another error");
    }
  }

  private static void read(MongoDatabase database, MongoCollection<Document> orders) {
    check(orders.find().batchSize(3).comment("Shop.java:31 listAll").into(new ArrayList<>()).size() == 8, "eight orders");
    try (MongoCursor<Document> early = orders.find(in("customer", 0, 1)).batchSize(2).iterator()) {
      early.next();
    }
    orders.aggregate(List.of(
        Aggregates.match(gte("qty", 1)),
        Aggregates.lookup("customers", "customer", "_id", "who"))).comment("Shop.java:40 join").into(new ArrayList<>());
    check(orders.countDocuments() == 8, "eight counted");
    orders.distinct("item", eq("customer", 1), String.class).into(new ArrayList<>());
    try {
      database.runCommand(new Document("find", "orders").append("filter", new Document("$nope", 1)));
      check(false, "an unknown operator passed");
    } catch (MongoCommandException expected) {
      check(expected.getErrorCode() != 0, "no code");
    }
  }

  private static void transact(MongoClient client, MongoCollection<Document> orders) {
    try (ClientSession session = client.startSession()) {
      session.startTransaction();
      orders.insertOne(session, order(50, 5, 1));
      session.commitTransaction();
      session.startTransaction();
      orders.insertOne(session, order(51, 5, 1));
      session.abortTransaction();
    }
  }

  public static void main(String[] arguments) {
    try (MongoClient client = MongoClients.create(arguments[0])) {
      MongoDatabase database = client.getDatabase("fixtures");
      MongoCollection<Document> orders = database.getCollection("orders");
      if (arguments[1].equals("login")) {
        orders.find(eq("_id", 1)).first();
        return;
      }
      database.drop();
      database.getCollection("customers").insertOne(new Document("_id", 1).append("name", "Ada"));
      write(orders);
      read(database, orders);
      transact(client, orders);
      // Answered by nobody: the command behind it shows that it arrived.
      orders.withWriteConcern(WriteConcern.UNACKNOWLEDGED).insertOne(order(60, 6, 1));
      database.runCommand(new Document("ping", 1));
    }
  }
}
