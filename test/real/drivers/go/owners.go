// Twenty workers on one client with a short idle time: cursors and transactions move between connections all the time.
// Invariant: what a worker reads depends only on its own number, whatever connection its next step is sent on.
package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const (
	workers  = 20
	thinking = 30 * time.Millisecond
)

func runOwners(ctx context.Context, databases []*mongo.Database, out *report) error {
	for index, db := range databases {
		shared := db.Collection(fmt.Sprintf("shared_%d", index))
		if err := shared.Drop(ctx); err != nil {
			return err
		}
		var documents []bson.D
		for id := range 40 {
			documents = append(documents, byID(id))
		}
		if _, err := shared.InsertMany(ctx, documents); err != nil {
			return err
		}
		results, err := runWorkers(stepContext{ctx, db, shared, index})
		if err != nil {
			return err
		}
		if index == 0 {
			out.Results, out.Digest = results, digestOf(results)
		}
	}
	return nil
}

func runWorkers(c stepContext) ([]stepResult, error) {
	results, failures := make([]stepResult, workers), make([]error, workers)
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			work := transact
			if worker%2 == 0 {
				work = readSlowly
			}
			value, err := work(c, worker)
			results[worker], failures[worker] = stepResult{fmt.Sprintf("worker %d", worker), value}, err
		}()
	}
	wait.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

func readSlowly(c stepContext, worker int) (any, error) {
	opts := options.Find().SetBatchSize(3).SetSort(byID(1)).SetComment(comment("go.owners.read"))
	cursor, err := c.items.Find(c, doc("_id", doc("$gte", worker)), opts)
	if err != nil {
		return nil, err
	}
	ids := []int{}
	for {
		more, err := readOne(c, cursor, &ids)
		if err != nil || !more {
			return ids, err
		}
		if len(ids)%3 == 0 {
			time.Sleep(thinking)
		}
	}
}

func transact(c stepContext, worker int) (any, error) {
	own := stepContext{c, c.db, c.db.Collection(fmt.Sprintf("own_%d_%d", c.index, worker)), c.index}
	if err := own.items.Drop(c); err != nil {
		return nil, err
	}
	if _, err := own.items.InsertOne(c, byID(0)); err != nil {
		return nil, err
	}
	err := inTransaction(own, func(t stepContext, session *mongo.Session) error {
		for id := 1; id <= 5; id++ {
			if _, err := t.items.InsertOne(t, byID(id), options.InsertOne().SetComment(comment("go.owners.write"))); err != nil {
				return err
			}
			time.Sleep(thinking)
		}
		if worker%4 == 1 {
			return session.CommitTransaction(t)
		}
		return session.AbortTransaction(t)
	})
	if err != nil {
		return nil, err
	}
	return own.items.CountDocuments(c, bson.D{}, options.Count().SetComment(comment("go.owners.count")))
}
