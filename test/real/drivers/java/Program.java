// The Java driver program: runs the script with N separate clients and prints one JSON document on stdout.
// It knows nothing of weir, and is the script of ../node/program.ts in another driver (the contract: ../../report.ts);
// the scenarios `owners` and `load` are the other languages'. Invariant: stdout carries exactly one JSON document.

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoDatabase;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.bson.Document;

public final class Program {
  private static final Logger DRIVER_LOG = Logger.getLogger("org.mongodb.driver");

  private Program() {}

  public static void main(String[] args) throws Exception {
    DRIVER_LOG.setLevel(Level.SEVERE);
    if (!flag(args, "--scenario").equals("script")) throw new IllegalArgumentException("only the scenario script");
    SentLedger sent = new SentLedger();
    Errors errors = new Errors();
    List<MongoClient> clients = new ArrayList<>();
    for (int i = 0; i < Integer.parseInt(flag(args, "--clients")); i++) clients.add(connect(args, sent));
    List<List<Document>> all = runAll(clients, flag(args, "--db"), errors);
    clients.forEach(MongoClient::close);
    List<Document> first = all.get(0);
    Document report = new Document("driver", "java")
        .append("version", "5.14.0")
        .append("scenario", "script")
        .append("clients", clients.size())
        .append("results", first)
        .append("digest", digest(first))
        .append("deviations", deviations(all))
        .append("sent", sent.rows())
        .append("poolCleared", sent.poolCleared())
        .append("errors", errors.rows())
        .append("acknowledged", List.of())
        .append("acknowledgedInLastThreeSeconds", 0)
        .append("latencies", List.of());
    System.out.println(report.toJson());
  }

  private static MongoClient connect(String[] args, SentLedger sent) {
    MongoClientSettings settings = MongoClientSettings.builder()
        .applyConnectionString(new ConnectionString(flag(args, "--uri")))
        .applicationName(flag(args, "--app"))
        .addCommandListener(sent)
        .applyToConnectionPoolSettings(pool -> pool.maxSize(10).addConnectionPoolListener(sent))
        .build();
    return MongoClients.create(settings);
  }

  private static List<List<Document>> runAll(List<MongoClient> clients, String db, Errors errors) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(clients.size());
    List<Callable<List<Document>>> work = new ArrayList<>();
    for (int index = 0; index < clients.size(); index++) {
      MongoDatabase database = clients.get(index).getDatabase(db);
      Context context = new Context(clients.get(index), database, database.getCollection("items_" + index), index);
      work.add(() -> Script.run(context, errors));
    }
    List<List<Document>> results = new ArrayList<>();
    for (var future : threads.invokeAll(work)) results.add(future.get());
    threads.shutdown();
    return results;
  }

  private static List<Document> deviations(List<List<Document>> all) {
    List<Document> found = new ArrayList<>();
    for (int client = 0; client < all.size(); client++) {
      for (int at = 0; at < all.get(client).size(); at++) {
        Object expected = all.get(0).get(at).get("value");
        Document got = all.get(client).get(at);
        if (canonical(expected).equals(canonical(got.get("value"))) || found.size() == 10) continue;
        found.add(new Document("client", client)
            .append("step", got.get("step"))
            .append("expected", expected)
            .append("got", got.get("value")));
      }
    }
    return found;
  }

  private static String digest(List<Document> results) throws Exception {
    MessageDigest hash = MessageDigest.getInstance("SHA-256");
    for (Document row : results) {
      hash.update((row.get("step") + "\t" + canonical(row.get("value")) + "\n").getBytes(StandardCharsets.UTF_8));
    }
    return HexFormat.of().formatHex(hash.digest());
  }

  /** JSON without spaces. The script's values are numbers, truths, plain ASCII texts and lists of these. */
  private static String canonical(Object value) {
    if (value instanceof List<?> list) {
      return "[" + String.join(",", list.stream().map(Program::canonical).toList()) + "]";
    }
    return value instanceof String text ? "\"" + text + "\"" : String.valueOf(value);
  }

  private static String flag(String[] args, String name) {
    for (int i = 0; i + 1 < args.length; i++) if (args[i].equals(name)) return args[i + 1];
    throw new IllegalArgumentException(name + " is missing");
  }
}
