// What a step works on. Invariant: a step's value never names its client or anything random.

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import org.bson.Document;

record Context(MongoClient client, MongoDatabase db, MongoCollection<Document> items, int index) {}
