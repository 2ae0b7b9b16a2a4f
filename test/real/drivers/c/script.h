/* The script, step by step; see script.c. */
#ifndef SCRIPT_H
#define SCRIPT_H
#include <mongoc/mongoc.h>

typedef struct {
  mongoc_client_t *client;
  mongoc_collection_t *items;
  /* Rows of the report's `errors`: what no step expected. */
  bson_t *errors;
  int error_count;
  /* The step under way. */
  const char *step;
} context_t;

/* Runs all steps; appends one document `{step, value}` each to `results`, an array. */
void run_script(context_t *context, bson_t *results);

#endif
