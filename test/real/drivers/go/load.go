// Steady load for a number of seconds: durable inserts, cursors of several batches, transactions.
// Errors are counted, never fatal. Invariant: an _id is reported as acknowledged only after the server said so
// with w:majority, j:true.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

const (
	seedDocuments = 12
	batch         = 5
	// Between batches and statements, so that cursors and transactions are open when the server dies.
	loadThinking = 5 * time.Millisecond
)

type latencyRow struct {
	Operation string  `json:"operation"`
	Count     int     `json:"count"`
	P50       float64 `json:"p50"`
	P99       float64 `json:"p99"`
	Max       float64 `json:"max"`
}

type acknowledgement struct {
	id string
	at time.Time
}

type loadClient struct {
	db             *mongo.Database
	name, callSite string
	next           int
	acknowledged   []acknowledgement
	latencies      map[string][]float64
}

func durable() *writeconcern.WriteConcern {
	journal := true
	return &writeconcern.WriteConcern{W: "majority", Journal: &journal}
}

func (l *loadClient) perform(ctx context.Context, operation string) error {
	started := time.Now()
	var err error
	switch operation {
	case "insert":
		err = l.insert(ctx)
	case "find":
		err = l.find(ctx)
	default:
		err = l.transaction(ctx)
	}
	if err == nil {
		l.latencies[operation] = append(l.latencies[operation], float64(time.Since(started).Microseconds())/1000)
	}
	return err
}

func (l *loadClient) insert(ctx context.Context) error {
	id := l.nextID()
	load := l.db.Collection("load", options.Collection().SetWriteConcern(durable()))
	_, err := load.InsertOne(ctx, doc("_id", id), options.InsertOne().SetComment(comment(l.callSite+".insert")))
	if err == nil {
		l.acknowledged = append(l.acknowledged, acknowledgement{id, time.Now()})
	}
	return err
}

func (l *loadClient) find(ctx context.Context) error {
	opts := options.Find().SetBatchSize(batch).SetComment(comment(l.callSite + ".find"))
	cursor, err := l.db.Collection("seed").Find(ctx, bson.D{}, opts)
	if err != nil {
		return err
	}
	found := 0
	for cursor.Next(ctx) {
		found++
		if found%batch == 0 {
			time.Sleep(loadThinking)
		}
	}
	if err := cursor.Err(); err != nil {
		return err
	}
	if found != seedDocuments {
		return fmt.Errorf("a find returned %d documents", found)
	}
	return nil
}

func (l *loadClient) transaction(ctx context.Context) error {
	session, err := l.db.Client().StartSession()
	if err != nil {
		return err
	}
	defer session.EndSession(ctx)
	if err := session.StartTransaction(options.Transaction().SetWriteConcern(durable())); err != nil {
		return err
	}
	inside := mongo.NewSessionContext(ctx, session)
	ids := []string{l.nextID(), l.nextID()}
	for _, id := range ids {
		opts := options.InsertOne().SetComment(comment(l.callSite + ".transaction"))
		if _, err := l.db.Collection("txn_"+l.name).InsertOne(inside, doc("_id", id), opts); err != nil {
			return err
		}
		time.Sleep(loadThinking)
	}
	if err := session.CommitTransaction(inside); err != nil {
		return err
	}
	for _, id := range ids {
		l.acknowledged = append(l.acknowledged, acknowledgement{id, time.Now()})
	}
	return nil
}

func (l *loadClient) nextID() string {
	l.next++
	return fmt.Sprintf("%s-%d", l.name, l.next)
}

func runLoad(ctx context.Context, databases []*mongo.Database, errs *errorLedger, f flags, out *report) error {
	if err := seed(ctx, databases[0].Collection("seed")); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "load started")
	end := time.Now().Add(time.Duration(f.seconds * float64(time.Second)))
	var wait sync.WaitGroup
	var clients []*loadClient
	for index, db := range databases {
		client := &loadClient{
			db: db, name: fmt.Sprintf("%s-%d", f.app, index), callSite: f.callSite, latencies: map[string][]float64{},
		}
		clients = append(clients, client)
		wait.Add(1)
		go func() {
			defer wait.Done()
			client.run(ctx, errs, f, end)
		}()
	}
	wait.Wait()
	for _, client := range clients {
		for _, done := range client.acknowledged {
			out.Acknowledged = append(out.Acknowledged, done.id)
			if done.at.After(end.Add(-3 * time.Second)) {
				out.InLastThree++
			}
		}
	}
	for _, operation := range operations(f) {
		out.Latencies = append(out.Latencies, latencyOf(operation, clients))
	}
	return nil
}

func (l *loadClient) run(ctx context.Context, errs *errorLedger, f flags, end time.Time) {
	for time.Now().Before(end) {
		for _, operation := range operations(f) {
			if err := l.perform(ctx, operation); err != nil {
				errs.add(operation, err)
				time.Sleep(20 * time.Millisecond)
			}
		}
		time.Sleep(time.Duration(f.pauseMs * float64(time.Millisecond)))
	}
}

func seed(ctx context.Context, collection *mongo.Collection) error {
	if err := collection.Drop(ctx); err != nil {
		return err
	}
	var documents []bson.D
	for n := range seedDocuments {
		documents = append(documents, doc("_id", fmt.Sprint(n)))
	}
	_, err := collection.InsertMany(ctx, documents)
	return err
}

func latencyOf(operation string, clients []*loadClient) latencyRow {
	var every []float64
	for _, client := range clients {
		every = append(every, client.latencies[operation]...)
	}
	sort.Float64s(every)
	at := func(share float64) float64 {
		if len(every) == 0 {
			return 0
		}
		return every[min(len(every)-1, int(float64(len(every))*share))]
	}
	return latencyRow{operation, len(every), at(0.5), at(0.99), at(1)}
}
