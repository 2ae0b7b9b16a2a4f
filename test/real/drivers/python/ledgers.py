"""What this program's clients sent and which errors the application saw, from the driver's own events.

Call sites are read from the comments as they were really sent.
Invariant: getMore and killCursors are counted under the call site of the command that opened their cursor.
"""

import collections
import threading

from pymongo import monitoring
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from comment import call_site_of

NO_COLLECTION = {"listCollections", "endSessions", "commitTransaction", "abortTransaction"}


class SentLedger(monitoring.CommandListener):
    def __init__(self):
        self._lock = threading.Lock()
        self._counts = collections.Counter()
        self._pending = {}
        self._openers = {}

    def started(self, event):
        with self._lock:
            call_site = self._call_site(event)
            self._pending[event.request_id] = call_site
            self._counts[(event.command_name, event.database_name, collection_of(event), call_site)] += 1

    def succeeded(self, event):
        with self._lock:
            call_site = self._pending.pop(event.request_id, "-")
            cursor = event.reply.get("cursor") if event.reply else None
            if cursor and event.command_name != "getMore" and cursor.get("id"):
                self._openers[int(cursor["id"])] = call_site

    def failed(self, event):
        with self._lock:
            self._pending.pop(event.request_id, None)

    def rows(self):
        names = ("command", "db", "collection", "callSite", "count")
        return [dict(zip(names, (*key, count))) for key, count in self._counts.items()]

    def _call_site(self, event):
        cursors = []
        if event.command_name == "getMore":
            cursors = [event.command["getMore"]]
        elif event.command_name == "killCursors":
            cursors = event.command["cursors"]
        opener = self._openers.get(int(cursors[0])) if cursors else None
        return opener or call_site_of(comment_of(event.command))


class PoolListener(monitoring.ConnectionPoolListener):
    """Counts cleared pools; every other pool event is of no interest here."""

    cleared = 0

    def pool_cleared(self, event):
        self.cleared += 1

    def _nothing(self, event):
        pass

    pool_created = pool_ready = pool_closed = _nothing
    connection_created = connection_ready = connection_closed = _nothing
    connection_check_out_started = connection_check_out_failed = _nothing
    connection_checked_out = connection_checked_in = _nothing


class ErrorLedger:
    """One row per place, code and label set; the first message of each is kept."""

    def __init__(self):
        self._lock = threading.Lock()
        self._rows = {}

    def add(self, where, error):
        code = code_of(error)
        labels = sorted(error._error_labels) if isinstance(error, PyMongoError) else []
        with self._lock:
            row = self._rows.setdefault(
                (where, code, *labels),
                {"where": where, "code": code, "labels": labels, "message": repr(error)[:300], "count": 0},
            )
            row["count"] += 1

    def rows(self):
        return list(self._rows.values())


def code_of(error):
    """The server's error code, 0 when the error carries none. A bulk write's is that of its first failed statement."""
    if isinstance(error, BulkWriteError):
        failed = error.details.get("writeErrors") or error.details.get("writeConcernErrors") or [{}]
        return int(failed[0].get("code", 0))
    return int(error.code or 0) if isinstance(error, OperationFailure) else 0


def collection_of(event):
    first = event.command.get(event.command_name)
    if event.command_name == "getMore":
        return str(event.command["collection"])
    if event.command_name == "aggregate" and not isinstance(first, str):
        return "$cmd.aggregate"
    return first if isinstance(first, str) and event.command_name not in NO_COLLECTION else ""


def comment_of(command):
    if "comment" in command:
        return command["comment"]
    statements = command.get("updates") or command.get("deletes") or [{}]
    filter_ = command.get("filter") or command.get("query") or statements[0].get("q") or {}
    return filter_.get("$comment") if isinstance(filter_, dict) else None
