// The Go driver program: runs one scenario with N separate clients and prints one JSON document on stdout.
//
// It knows nothing of weir, and is the same program as ../node/program.ts in another driver (the contract:
// ../../report.ts). Invariant: stdout carries exactly one JSON document; everything else goes to stderr.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/version"
)

// The script as a whole is bounded, whatever the server does.
const programDeadline = 10 * time.Minute

type flags struct {
	uri, app, db, scenario, ops, callSite string
	clients                               int
	seconds, pauseMs                      float64
}

type report struct {
	Driver       string       `json:"driver"`
	Version      string       `json:"version"`
	Scenario     string       `json:"scenario"`
	Clients      int          `json:"clients"`
	Results      []stepResult `json:"results"`
	Digest       string       `json:"digest"`
	Deviations   []deviation  `json:"deviations"`
	Acknowledged []string     `json:"acknowledged"`
	InLastThree  int          `json:"acknowledgedInLastThreeSeconds"`
	Latencies    []latencyRow `json:"latencies"`
	Sent         []sentRow    `json:"sent"`
	PoolCleared  int64        `json:"poolCleared"`
	Errors       []errorRow   `json:"errors"`
}

func parseFlags() flags {
	var f flags
	flag.StringVar(&f.uri, "uri", "", "connection string")
	flag.StringVar(&f.app, "app", "", "application name")
	flag.StringVar(&f.db, "db", "", "database")
	flag.StringVar(&f.scenario, "scenario", "script", "script, owners or load")
	flag.StringVar(&f.ops, "ops", "insert", "load: insert,find,transaction")
	flag.StringVar(&f.callSite, "call-site", "go.load", "load: prefix of the call sites")
	flag.IntVar(&f.clients, "clients", 1, "separate clients")
	flag.Float64Var(&f.seconds, "seconds", 5, "load: how long")
	flag.Float64Var(&f.pauseMs, "pause-ms", 0, "load: pause between rounds")
	flag.Parse()
	return f
}

func main() {
	f := parseFlags()
	ctx, cancel := context.WithTimeout(context.Background(), programDeadline)
	defer cancel()
	if err := run(ctx, f); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, f flags) error {
	sent, errs := newSentLedger(), newErrorLedger()
	databases := make([]*mongo.Database, 0, f.clients)
	for range f.clients {
		client, err := mongo.Connect(clientOptions(f, sent))
		if err != nil {
			return err
		}
		databases = append(databases, client.Database(f.db))
	}
	out := report{
		Driver: "go", Version: version.Driver, Scenario: f.scenario, Clients: f.clients,
		Results: []stepResult{}, Deviations: []deviation{}, Acknowledged: []string{}, Latencies: []latencyRow{},
	}
	var err error
	switch f.scenario {
	case "script":
		runScript(ctx, databases, errs, &out)
	case "owners":
		err = runOwners(ctx, databases, &out)
	default:
		err = runLoad(ctx, databases, errs, f, &out)
	}
	if err != nil {
		return err
	}
	for _, db := range databases {
		if err := db.Client().Disconnect(ctx); err != nil {
			return err
		}
	}
	out.Sent, out.PoolCleared, out.Errors = sent.rows(), sent.poolCleared.Load(), errs.rows()
	return json.NewEncoder(os.Stdout).Encode(out)
}

func clientOptions(f flags, sent *sentLedger) *options.ClientOptions {
	opts := options.Client().ApplyURI(f.uri).SetAppName(f.app).SetMaxPoolSize(10).
		SetMonitor(sent.monitor()).
		SetPoolMonitor(&event.PoolMonitor{Event: func(e *event.PoolEvent) {
			if e.Type == event.ConnectionPoolCleared {
				sent.poolCleared.Add(1)
			}
		}})
	if f.scenario == "owners" {
		opts.SetMaxConnIdleTime(20 * time.Millisecond)
	}
	return opts
}

func operations(f flags) []string { return strings.Split(f.ops, ",") }
