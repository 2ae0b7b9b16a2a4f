"""Steady load for a number of seconds: durable inserts, cursors of several batches, transactions.

Errors are counted, never fatal. Invariant: an _id is reported as acknowledged only after the server said so
with w:majority, j:true.
"""

import sys
import threading
import time

from pymongo import WriteConcern
from pymongo.errors import PyMongoError

from comment import comment

DURABLE = WriteConcern(w="majority", j=True)
SEED_DOCUMENTS = 12
BATCH = 5
# Between batches and statements, so that cursors and transactions are open when the server dies.
THINKING_SECONDS = 0.005


class LoadClient:
    def __init__(self, db, name, call_site):
        self.acknowledged = []
        self.latencies = {}
        self._db, self._name, self._call_site, self._next = db, name, call_site, 0
        self._operations = {"insert": self._insert, "find": self._find, "transaction": self._transaction}

    def perform(self, operation):
        started = time.monotonic()
        self._operations[operation]()
        self.latencies.setdefault(operation, []).append((time.monotonic() - started) * 1000)

    def _insert(self):
        name = self._next_id()
        durable = self._db["load"].with_options(write_concern=DURABLE)
        durable.insert_one({"_id": name}, comment=comment(f"{self._call_site}.insert"))
        self.acknowledged.append((name, time.monotonic()))

    def _find(self):
        found = 0
        for _ in self._db["seed"].find({}, batch_size=BATCH, comment=comment(f"{self._call_site}.find")):
            found += 1
            if found % BATCH == 0:
                time.sleep(THINKING_SECONDS)
        if found != SEED_DOCUMENTS:
            raise AssertionError(f"a find returned {found} documents")

    def _transaction(self):
        names = [self._next_id(), self._next_id()]
        with self._db.client.start_session() as session:
            session.start_transaction(write_concern=DURABLE)
            for name in names:
                site = comment(f"{self._call_site}.transaction")
                self._db[f"txn_{self._name}"].insert_one({"_id": name}, session=session, comment=site)
                time.sleep(THINKING_SECONDS)
            session.commit_transaction()
        self.acknowledged.extend((name, time.monotonic()) for name in names)

    def _next_id(self):
        self._next += 1
        return f"{self._name}-{self._next}"


def run_load(databases, errors, options):
    databases[0]["seed"].drop()
    databases[0]["seed"].insert_many([{"_id": str(n)} for n in range(SEED_DOCUMENTS)])
    clients = [LoadClient(db, f"{options.app}-{index}", options.call_site) for index, db in enumerate(databases)]
    operations = options.ops.split(",")
    sys.stderr.write("load started\n")
    sys.stderr.flush()
    end = time.monotonic() + options.seconds
    threads = [
        threading.Thread(target=run_client, args=(client, errors, operations, options.pause_ms / 1000, end))
        for client in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    acknowledged = [pair for client in clients for pair in client.acknowledged]
    return {
        "acknowledged": [name for name, _ in acknowledged],
        "acknowledgedInLastThreeSeconds": sum(1 for _, at in acknowledged if at > end - 3),
        "latencies": [latency_row(operation, clients) for operation in operations],
    }


def run_client(client, errors, operations, pause, end):
    while time.monotonic() < end:
        for operation in operations:
            try:
                client.perform(operation)
            except (PyMongoError, AssertionError) as error:
                errors.add(operation, error)
                time.sleep(0.02)
        if pause:
            time.sleep(pause)


def latency_row(operation, clients):
    every = sorted(ms for client in clients for ms in client.latencies.get(operation, []))

    def at(share):
        return round(every[min(len(every) - 1, int(len(every) * share))], 3) if every else 0

    return {"operation": operation, "count": len(every), "p50": at(0.5), "p99": at(0.99), "max": at(1)}
