"""Twenty workers on one client with a short idle time: cursors and transactions move between connections all the time.

Invariant: what a worker reads depends only on its own number, whatever connection its next step is sent on.
"""

import concurrent.futures
import time

from comment import comment
from script import digest_of

WORKERS = 20
THINKING_SECONDS = 0.03


def run_owners(databases):
    results = [run_client(db, index) for index, db in enumerate(databases)][0]
    return {"results": results, "digest": digest_of(results)}


def run_client(db, index):
    shared = db[f"shared_{index}"]
    shared.drop()
    shared.insert_many([{"_id": n} for n in range(40)])

    def worker(number):
        value = read_slowly(shared, number) if number % 2 == 0 else transact(db, index, number)
        return {"step": f"worker {number}", "value": value}

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as threads:
        return list(threads.map(worker, range(WORKERS)))


def read_slowly(shared, worker):
    ids = []
    for item in shared.find({"_id": {"$gte": worker}}, batch_size=3, comment=comment("python.owners.read")).sort("_id", 1):
        ids.append(item["_id"])
        if len(ids) % 3 == 0:
            time.sleep(THINKING_SECONDS)
    return ids


def transact(db, index, worker):
    own = db[f"own_{index}_{worker}"]
    own.drop()
    own.insert_one({"_id": 0})
    with db.client.start_session() as session:
        session.start_transaction()
        for n in range(1, 6):
            own.insert_one({"_id": n}, session=session, comment=comment("python.owners.write"))
            time.sleep(THINKING_SECONDS)
        if worker % 4 == 1:
            session.commit_transaction()
        else:
            session.abort_transaction()
    return own.count_documents({}, comment=comment("python.owners.count"))
