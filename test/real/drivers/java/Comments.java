// Comments in the four forms that applications use, and the call site that each of them names.
// Written from the rules of the design, not from weir's extractor: the two must agree by themselves.
// Invariant: no two comments made here are equal, as in production, where each carries a request id.

import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bson.BsonDocument;
import org.bson.BsonString;
import org.bson.BsonValue;

final class Comments {
  private static final AtomicLong MADE = new AtomicLong();
  private static final Pattern KEY_LIST = Pattern.compile("^callsite='([^']*)'");

  private Comments() {}

  /** A fresh comment; the form changes with every call: document, JSON text, key list, plain text. */
  static BsonValue comment(String callSite) {
    String id = UUID.randomUUID().toString();
    String trace = "00-" + id.replace("-", "") + "-00f067aa0ba902b7-01";
    return switch ((int) (MADE.getAndIncrement() % 4)) {
      case 0 -> new BsonDocument("callingFunction", new BsonString(callSite)).append("traceparent", new BsonString(trace));
      case 1 -> new BsonString(
          "{\"hostname\": \"h1\", \"httpUniqueId\": \"" + id + "\", \"callingFunction\": \"" + callSite + "\"}");
      case 2 -> new BsonString("callsite='" + callSite + "',traceparent='" + trace + "'");
      default -> new BsonString(callSite);
    };
  }

  /** The call site that a comment names; "-" when there is none. */
  static String callSiteOf(BsonValue value) {
    if (value == null) return "-";
    if (value.isDocument()) return value.asDocument().getString("callingFunction").getValue();
    if (!value.isString()) return "-";
    String text = value.asString().getValue();
    if (text.startsWith("{")) return BsonDocument.parse(text).getString("callingFunction").getValue();
    Matcher found = KEY_LIST.matcher(text);
    return found.find() ? found.group(1) : text;
  }
}
