// Transactions, a change stream, unacknowledged writes, and the drop at the end.
// Invariant: each client's transactions touch its own collection: concurrent ones on one collection may conflict.
package main

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

const streamDeadline = 60 * time.Second

var sessionSteps = []step{
	{"transactionCommit", transactionCommit},
	{"transactionAbort", transactionAbort},
	{"changeStream", changeStream},
	{"unacknowledged", unacknowledged},
	{"dropLast", func(c stepContext) (any, error) { return true, c.items.Drop(c) }},
}

func tagged(c stepContext, tag, callSite string) (int64, error) {
	return c.items.CountDocuments(c, doc("tag", tag), options.Count().SetComment(comment(callSite)))
}

func transactionCommit(c stepContext) (any, error) {
	const site = "go.transactionCommit"
	var inside any
	err := inTransaction(c, func(t stepContext, session *mongo.Session) error {
		documents := []bson.D{append(byID(60), doc("tag", "txn")...), append(byID(61), doc("tag", "txn")...)}
		if _, err := t.items.InsertMany(t, documents, options.InsertMany().SetComment(comment(site))); err != nil {
			return err
		}
		change := doc("$set", doc("n", 1))
		if _, err := t.items.UpdateOne(t, byID(60), change, options.UpdateOne().SetComment(comment(site))); err != nil {
			return err
		}
		opts := options.Find().SetBatchSize(1).SetSort(byID(1)).SetComment(comment(site))
		var err error
		if inside, err = idsOf(t)(t.items.Find(t, doc("tag", "txn"), opts)); err != nil {
			return err
		}
		return session.CommitTransaction(t)
	})
	if err != nil {
		return nil, err
	}
	after, err := tagged(c, "txn", site)
	return []any{inside, after}, err
}

func transactionAbort(c stepContext) (any, error) {
	const site = "go.transactionAbort"
	err := inTransaction(c, func(t stepContext, session *mongo.Session) error {
		document := append(byID(70), doc("tag", "aborted")...)
		if _, err := t.items.InsertOne(t, document, options.InsertOne().SetComment(comment(site))); err != nil {
			return err
		}
		return session.AbortTransaction(t)
	})
	if err != nil {
		return nil, err
	}
	return tagged(c, "aborted", site)
}

// inTransaction starts a transaction and leaves its end to work.
func inTransaction(c stepContext, work func(t stepContext, session *mongo.Session) error) error {
	session, err := c.db.Client().StartSession()
	if err != nil {
		return err
	}
	defer session.EndSession(context.WithoutCancel(c))
	if err := session.StartTransaction(); err != nil {
		return err
	}
	return work(stepContext{mongo.NewSessionContext(c, session), c.db, c.items, c.index}, session)
}

func changeStream(c stepContext) (any, error) {
	// Narrow on purpose: under load the server may show a new stream inserts committed just before it was opened.
	watched := bson.D{{Key: "operationType", Value: "insert"}, {Key: "fullDocument.tag", Value: "watched"}}
	pipeline := bson.A{doc("$match", watched)}
	opts := options.ChangeStream().SetMaxAwaitTime(200 * time.Millisecond).SetComment(comment("go.changeStream"))
	// Watch opens the stream at the server, so that no insert below can come before it.
	stream, err := c.items.Watch(c, pipeline, opts)
	if err != nil {
		return nil, err
	}
	for id := 80; id < 85; id++ {
		document := append(byID(id), doc("tag", "watched")...)
		if _, err := c.items.InsertOne(c, document, options.InsertOne().SetComment(comment("go.watchedInsert"))); err != nil {
			return nil, err
		}
	}
	seen := []int64{}
	for deadline := time.Now().Add(streamDeadline); len(seen) < 5 && time.Now().Before(deadline); {
		if stream.TryNext(c) {
			seen = append(seen, stream.Current.Lookup("documentKey", "_id").AsInt64())
		} else if err := stream.Err(); err != nil {
			return nil, err
		}
	}
	return seen, stream.Close(c)
}

func unacknowledged(c stepContext) (any, error) {
	silent := c.db.Collection(c.items.Name(), options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	for id := 90; id < 95; id++ {
		document := append(byID(id), doc("tag", "w0")...)
		if _, err := silent.InsertOne(c, document, options.InsertOne().SetComment("go.unacknowledged")); err != nil {
			return nil, err
		}
	}
	for deadline := time.Now().Add(streamDeadline); ; time.Sleep(50 * time.Millisecond) {
		found, err := tagged(c, "w0", "go.count")
		if err != nil || found == 5 || time.Now().After(deadline) {
			return found, err
		}
	}
}
