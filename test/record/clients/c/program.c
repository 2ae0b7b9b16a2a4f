/* What libmongoc is recorded doing. Arguments: connection string, scenario (script, login).
   Invariant: it ends with 0 only if every step did what it should. */
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bson_error_t error;

static void must(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "%s: %s\n", what, error.message);
  exit(1);
}

static bson_t *order(int id, int customer, int qty) {
  return BCON_NEW("_id", BCON_INT32(id), "customer", BCON_INT32(customer), "item", BCON_UTF8("an item"), "qty",
                  BCON_INT32(qty));
}

static bool insert(mongoc_collection_t *orders, int id, const bson_t *options) {
  bson_t *document = order(id, id % 3, id);
  bool ok = mongoc_collection_insert_one(orders, document, options, NULL, &error);
  bson_destroy(document);
  return ok;
}

static int drain(mongoc_cursor_t *cursor) {
  const bson_t *document;
  int count = 0;
  while (mongoc_cursor_next(cursor, &document)) count++;
  must(!mongoc_cursor_error(cursor, &error), "cursor");
  mongoc_cursor_destroy(cursor);
  return count;
}

static void write_some(mongoc_collection_t *orders) {
  bson_t *commented = BCON_NEW("comment", "shop.c:10 add_one");
  must(insert(orders, 1, commented), "insert one");
  bson_t *many[8];
  for (int i = 0; i < 8; i++) many[i] = order(10 + i, i % 3, i);
  must(mongoc_collection_insert_many(orders, (const bson_t **)many, 8, NULL, NULL, &error), "insert many");
  bson_t *one = BCON_NEW("_id", BCON_INT32(1));
  bson_t *set = BCON_NEW("$set", "{", "qty", BCON_INT32(2), "}");
  must(mongoc_collection_update_one(orders, one, set, NULL, NULL, &error), "update one");
  bson_t *two = BCON_NEW("customer", BCON_INT32(2));
  bson_t *increment = BCON_NEW("$inc", "{", "qty", BCON_INT32(1), "}");
  must(mongoc_collection_update_many(orders, two, increment, NULL, NULL, &error), "update many");
  bson_t *last = BCON_NEW("_id", BCON_INT32(17));
  must(mongoc_collection_delete_one(orders, last, NULL, NULL, &error), "delete one");
  mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(orders, NULL);
  bson_t *added = order(40, 4, 1);
  bson_t *forty = BCON_NEW("_id", BCON_INT32(40));
  bson_t *sixteen = BCON_NEW("_id", BCON_INT32(16));
  mongoc_bulk_operation_insert(bulk, added);
  must(mongoc_bulk_operation_update_one_with_opts(bulk, forty, set, NULL, &error), "bulk update");
  must(mongoc_bulk_operation_remove_one_with_opts(bulk, sixteen, NULL, &error), "bulk delete");
  must(mongoc_bulk_operation_execute(bulk, NULL, &error) != 0, "bulk");
  must(!insert(orders, 1, NULL), "a second document with the same _id");
}

static void read_some(mongoc_collection_t *orders, mongoc_database_t *database) {
  bson_t all = BSON_INITIALIZER;
  bson_t *batches = BCON_NEW("batchSize", BCON_INT32(3), "comment", "shop.c:31 list_all");
  must(drain(mongoc_collection_find_with_opts(orders, &all, batches, NULL)) == 8, "eight orders");
  bson_t *pairs = BCON_NEW("batchSize", BCON_INT32(2));
  mongoc_cursor_t *early = mongoc_collection_find_with_opts(orders, &all, pairs, NULL);
  const bson_t *document;
  must(mongoc_cursor_next(early, &document), "first of many");
  mongoc_cursor_destroy(early);
  bson_t *pipeline = BCON_NEW("pipeline", "[", "{", "$match", "{", "qty", "{", "$gte", BCON_INT32(1), "}", "$comment",
                              "shop.c:40 join", "}", "}", "{", "$lookup", "{", "from", "customers", "localField",
                              "customer", "foreignField", "_id", "as", "who", "}", "}", "]");
  drain(mongoc_collection_aggregate(orders, MONGOC_QUERY_NONE, pipeline, NULL, NULL));
  must(mongoc_collection_count_documents(orders, &all, NULL, NULL, NULL, &error) == 8, "eight counted");
  bson_t *wrong = BCON_NEW("find", "orders", "filter", "{", "$nope", BCON_INT32(1), "}");
  must(!mongoc_database_command_simple(database, wrong, NULL, NULL, &error), "an unknown operator");
}

static void transact(mongoc_client_t *client, mongoc_collection_t *orders) {
  mongoc_client_session_t *session = mongoc_client_start_session(client, NULL, &error);
  must(session != NULL, "session");
  bson_t options = BSON_INITIALIZER;
  must(mongoc_client_session_append(session, &options, &error), "session option");
  must(mongoc_client_session_start_transaction(session, NULL, &error), "begin");
  must(insert(orders, 50, &options), "insert in a transaction");
  must(mongoc_client_session_commit_transaction(session, NULL, &error), "commit");
  must(mongoc_client_session_start_transaction(session, NULL, &error), "begin again");
  must(insert(orders, 51, &options), "insert in a second transaction");
  must(mongoc_client_session_abort_transaction(session, &error), "abort");
  mongoc_client_session_destroy(session);
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  mongoc_init();
  mongoc_client_t *client = mongoc_client_new(arguments[1]);
  must(client != NULL, "connection string");
  mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
  mongoc_database_t *database = mongoc_client_get_database(client, "fixtures");
  mongoc_collection_t *orders = mongoc_client_get_collection(client, "fixtures", "orders");
  if (strcmp(arguments[2], "login") == 0) {
    bson_t *one = BCON_NEW("_id", BCON_INT32(1));
    drain(mongoc_collection_find_with_opts(orders, one, NULL, NULL));
  } else {
    must(mongoc_database_drop(database, &error), "drop");
    mongoc_collection_t *customers = mongoc_client_get_collection(client, "fixtures", "customers");
    must(insert(customers, 1, NULL), "customer");
    write_some(orders);
    read_some(orders, database);
    transact(client, orders);
    /* Answered by nobody: the command behind it shows that it arrived. */
    bson_t *silent = BCON_NEW("writeConcern", "{", "w", BCON_INT32(0), "}");
    must(insert(orders, 60, silent), "unacknowledged insert");
    bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
    must(mongoc_database_command_simple(database, ping, NULL, NULL, &error), "ping");
    mongoc_collection_destroy(customers);
  }
  mongoc_collection_destroy(orders);
  mongoc_database_destroy(database);
  mongoc_client_destroy(client);
  mongoc_cleanup();
  return 0;
}
