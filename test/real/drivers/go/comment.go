// Comments in the four forms that applications use, and the call site that each of them names.
// Written from the rules of the design, not from weir's extractor: the two must agree by themselves.
// Invariant: no two comments made here are equal, as in production, where each carries a request id.
package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
)

var (
	made    atomic.Int64
	keyList = regexp.MustCompile(`^callsite='([^']*)'`)
)

// comment makes a fresh comment; the form changes with every call: document, JSON text, key list, plain text.
func comment(callSite string) any {
	n := made.Add(1)
	id := bson.NewObjectID().Hex()
	trace := fmt.Sprintf("00-00000000%s-00f067aa0ba902b7-01", id)
	switch n % 4 {
	case 0:
		return bson.D{{Key: "callingFunction", Value: callSite}, {Key: "traceparent", Value: trace}}
	case 1:
		text, _ := json.Marshal(map[string]string{"hostname": "h1", "httpUniqueId": id, "callingFunction": callSite})
		return string(text)
	case 2:
		return fmt.Sprintf("callsite='%s',traceparent='%s'", callSite, trace)
	default:
		return callSite
	}
}

// callSiteOf reads the call site that a comment names; "-" when there is none.
func callSiteOf(value bson.RawValue) string {
	if document, ok := value.DocumentOK(); ok {
		return document.Lookup("callingFunction").StringValue()
	}
	text, ok := value.StringValueOK()
	if !ok {
		return "-"
	}
	if strings.HasPrefix(text, "{") {
		fields := map[string]string{}
		_ = json.Unmarshal([]byte(text), &fields)
		return fields["callingFunction"]
	}
	if found := keyList.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return text
}
