/* The libmongoc driver program: runs the script with N separate clients, one after the other, and prints one JSON
   document on stdout (the contract: ../../report.ts). It knows nothing of weir; the scenarios `owners` and `load` are
   the other languages'. Invariant: stdout carries exactly one JSON document. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "script.h"

#define MOST_CLIENTS 10

static const char *flag(int count, char **arguments, const char *name) {
  for (int at = 1; at + 1 < count; at++)
    if (strcmp(arguments[at], name) == 0) return arguments[at + 1];
  fprintf(stderr, "%s is missing\n", name);
  exit(1);
}

static mongoc_client_t *connect_to(const char *address, const char *app, ledger_t *ledger) {
  bson_error_t error;
  mongoc_uri_t *uri = mongoc_uri_new_with_error(address, &error);
  if (uri == NULL || !mongoc_uri_set_appname(uri, app)) {
    fprintf(stderr, "connection string: %s\n", uri == NULL ? error.message : app);
    exit(1);
  }
  mongoc_client_t *client = mongoc_client_new_from_uri(uri);
  mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
  ledger_watch(ledger, client);
  mongoc_uri_destroy(uri);
  return client;
}

static void run_client(mongoc_client_t *client, const char *db, int index, bson_t *errors, bson_t *results) {
  char name[32];
  snprintf(name, sizeof name, "items_%d", index);
  mongoc_collection_t *items = mongoc_client_get_collection(client, db, name);
  context_t context = {
      .client = client, .items = items, .errors = errors, .error_count = (int)bson_count_keys(errors), .step = ""};
  run_script(&context, results);
  mongoc_collection_destroy(items);
  mongoc_client_destroy(client);
}

/* One row if this client's results are not the first one's. */
static void append_deviation(bson_t *deviations, int client, const bson_t *expected, const bson_t *got) {
  char key[16];
  if (bson_equal(expected, got)) return;
  snprintf(key, sizeof key, "%u", bson_count_keys(deviations));
  bson_t *row = BCON_NEW("client", BCON_INT32(client), "step", BCON_UTF8("any"), "expected", BCON_ARRAY(expected), "got",
                         BCON_ARRAY(got));
  BSON_APPEND_DOCUMENT(deviations, key, row);
  bson_destroy(row);
}

int main(int count, char **arguments) {
  const char *uri = flag(count, arguments, "--uri"), *app = flag(count, arguments, "--app");
  const char *db = flag(count, arguments, "--db");
  int clients = atoi(flag(count, arguments, "--clients"));
  if (strcmp(flag(count, arguments, "--scenario"), "script") != 0 || clients < 1 || clients > MOST_CLIENTS) {
    fprintf(stderr, "only the scenario script, with 1 to %d clients\n", MOST_CLIENTS);
    return 1;
  }
  mongoc_init();
  ledger_t *ledger = ledger_new();
  bson_t errors = BSON_INITIALIZER, deviations = BSON_INITIALIZER, none = BSON_INITIALIZER;
  bson_t first = BSON_INITIALIZER;
  for (int index = 0; index < clients; index++) {
    bson_t results = BSON_INITIALIZER;
    run_client(connect_to(uri, app, ledger), db, index, &errors, &results);
    if (index == 0) bson_concat(&first, &results);
    append_deviation(&deviations, index, &first, &results);
    bson_destroy(&results);
  }
  bson_t *report = BCON_NEW("driver", BCON_UTF8("c"), "version", BCON_UTF8(mongoc_get_version()), "scenario",
                            BCON_UTF8("script"), "clients", BCON_INT32(clients), "digest", BCON_UTF8(""), "results",
                            BCON_ARRAY(&first), "deviations", BCON_ARRAY(&deviations), "errors", BCON_ARRAY(&errors),
                            "acknowledged", BCON_ARRAY(&none), "latencies", BCON_ARRAY(&none));
  BSON_APPEND_INT32(report, "acknowledgedInLastThreeSeconds", 0);
  /* libmongoc 1.23 tells nothing of its pools, and these clients have none. */
  BSON_APPEND_INT32(report, "poolCleared", 0);
  ledger_append(ledger, report);
  char *text = bson_as_relaxed_extended_json(report, NULL);
  puts(text);
  bson_free(text);
  bson_destroy(report);
  ledger_destroy(ledger);
  mongoc_cleanup();
  return 0;
}
