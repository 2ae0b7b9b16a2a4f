"""The script, step by step; each client runs it on a collection of its own, all at the same time.

The same steps with the same values as in ../node/: the digests of the three languages must be equal.
Invariant: a step's value never names its client or anything random.
"""

import concurrent.futures
import hashlib
import json
import time

from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne, WriteConcern
from pymongo.errors import OperationFailure, PyMongoError

from comment import comment
from ledgers import code_of

DEADLINE_SECONDS = 60


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(results):
    text = "".join(f"{row['step']}\t{canonical(row['value'])}\n" for row in results)
    return hashlib.sha256(text.encode()).hexdigest()


def run_script(databases, errors):
    with concurrent.futures.ThreadPoolExecutor(len(databases)) as threads:
        everyone = list(threads.map(lambda pair: run_client(pair[1], pair[0], errors), enumerate(databases)))
    first = everyone[0]
    deviations = [
        {"client": client, "step": row["step"], "expected": first[at]["value"], "got": row["value"]}
        for client, rows in enumerate(everyone)
        for at, row in enumerate(rows)
        if canonical(row["value"]) != canonical(first[at]["value"])
    ]
    return {"results": first, "digest": digest_of(first), "deviations": deviations[:10]}


def run_client(db, index, errors):
    results = []
    for name, step in STEPS:
        try:
            value = step(db, db[f"items_{index}"], index)
        except PyMongoError as error:
            errors.add(name, error)
            value = f"error {code_of(error)}"
        results.append({"step": name, "value": value})
    return results


def many(low, high):
    return [{"_id": n, "n": n, "tag": "new"} for n in range(low, high + 1)]


def drop_first(db, items, index):
    items.drop(comment=comment("python.drop"))
    return True


def insert_one(db, items, index):
    return items.insert_one({"_id": 1, "n": 1, "tag": "one"}, comment=comment("python.insert")).inserted_id


def insert_many(db, items, index):
    return len(items.insert_many(many(2, 30), comment=comment("python.insert")).inserted_ids)


def duplicate_key(db, items, index):
    try:
        items.insert_one({"_id": 1}, comment=comment("python.insert"))
        return "inserted"
    except OperationFailure as error:
        return code_of(error)


def find_one(db, items, index):
    found = items.find_one({"_id": 7}, comment=comment("python.findOne"))
    return [found["_id"], found["n"], found["tag"]]


def find_comment_in_filter(db, items, index):
    found = items.find({"n": {"$gt": 27}, "$comment": "python.findCommentInFilter"}).sort("_id", 1)
    return [item["_id"] for item in found]


def update_one(db, items, index):
    done = items.update_one({"_id": 2}, {"$inc": {"n": 100}}, comment=comment("python.update"))
    return [done.matched_count, done.modified_count]


def update_many(db, items, index):
    done = items.update_many({"n": {"$lte": 10}}, {"$set": {"tag": "small"}}, comment=comment("python.update"))
    return [done.matched_count, done.modified_count]


def upsert(db, items, index):
    change = {"$set": {"n": 31, "tag": "upserted"}}
    done = items.update_one({"_id": 31}, change, upsert=True, comment=comment("python.update"))
    return [done.matched_count, 1 if done.upserted_id == 31 else 0]


def replace_one(db, items, index):
    done = items.replace_one({"_id": 3}, {"n": 3, "tag": "replaced"}, comment=comment("python.update"))
    return [done.matched_count, done.modified_count]


def find_one_and_update(db, items, index):
    after = items.find_one_and_update(
        {"_id": 4}, {"$set": {"tag": "taken"}}, return_document=True, comment=comment("python.findAndModify")
    )
    return [after["_id"], after["tag"]]


def find_one_and_delete(db, items, index):
    return items.find_one_and_delete({"_id": 30}, comment=comment("python.findAndModify"))["_id"]


def delete_one(db, items, index):
    return items.delete_one({"_id": 29}, comment=comment("python.delete")).deleted_count


def delete_many(db, items, index):
    return items.delete_many({"_id": {"$in": [27, 28]}}, comment=comment("python.delete")).deleted_count


def count_documents(db, items, index):
    return items.count_documents({}, comment=comment("python.count"))


def estimated_count(db, items, index):
    return items.estimated_document_count(comment=comment("python.estimatedCount"))


def distinct(db, items, index):
    return sorted(items.distinct("tag", comment=comment("python.distinct")))


def bulk_ordered(db, items, index):
    done = items.bulk_write(
        [
            InsertOne({"_id": 40, "n": 40, "tag": "bulk"}),
            InsertOne({"_id": 41, "n": 41, "tag": "bulk"}),
            UpdateOne({"_id": 40}, {"$inc": {"n": 1}}),
            ReplaceOne({"_id": 41}, {"n": 0, "tag": "bulk"}),
            DeleteOne({"_id": 5}),
        ],
        comment=comment("python.bulkOrdered"),
    )
    return [done.inserted_count, done.matched_count, done.modified_count, done.deleted_count]


def bulk_unordered(db, items, index):
    try:
        items.bulk_write(
            [
                InsertOne({"_id": 50, "tag": "bulk"}),
                InsertOne({"_id": 1, "tag": "bulk"}),
                InsertOne({"_id": 51, "tag": "bulk"}),
                DeleteOne({"_id": 40}),
            ],
            ordered=False,
            comment=comment("python.bulkUnordered"),
        )
        return "no error"
    except OperationFailure as error:
        return [code_of(error), error.details["nInserted"], error.details["nRemoved"]]


def create_index(db, items, index):
    return items.create_index("n", name="by_n", comment=comment("python.createIndex"))


def list_indexes(db, items, index):
    return sorted(found["name"] for found in items.list_indexes(comment=comment("python.listIndexes")))


def list_collections(db, items, index):
    found = db.list_collections(filter={"name": items.name}, comment=comment("python.listCollections"))
    return [row["name"].replace(str(index), "#") for row in found]


def unknown_command(db, items, index):
    try:
        db.command({"noSuchCommandAtAll": 1, "comment": comment("python.unknownCommand")})
        return "known"
    except OperationFailure as error:
        return code_of(error)


def find_in_batches(db, items, index):
    found = items.find({}, batch_size=4, comment=comment("python.findInBatches")).sort("_id", 1)
    return [item["_id"] for item in found]


def aggregate_in_batches(db, items, index):
    pipeline = [{"$match": {"_id": {"$lte": 20}}}, {"$sort": {"_id": -1}}, {"$project": {"_id": 1}}]
    found = items.aggregate(pipeline, batchSize=3, comment=comment("python.aggregateInBatches"))
    return [item["_id"] for item in found]


def aggregate_group(db, items, index):
    pipeline = [{"$group": {"_id": "$tag", "sum": {"$sum": "$n"}}}, {"$sort": {"_id": 1}}]
    return [[row["_id"], row["sum"]] for row in items.aggregate(pipeline, comment=comment("python.aggregateGroup"))]


def crossed_cursors(db, items, index):
    cursors = [
        items.find({"_id": {"$gt": low}}, batch_size=3, limit=12, comment=comment("python.crossedCursors")).sort("_id", 1)
        for low in range(5)
    ]
    ids = [[] for _ in cursors]
    still_open = True
    while still_open:
        still_open = False
        for at, cursor in enumerate(cursors):
            item = next(cursor, None)
            if item is not None:
                ids[at].append(item["_id"])
                still_open = True
    return ids


def cursor_given_up(db, items, index):
    cursor = items.find({}, batch_size=2, comment=comment("python.cursorGivenUp")).sort("_id", 1)
    ids = [next(cursor)["_id"] for _ in range(3)]
    cursor.close()
    return ids


def transaction_commit(db, items, index):
    site = "python.transactionCommit"
    with db.client.start_session() as session:
        session.start_transaction()
        items.insert_many([{"_id": 60, "tag": "txn"}, {"_id": 61, "tag": "txn"}], session=session, comment=comment(site))
        items.update_one({"_id": 60}, {"$set": {"n": 1}}, session=session, comment=comment(site))
        found = items.find({"tag": "txn"}, batch_size=1, session=session, comment=comment(site)).sort("_id", 1)
        inside = [item["_id"] for item in found]
        session.commit_transaction()
    return [inside, items.count_documents({"tag": "txn"}, comment=comment(site))]


def transaction_abort(db, items, index):
    site = "python.transactionAbort"
    with db.client.start_session() as session:
        session.start_transaction()
        items.insert_one({"_id": 70, "tag": "aborted"}, session=session, comment=comment(site))
        session.abort_transaction()
    return items.count_documents({"tag": "aborted"}, comment=comment(site))


def change_stream(db, items, index):
    seen = []
    # Narrow on purpose: under load the server may show a new stream inserts committed just before it was opened.
    pipeline = [{"$match": {"operationType": "insert", "fullDocument.tag": "watched"}}]
    with items.watch(pipeline, max_await_time_ms=200, comment=comment("python.changeStream")) as stream:
        # PyMongo opens the stream at the server in watch(), so that no insert below can come before it.
        for n in range(80, 85):
            items.insert_one({"_id": n, "tag": "watched"}, comment=comment("python.watchedInsert"))
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(seen) < 5 and time.monotonic() < deadline:
            change = stream.try_next()
            if change is not None:
                seen.append(change["documentKey"]["_id"])
    return seen


def unacknowledged(db, items, index):
    silent = items.with_options(write_concern=WriteConcern(w=0))
    for n in range(90, 95):
        silent.insert_one({"_id": n, "tag": "w0"}, comment="python.unacknowledged")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = items.count_documents({"tag": "w0"}, comment=comment("python.count"))
        if found == 5 or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def drop_last(db, items, index):
    items.drop(comment=comment("python.drop"))
    return True


STEPS = [
    ("dropFirst", drop_first),
    ("insertOne", insert_one),
    ("insertMany", insert_many),
    ("duplicateKey", duplicate_key),
    ("findOne", find_one),
    ("findCommentInFilter", find_comment_in_filter),
    ("updateOne", update_one),
    ("updateMany", update_many),
    ("upsert", upsert),
    ("replaceOne", replace_one),
    ("findOneAndUpdate", find_one_and_update),
    ("findOneAndDelete", find_one_and_delete),
    ("deleteOne", delete_one),
    ("deleteMany", delete_many),
    ("countDocuments", count_documents),
    ("estimatedCount", estimated_count),
    ("distinct", distinct),
    ("bulkOrdered", bulk_ordered),
    ("bulkUnordered", bulk_unordered),
    ("createIndex", create_index),
    ("listIndexes", list_indexes),
    ("listCollections", list_collections),
    ("unknownCommand", unknown_command),
    ("findInBatches", find_in_batches),
    ("aggregateInBatches", aggregate_in_batches),
    ("aggregateGroup", aggregate_group),
    ("crossedCursors", crossed_cursors),
    ("cursorGivenUp", cursor_given_up),
    ("transactionCommit", transaction_commit),
    ("transactionAbort", transaction_abort),
    ("changeStream", change_stream),
    ("unacknowledged", unacknowledged),
    ("dropLast", drop_last),
]
