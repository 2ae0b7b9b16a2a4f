// The script, step by step, the same steps with the same values as in ../node/.
// Invariant: a step that throws is a result too, so that all clients print the same number of rows.

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bson.Document;

final class Script {
  interface Step {
    Object run(Context context) throws InterruptedException;
  }

  private static final Map<String, Step> STEPS = steps();

  private Script() {}

  private static Map<String, Step> steps() {
    Map<String, Step> all = new LinkedHashMap<>();
    CrudSteps.addTo(all);
    CursorSteps.addTo(all);
    SessionSteps.addTo(all);
    return all;
  }

  static List<Document> run(Context context, Errors errors) throws InterruptedException {
    List<Document> results = new ArrayList<>();
    for (Map.Entry<String, Step> step : STEPS.entrySet()) {
      Object value;
      try {
        value = step.getValue().run(context);
      } catch (RuntimeException error) {
        errors.add(step.getKey(), error);
        value = "error " + Errors.codeOf(error);
      }
      results.add(new Document("step", step.getKey()).append("value", value));
    }
    return results;
  }
}
