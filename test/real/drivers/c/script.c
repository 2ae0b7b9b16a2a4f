/* The script, step by step, for libmongoc: a part of the steps of the other languages, with results of its own.
   Invariant: a step's value is a list of integers that names neither its client nor anything random; what a step did
   not expect becomes a row of `errors`. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>

#define CHANGES 5
#define NAMESPACE_NOT_FOUND 26
#define MOST_WAITS 300

static void append(bson_t *array, int value) {
  char key[16];
  snprintf(key, sizeof key, "%u", bson_count_keys(array));
  BSON_APPEND_INT32(array, key, value);
}

static bool check(context_t *context, bool ok, const bson_error_t *error) {
  if (ok) return true;
  char key[16];
  snprintf(key, sizeof key, "%d", context->error_count++);
  bson_t *row = BCON_NEW("where", BCON_UTF8(context->step), "code", BCON_INT32((int)error->code), "labels", "[", "]",
                         "message", BCON_UTF8(error->message), "count", BCON_INT32(1));
  BSON_APPEND_DOCUMENT(context->errors, key, row);
  bson_destroy(row);
  return false;
}

/* Adds a fresh comment to a command's options: document, JSON text, key list, plain text in turn. */
static bson_t *commented(bson_t *options, const char *site) {
  static unsigned made = 0;
  char text[200];
  unsigned number = made++;
  bson_t *document;
  switch (number % 4) {
    case 0:
      document = BCON_NEW("callingFunction", BCON_UTF8(site), "number", BCON_INT32((int)number));
      BSON_APPEND_DOCUMENT(options, "comment", document);
      bson_destroy(document);
      return options;
    case 1:
      snprintf(text, sizeof text, "{\"hostname\": \"h1\", \"httpUniqueId\": \"%u\", \"callingFunction\": \"%s\"}", number,
               site);
      break;
    case 2:
      snprintf(text, sizeof text, "callsite='%s',traceparent='00-%032x-00f067aa0ba902b7-01'", site, number);
      break;
    default:
      snprintf(text, sizeof text, "%s", site);
  }
  BSON_APPEND_UTF8(options, "comment", text);
  return options;
}

static bson_t *comment(const char *site) { return commented(bson_new(), site); }

static bson_t *item(int id, const char *tag) {
  return BCON_NEW("_id", BCON_INT32(id), "n", BCON_INT32(id), "tag", BCON_UTF8(tag));
}

static int field(const bson_t *document, const char *name) {
  bson_iter_t found;
  return bson_iter_init_find(&found, document, name) ? (int)bson_iter_as_int64(&found) : -1;
}

/* Inserts one document; owns `options`. */
static bool insert(context_t *context, int id, const char *tag, bson_t *options, bson_error_t *error) {
  bson_t *document = item(id, tag);
  bool ok = mongoc_collection_insert_one(context->items, document, options, NULL, error);
  bson_destroy(document);
  bson_destroy(options);
  return ok;
}

/* Appends the ids of a cursor's documents, at most so many; owns the cursor. */
static void append_ids(context_t *context, mongoc_cursor_t *cursor, int most, bson_t *value) {
  const bson_t *document;
  bson_error_t error;
  while (most-- > 0 && mongoc_cursor_next(cursor, &document)) append(value, field(document, "_id"));
  check(context, !mongoc_cursor_error(cursor, &error), &error);
  mongoc_cursor_destroy(cursor);
}

/* Appends how many documents have this tag. */
static int append_count(context_t *context, const char *tag, bson_t *value) {
  bson_error_t error;
  bson_t *filter = BCON_NEW("tag", BCON_UTF8(tag));
  bson_t *options = comment("c.count");
  int found = (int)mongoc_collection_count_documents(context->items, filter, options, NULL, NULL, &error);
  check(context, found >= 0, &error);
  bson_destroy(filter);
  bson_destroy(options);
  if (value != NULL) append(value, found);
  return found;
}

static void drop(context_t *context, bson_t *value) {
  bson_error_t error;
  bson_t *options = comment("c.drop");
  bool ok = mongoc_collection_drop_with_opts(context->items, options, &error);
  /* Not there at the first time, which some servers call an error. */
  if (ok || error.code != NAMESPACE_NOT_FOUND) check(context, ok, &error);
  bson_destroy(options);
  append(value, 1);
}

static void insert_some(context_t *context, bson_t *value) {
  bson_error_t error;
  bson_t *many[29], reply;
  check(context, insert(context, 1, "one", comment("c.insert"), &error), &error);
  for (int at = 0; at < 29; at++) many[at] = item(at + 2, "new");
  bson_t *options = comment("c.insert");
  bool ok = mongoc_collection_insert_many(context->items, (const bson_t **)many, 29, options, &reply, &error);
  if (check(context, ok, &error)) append(value, field(&reply, "insertedCount"));
  for (int at = 0; at < 29; at++) bson_destroy(many[at]);
  bson_destroy(options);
  bson_destroy(&reply);
}

static void duplicate_key(context_t *context, bson_t *value) {
  bson_error_t error;
  append(value, insert(context, 1, "again", comment("c.insert"), &error) ? 0 : (int)error.code);
}

static void update(context_t *context, bson_t *value) {
  bson_error_t error;
  bson_t *filter = BCON_NEW("n", "{", "$lte", BCON_INT32(10), "}");
  bson_t *change = BCON_NEW("$set", "{", "tag", BCON_UTF8("small"), "}");
  bson_t *options = comment("c.update"), reply;
  bool ok = mongoc_collection_update_many(context->items, filter, change, options, &reply, &error);
  if (check(context, ok, &error)) append(value, field(&reply, "modifiedCount"));
  bson_destroy(filter);
  bson_destroy(change);
  bson_destroy(options);
  bson_destroy(&reply);
}

static void delete_some(context_t *context, bson_t *value) {
  bson_error_t error;
  bson_t *filter = BCON_NEW("_id", "{", "$gte", BCON_INT32(28), "}");
  bson_t *options = comment("c.delete"), reply;
  bool ok = mongoc_collection_delete_many(context->items, filter, options, &reply, &error);
  if (check(context, ok, &error)) append(value, field(&reply, "deletedCount"));
  bson_destroy(filter);
  bson_destroy(options);
  bson_destroy(&reply);
}

static void bulk(context_t *context, bson_t *value) {
  bson_error_t error;
  bson_t *options = comment("c.bulk"), reply;
  bson_t *added = item(40, "bulk");
  bson_t *forty = BCON_NEW("_id", BCON_INT32(40));
  bson_t *five = BCON_NEW("_id", BCON_INT32(5));
  bson_t *change = BCON_NEW("$inc", "{", "n", BCON_INT32(1), "}");
  mongoc_bulk_operation_t *batch = mongoc_collection_create_bulk_operation_with_opts(context->items, options);
  mongoc_bulk_operation_insert(batch, added);
  check(context, mongoc_bulk_operation_update_one_with_opts(batch, forty, change, NULL, &error), &error);
  check(context, mongoc_bulk_operation_remove_one_with_opts(batch, five, NULL, &error), &error);
  check(context, mongoc_bulk_operation_execute(batch, &reply, &error) != 0, &error);
  append(value, field(&reply, "nInserted"));
  append(value, field(&reply, "nModified"));
  append(value, field(&reply, "nRemoved"));
  mongoc_bulk_operation_destroy(batch);
  bson_destroy(options);
  bson_destroy(added);
  bson_destroy(forty);
  bson_destroy(five);
  bson_destroy(change);
  bson_destroy(&reply);
}

static void find(context_t *context, bson_t *value) {
  bson_t *all = bson_new();
  bson_t *options = commented(BCON_NEW("batchSize", BCON_INT32(4), "sort", "{", "_id", BCON_INT32(1), "}"), "c.find");
  append_ids(context, mongoc_collection_find_with_opts(context->items, all, options, NULL), 1000, value);
  bson_destroy(all);
  bson_destroy(options);
}

static void find_comment_in_filter(context_t *context, bson_t *value) {
  bson_t *filter = BCON_NEW("n", "{", "$gt", BCON_INT32(25), "}", "$comment", "c.findCommentInFilter");
  bson_t *options = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}");
  append_ids(context, mongoc_collection_find_with_opts(context->items, filter, options, NULL), 1000, value);
  bson_destroy(filter);
  bson_destroy(options);
}

static void give_up_cursor(context_t *context, bson_t *value) {
  bson_t *all = bson_new();
  bson_t *options = commented(BCON_NEW("batchSize", BCON_INT32(2), "sort", "{", "_id", BCON_INT32(1), "}"), "c.givenUp");
  append_ids(context, mongoc_collection_find_with_opts(context->items, all, options, NULL), 3, value);
  bson_destroy(all);
  bson_destroy(options);
}

static void aggregate(context_t *context, bson_t *value) {
  bson_t *pipeline = BCON_NEW("pipeline", "[", "{", "$match", "{", "_id", "{", "$lte", BCON_INT32(20), "}", "}", "}", "{",
                              "$sort", "{", "_id", BCON_INT32(-1), "}", "}", "]");
  bson_t *options = commented(BCON_NEW("batchSize", BCON_INT32(3)), "c.aggregate");
  mongoc_cursor_t *cursor =
      mongoc_collection_aggregate(context->items, MONGOC_QUERY_NONE, pipeline, options, NULL);
  append_ids(context, cursor, 1000, value);
  bson_destroy(pipeline);
  bson_destroy(options);
}

static void transaction(context_t *context, bson_t *value) {
  bson_error_t error;
  mongoc_client_session_t *session = mongoc_client_start_session(context->client, NULL, &error);
  if (!check(context, session != NULL, &error)) return;
  for (int round = 0; round < 2; round++) {
    bson_t *options = comment("c.transaction");
    check(context, mongoc_client_session_start_transaction(session, NULL, &error), &error);
    check(context, mongoc_client_session_append(session, options, &error), &error);
    check(context, insert(context, 60 + round, "txn", options, &error), &error);
    bool ok = round == 0 ? mongoc_client_session_commit_transaction(session, NULL, &error)
                         : mongoc_client_session_abort_transaction(session, &error);
    check(context, ok, &error);
    append_count(context, "txn", value);
  }
  mongoc_client_session_destroy(session);
}

static void change_stream(context_t *context, bson_t *value) {
  bson_error_t error;
  const bson_t *change, *failure;
  bson_t *pipeline = BCON_NEW("pipeline", "[", "{", "$match", "{", "fullDocument.tag", BCON_UTF8("watched"), "}", "}", "]");
  bson_t *options = commented(BCON_NEW("maxAwaitTimeMS", BCON_INT32(200)), "c.changeStream");
  mongoc_change_stream_t *stream = mongoc_collection_watch(context->items, pipeline, options);
  /* The stream is open at the server from here on. */
  for (int n = 0; n < CHANGES; n++) check(context, insert(context, 80 + n, "watched", comment("c.insert"), &error), &error);
  for (int seen = 0, waits = 0; seen < CHANGES && waits < MOST_WAITS; waits++) {
    if (!mongoc_change_stream_next(stream, &change)) {
      if (!check(context, !mongoc_change_stream_error_document(stream, &error, &failure), &error)) break;
      continue;
    }
    bson_iter_t top, id;
    bool ok = bson_iter_init(&top, change) && bson_iter_find_descendant(&top, "documentKey._id", &id);
    append(value, ok ? (int)bson_iter_as_int64(&id) : -1);
    seen++;
  }
  mongoc_change_stream_destroy(stream);
  bson_destroy(pipeline);
  bson_destroy(options);
}

static void unacknowledged(context_t *context, bson_t *value) {
  bson_error_t error;
  for (int n = 0; n < 5; n++) {
    bson_t *options = BCON_NEW("writeConcern", "{", "w", BCON_INT32(0), "}", "comment", "c.unacknowledged");
    check(context, insert(context, 90 + n, "w0", options, &error), &error);
  }
  for (int waits = 0; waits < MOST_WAITS && append_count(context, "w0", NULL) < 5; waits++) continue;
  append_count(context, "w0", value);
}

void run_script(context_t *context, bson_t *results) {
  static const struct {
    const char *name;
    void (*run)(context_t *context, bson_t *value);
  } steps[] = {
      {"dropFirst", drop},
      {"insert", insert_some},
      {"duplicateKey", duplicate_key},
      {"update", update},
      {"delete", delete_some},
      {"bulk", bulk},
      {"find", find},
      {"findCommentInFilter", find_comment_in_filter},
      {"cursorGivenUp", give_up_cursor},
      {"aggregate", aggregate},
      {"transaction", transaction},
      {"changeStream", change_stream},
      {"unacknowledged", unacknowledged},
      {"dropLast", drop},
  };
  for (size_t at = 0; at < sizeof steps / sizeof *steps; at++) {
    char key[16];
    bson_t row, value;
    snprintf(key, sizeof key, "%zu", at);
    BSON_APPEND_DOCUMENT_BEGIN(results, key, &row);
    BSON_APPEND_UTF8(&row, "step", steps[at].name);
    BSON_APPEND_ARRAY_BEGIN(&row, "value", &value);
    context->step = steps[at].name;
    steps[at].run(context, &value);
    bson_append_array_end(&row, &value);
    bson_append_document_end(results, &row);
  }
}
