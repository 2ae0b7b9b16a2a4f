// Runs the script once per client, all clients at the same time, and compares what they were told.
// Invariant: every client works on a collection of its own, so all of them must see the same results.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

type stepResult struct {
	Step  string `json:"step"`
	Value any    `json:"value"`
}

type deviation struct {
	Client   int    `json:"client"`
	Step     string `json:"step"`
	Expected any    `json:"expected"`
	Got      any    `json:"got"`
}

// stepContext is what a step works on; a step's value never names its client or anything random.
type stepContext struct {
	context.Context
	db    *mongo.Database
	items *mongo.Collection
	index int
}

type step struct {
	name string
	run  func(c stepContext) (any, error)
}

func runScript(ctx context.Context, databases []*mongo.Database, errs *errorLedger, out *report) {
	everyone := make([][]stepResult, len(databases))
	var wait sync.WaitGroup
	for index, db := range databases {
		wait.Add(1)
		go func() {
			defer wait.Done()
			everyone[index] = runClient(stepContext{ctx, db, db.Collection(fmt.Sprintf("items_%d", index)), index}, errs)
		}()
	}
	wait.Wait()
	out.Results, out.Digest = everyone[0], digestOf(everyone[0])
	for client, results := range everyone {
		for at, got := range results {
			expected := everyone[0][at].Value
			if canonical(expected) != canonical(got.Value) && len(out.Deviations) < 10 {
				out.Deviations = append(out.Deviations, deviation{client, got.Step, expected, got.Value})
			}
		}
	}
}

func runClient(c stepContext, errs *errorLedger) []stepResult {
	var results []stepResult
	for _, s := range append(append(append([]step{}, crudSteps...), cursorSteps...), sessionSteps...) {
		value, err := s.run(c)
		if err != nil {
			errs.add(s.name, err)
			value = fmt.Sprintf("error %d", codeOf(err))
		}
		results = append(results, stepResult{s.name, value})
	}
	return results
}

func canonical(value any) string {
	text, _ := json.Marshal(value)
	return string(text)
}

func digestOf(results []stepResult) string {
	hash := sha256.New()
	for _, result := range results {
		fmt.Fprintf(hash, "%s\t%s\n", result.Step, canonical(result.Value))
	}
	return hex.EncodeToString(hash.Sum(nil))
}
