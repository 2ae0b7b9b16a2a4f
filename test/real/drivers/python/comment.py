"""Comments in the four forms that applications use, and the call site that each of them names.

Written from the rules of the design, not from weir's extractor: the two must agree by themselves.
Invariant: no two comments made here are equal, as in production, where each carries a request id.
"""

import itertools
import json
import re
import uuid

_made = itertools.count()


def comment(call_site):
    """A fresh comment for this call site; the form changes with every call: document, JSON text, key list, plain text."""
    form = next(_made) % 4
    traceparent = f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"
    if form == 0:
        return {"callingFunction": call_site, "traceparent": traceparent}
    if form == 1:
        return json.dumps({"hostname": "h1", "httpUniqueId": str(uuid.uuid4()), "callingFunction": call_site})
    if form == 2:
        return f"callsite='{call_site}',traceparent='{traceparent}'"
    return call_site


def call_site_of(value):
    """The call site that a comment names, `-` when there is none."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        return str(value["callingFunction"])
    if value.startswith("{"):
        return str(json.loads(value)["callingFunction"])
    found = re.match(r"callsite='([^']*)'", value)
    return found.group(1) if found else value
