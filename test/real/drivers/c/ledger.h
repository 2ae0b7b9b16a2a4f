/* What this program's clients sent, from the driver's own events; see ledger.c. */
#ifndef LEDGER_H
#define LEDGER_H
#include <mongoc/mongoc.h>

typedef struct ledger ledger_t;

ledger_t *ledger_new(void);
/* From now on everything that this client sends is counted. */
void ledger_watch(ledger_t *ledger, mongoc_client_t *client);
/* Appends the array `sent` of the report. */
void ledger_append(const ledger_t *ledger, bson_t *report);
void ledger_destroy(ledger_t *ledger);

#endif
