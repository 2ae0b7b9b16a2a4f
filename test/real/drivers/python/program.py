"""The PyMongo driver program: runs one scenario with N separate MongoClients and prints one JSON document on stdout.

It knows nothing of weir, and is the same program as ../node/program.ts in another driver (the contract: ../../report.ts).
Invariant: stdout carries exactly one JSON document; everything else goes to stderr.
"""

import argparse
import json
import sys

import pymongo

from ledgers import ErrorLedger, PoolListener, SentLedger
from load import run_load
from owners import run_owners
from script import run_script


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--uri", required=True)
    parser.add_argument("--app", required=True)
    parser.add_argument("--db", required=True)
    parser.add_argument("--scenario", default="script")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--pause-ms", type=float, default=0)
    parser.add_argument("--ops", default="insert")
    parser.add_argument("--call-site", default="python.load")
    return parser.parse_args()


def main():
    options = arguments()
    sent, pools, errors = SentLedger(), PoolListener(), ErrorLedger()
    idle = {"maxIdleTimeMS": 20} if options.scenario == "owners" else {}
    clients = [
        pymongo.MongoClient(
            options.uri,
            appname=options.app,
            maxPoolSize=10,
            event_listeners=[sent, pools],
            **idle,
        )
        for _ in range(options.clients)
    ]
    databases = [client[options.db] for client in clients]
    if options.scenario == "script":
        outcome = run_script(databases, errors)
    elif options.scenario == "owners":
        outcome = run_owners(databases)
    else:
        outcome = run_load(databases, errors, options)
    for client in clients:
        client.close()
    report = {
        "driver": "python",
        "version": pymongo.version,
        "scenario": options.scenario,
        "clients": options.clients,
        "results": [],
        "digest": "",
        "deviations": [],
        "acknowledged": [],
        "acknowledgedInLastThreeSeconds": 0,
        "latencies": [],
        **outcome,
        "sent": sent.rows(),
        "poolCleared": pools.cleared,
        "errors": errors.rows(),
    }
    json.dump(report, sys.stdout)
    sys.stdout.write("\n")


main()
