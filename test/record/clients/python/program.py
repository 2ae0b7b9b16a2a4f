"""What PyMongo 3.12 and 4 are recorded doing. argv: connection string, scenario (script, login)."""

import sys
import time

import pymongo
from pymongo import CursorType, DeleteOne, InsertOne, MongoClient, UpdateOne
from pymongo.errors import DuplicateKeyError, OperationFailure

IS_OLD = pymongo.version_tuple < (4, 0)


def comment(place):
    """Writes take a comment since PyMongo 4.1."""
    return {} if IS_OLD else {"comment": place}


def write(orders):
    orders.insert_one({"_id": 1, "customer": 1, "item": "lamp", "qty": 1}, **comment("shop.py:10 add_one"))
    orders.insert_many([{"_id": 10 + i, "customer": i % 3, "item": f"item {i}", "qty": i} for i in range(8)])
    orders.update_one({"_id": 1}, {"$set": {"qty": 2}}, **comment({"callsite": "shop.touch", "user": "u-17"}))
    orders.update_many({"customer": 2, "$comment": "shop.py:14 raise"}, {"$inc": {"qty": 1}})
    orders.delete_one({"_id": 17})
    orders.bulk_write(
        [
            InsertOne({"_id": 40, "customer": 4, "item": "desk", "qty": 1}),
            UpdateOne({"_id": 40}, {"$set": {"qty": 9}}),
            DeleteOne({"_id": 16}),
        ]
    )
    orders.find_one_and_update({"_id": 10}, {"$set": {"qty": 5}})
    try:
        orders.insert_one({"_id": 1})
        raise AssertionError("a second document with the same _id")
    except DuplicateKeyError:
        pass


def read(client, orders):
    listed = list(orders.find({}, batch_size=3).comment("shop.py:31 list_all"))
    assert len(listed) == 8, listed
    early = orders.find({"customer": {"$in": [0, 1]}}, batch_size=2)
    next(early)
    early.close()
    lookup = {"$lookup": {"from": "customers", "localField": "customer", "foreignField": "_id", "as": "who"}}
    list(orders.aggregate([{"$match": {"qty": {"$gte": 1}, "$comment": "shop.py:40 join"}}, lookup]))
    assert orders.count_documents({}) == 8
    # The server sends batch after batch unasked, if it can.
    assert len(list(orders.find({}, batch_size=3, cursor_type=CursorType.EXHAUST))) == 8
    orders.distinct("item", {"customer": 1})
    try:
        client.fixtures.command({"find": "orders", "filter": {"$nope": 1}})
        raise AssertionError("an unknown operator passed")
    except OperationFailure:
        pass


def transact(client, orders):
    with client.start_session() as session:
        with session.start_transaction():
            orders.insert_one({"_id": 50, "customer": 5, "item": "bed", "qty": 1}, session=session)
        session.start_transaction()
        orders.insert_one({"_id": 51, "customer": 5, "item": "sofa", "qty": 1}, session=session)
        session.abort_transaction()


def main(uri, scenario):
    client = MongoClient(uri)
    orders = client.fixtures.orders
    if scenario == "login":
        orders.find_one({"_id": 1})
    else:
        client.drop_database("fixtures")
        client.fixtures.customers.insert_one({"_id": 1, "name": "Ada"})
        write(orders)
        read(client, orders)
        transact(client, orders)
        # Answered by nobody: the command behind it shows that it arrived.
        orders.with_options(write_concern=pymongo.WriteConcern(w=0)).insert_one({"_id": 60})
        client.fixtures.command("ping")
        # Two heartbeats: the monitor's stream of hello replies.
        time.sleep(1.3)
    client.close()


main(*sys.argv[1:3])
