/* What this program's clients sent, from the driver's own events; call sites are read from the comments as they were
   really sent. Its clients are used by one thread only. Invariant: getMore and killCursors are counted under the call
   site of the command that opened their cursor; a full table ends the program, nothing is left out in silence. */
#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 500
#define MOST_CURSORS 500
#define NAME_BYTES 128

typedef struct {
  char command[NAME_BYTES], db[NAME_BYTES], collection[NAME_BYTES], site[NAME_BYTES];
  int count;
} row_t;

typedef struct {
  int64_t id;
  char site[NAME_BYTES];
} opener_t;

struct ledger {
  row_t rows[MOST_ROWS];
  int row_count;
  opener_t openers[MOST_CURSORS];
  int opener_count;
  /* Site of the command that waits for its reply: one client, one command at a time. */
  char pending[NAME_BYTES];
};

static void copy(char *to, const char *from) { snprintf(to, NAME_BYTES, "%s", from); }

static void give_up(const char *what) {
  fprintf(stderr, "ledger: %s\n", what);
  exit(1);
}

static const char *text_at(const bson_t *document, const char *path) {
  bson_iter_t top, found;
  bool is_text = bson_iter_init(&top, document) && bson_iter_find_descendant(&top, path, &found) &&
                 BSON_ITER_HOLDS_UTF8(&found);
  return is_text ? bson_iter_utf8(&found, NULL) : NULL;
}

/* A text comment: JSON, a list of keys, or the call site itself. */
static void site_of_text(const char *text, char *site) {
  const char *key = "callsite='";
  copy(site, text);
  if (text[0] == '{') {
    bson_t *document = bson_new_from_json((const uint8_t *)text, -1, NULL);
    const char *value = document == NULL ? NULL : text_at(document, "callingFunction");
    copy(site, value == NULL ? "-" : value);
    bson_destroy(document);
  } else if (strncmp(text, key, strlen(key)) == 0) {
    copy(site, text + strlen(key));
    site[strcspn(site, "'")] = '\0';
  }
}

static void site_of_comment(const bson_t *command, char *site) {
  const char *paths[] = {"comment", "filter.$comment", "query.$comment", "updates.0.q.$comment",
                         "deletes.0.q.$comment"};
  char inside[NAME_BYTES];
  copy(site, "-");
  for (size_t at = 0; at < sizeof paths / sizeof *paths; at++) {
    const char *text = text_at(command, paths[at]);
    snprintf(inside, sizeof inside, "%s.callingFunction", paths[at]);
    if (text != NULL) {
      site_of_text(text, site);
      return;
    }
    if ((text = text_at(command, inside)) != NULL) {
      copy(site, text);
      return;
    }
  }
}

static int64_t integer_at(const bson_t *document, const char *path) {
  bson_iter_t top, found;
  bool is_there = bson_iter_init(&top, document) && bson_iter_find_descendant(&top, path, &found);
  return is_there ? bson_iter_as_int64(&found) : 0;
}

static void site_of_command(const ledger_t *ledger, const char *name, const bson_t *command, char *site) {
  int64_t cursor = 0;
  if (strcmp(name, "getMore") == 0) cursor = integer_at(command, "getMore");
  if (strcmp(name, "killCursors") == 0) cursor = integer_at(command, "cursors.0");
  for (int at = ledger->opener_count - 1; cursor != 0 && at >= 0; at--) {
    if (ledger->openers[at].id != cursor) continue;
    copy(site, ledger->openers[at].site);
    return;
  }
  site_of_comment(command, site);
}

static const char *collection_of(const char *name, const bson_t *command) {
  const char *none[] = {"listCollections", "endSessions", "commitTransaction", "abortTransaction"};
  for (size_t at = 0; at < sizeof none / sizeof *none; at++)
    if (strcmp(name, none[at]) == 0) return "";
  const char *collection = text_at(command, strcmp(name, "getMore") == 0 ? "collection" : name);
  if (collection != NULL) return collection;
  return strcmp(name, "aggregate") == 0 ? "$cmd.aggregate" : "";
}

static void count(ledger_t *ledger, const row_t *sent) {
  for (int at = 0; at < ledger->row_count; at++) {
    row_t *row = &ledger->rows[at];
    if (strcmp(row->command, sent->command) != 0 || strcmp(row->db, sent->db) != 0) continue;
    if (strcmp(row->collection, sent->collection) != 0 || strcmp(row->site, sent->site) != 0) continue;
    row->count++;
    return;
  }
  if (ledger->row_count == MOST_ROWS) give_up("too many rows");
  ledger->rows[ledger->row_count] = *sent;
  ledger->rows[ledger->row_count++].count = 1;
}

static void on_started(const mongoc_apm_command_started_t *event) {
  ledger_t *ledger = mongoc_apm_command_started_get_context(event);
  const bson_t *command = mongoc_apm_command_started_get_command(event);
  const char *name = mongoc_apm_command_started_get_command_name(event);
  row_t sent = {.count = 0};
  copy(sent.command, name);
  copy(sent.db, mongoc_apm_command_started_get_database_name(event));
  copy(sent.collection, collection_of(name, command));
  site_of_command(ledger, name, command, sent.site);
  copy(ledger->pending, sent.site);
  count(ledger, &sent);
}

static void on_succeeded(const mongoc_apm_command_succeeded_t *event) {
  ledger_t *ledger = mongoc_apm_command_succeeded_get_context(event);
  int64_t id = integer_at(mongoc_apm_command_succeeded_get_reply(event), "cursor.id");
  if (id == 0 || strcmp(mongoc_apm_command_succeeded_get_command_name(event), "getMore") == 0) return;
  if (ledger->opener_count == MOST_CURSORS) give_up("too many cursors");
  opener_t *opener = &ledger->openers[ledger->opener_count++];
  opener->id = id;
  copy(opener->site, ledger->pending);
}

ledger_t *ledger_new(void) {
  ledger_t *ledger = calloc(1, sizeof *ledger);
  if (ledger == NULL) give_up("no memory");
  return ledger;
}

void ledger_watch(ledger_t *ledger, mongoc_client_t *client) {
  mongoc_apm_callbacks_t *callbacks = mongoc_apm_callbacks_new();
  mongoc_apm_set_command_started_cb(callbacks, on_started);
  mongoc_apm_set_command_succeeded_cb(callbacks, on_succeeded);
  mongoc_client_set_apm_callbacks(client, callbacks, ledger);
  mongoc_apm_callbacks_destroy(callbacks);
}

void ledger_append(const ledger_t *ledger, bson_t *report) {
  bson_t rows = BSON_INITIALIZER;
  char key[16];
  for (int at = 0; at < ledger->row_count; at++) {
    const row_t *row = &ledger->rows[at];
    bson_t *one = BCON_NEW("command", BCON_UTF8(row->command), "db", BCON_UTF8(row->db), "collection",
                           BCON_UTF8(row->collection), "callSite", BCON_UTF8(row->site), "count",
                           BCON_INT32(row->count));
    snprintf(key, sizeof key, "%d", at);
    BSON_APPEND_DOCUMENT(&rows, key, one);
    bson_destroy(one);
  }
  BSON_APPEND_ARRAY(report, "sent", &rows);
  bson_destroy(&rows);
}

void ledger_destroy(ledger_t *ledger) { free(ledger); }
