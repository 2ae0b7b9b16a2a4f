// What this program's clients sent and which errors the application saw, from the driver's own events.
// Call sites are read from the comments as they were really sent.
// Invariant: getMore and killCursors are counted under the call site of the command that opened their cursor.
package main

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

type sentRow struct {
	Command    string `json:"command"`
	DB         string `json:"db"`
	Collection string `json:"collection"`
	CallSite   string `json:"callSite"`
	Count      int    `json:"count"`
}

type sentLedger struct {
	poolCleared atomic.Int64
	mu          sync.Mutex
	counts      map[sentRow]int
	pending     map[int64]string
	openers     map[int64]string
}

func newSentLedger() *sentLedger {
	return &sentLedger{counts: map[sentRow]int{}, pending: map[int64]string{}, openers: map[int64]string{}}
}

func (l *sentLedger) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			l.mu.Lock()
			defer l.mu.Unlock()
			site := l.callSite(e)
			l.pending[e.RequestID] = site
			l.counts[sentRow{e.CommandName, e.DatabaseName, collectionOf(e), site, 0}]++
		},
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if id, ok := e.Reply.Lookup("cursor", "id").AsInt64OK(); ok && id != 0 && e.CommandName != "getMore" {
				l.openers[id] = l.pending[e.RequestID]
			}
			delete(l.pending, e.RequestID)
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) {
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.pending, e.RequestID)
		},
	}
}

func (l *sentLedger) callSite(e *event.CommandStartedEvent) string {
	var cursor int64
	switch e.CommandName {
	case "getMore":
		cursor, _ = e.Command.Lookup("getMore").AsInt64OK()
	case "killCursors":
		cursor, _ = e.Command.Lookup("cursors", "0").AsInt64OK()
	}
	if site, ok := l.openers[cursor]; ok {
		return site
	}
	return callSiteOf(commentOf(e.Command))
}

func (l *sentLedger) rows() []sentRow {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := make([]sentRow, 0, len(l.counts))
	for row, count := range l.counts {
		row.Count = count
		rows = append(rows, row)
	}
	return rows
}

func collectionOf(e *event.CommandStartedEvent) string {
	first, isText := e.Command.Lookup(e.CommandName).StringValueOK()
	switch e.CommandName {
	case "getMore":
		return e.Command.Lookup("collection").StringValue()
	case "aggregate":
		if !isText {
			return "$cmd.aggregate"
		}
	case "listCollections", "endSessions", "commitTransaction", "abortTransaction":
		return ""
	}
	return first
}

func commentOf(command bson.Raw) bson.RawValue {
	paths := [][]string{{"comment"}, {"filter", "$comment"}, {"query", "$comment"},
		{"updates", "0", "q", "$comment"}, {"deletes", "0", "q", "$comment"}}
	for _, path := range paths {
		if value, err := command.LookupErr(path...); err == nil {
			return value
		}
	}
	return bson.RawValue{}
}

type errorRow struct {
	Where   string   `json:"where"`
	Code    int      `json:"code"`
	Labels  []string `json:"labels"`
	Message string   `json:"message"`
	Count   int      `json:"count"`
}

// errorLedger keeps one row per place, code and label set, with the first message of each.
type errorLedger struct {
	mu    sync.Mutex
	known map[string]*errorRow
}

func newErrorLedger() *errorLedger { return &errorLedger{known: map[string]*errorRow{}} }

func (l *errorLedger) add(where string, err error) {
	labels := labelsOf(err)
	key := fmt.Sprint(where, codeOf(err), labels)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[key] == nil {
		message := err.Error()
		l.known[key] = &errorRow{where, codeOf(err), labels, message[:min(300, len(message))], 0}
	}
	l.known[key].Count++
}

func (l *errorLedger) rows() []errorRow {
	rows := make([]errorRow, 0, len(l.known))
	for _, row := range l.known {
		rows = append(rows, *row)
	}
	return rows
}

// codeOf gives the server's error code, 0 when the error carries none.
func codeOf(err error) int {
	var server mongo.ServerError
	if errors.As(err, &server) {
		if codes := server.ErrorCodes(); len(codes) > 0 {
			return codes[0]
		}
	}
	return 0
}

func labelsOf(err error) []string {
	labels := []string{}
	var command mongo.CommandError
	var write mongo.WriteException
	var bulk mongo.BulkWriteException
	switch {
	case errors.As(err, &command):
		labels = append(labels, command.Labels...)
	case errors.As(err, &write):
		labels = append(labels, write.Labels...)
	case errors.As(err, &bulk):
		labels = append(labels, bulk.Labels...)
	}
	sort.Strings(labels)
	return labels
}
