// What the Go driver is recorded doing. Arguments: connection string, scenario (script, login).
//
// Invariant: it exits with 0 only if every step did what it should.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func mustFail(err error, what string) {
	if err == nil {
		log.Fatal("passed: ", what)
	}
}

func order(id, customer, qty int) bson.D {
	return bson.D{{Key: "_id", Value: id}, {Key: "customer", Value: customer}, {Key: "item", Value: fmt.Sprint("item ", id)}, {Key: "qty", Value: qty}}
}

func write(ctx context.Context, orders *mongo.Collection) {
	_, err := orders.InsertOne(ctx, order(1, 1, 1), options.InsertOne().SetComment("shop.go:10 addOne"))
	must(err)
	many := make([]any, 0, 8)
	for i := range 8 {
		many = append(many, order(10+i, i%3, i))
	}
	_, err = orders.InsertMany(ctx, many)
	must(err)
	_, err = orders.UpdateOne(ctx, bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "$set", Value: bson.D{{Key: "qty", Value: 2}}}},
		options.UpdateOne().SetComment(bson.D{{Key: "callingFunction", Value: "shop.touch"}, {Key: "user", Value: "u-17"}}))
	must(err)
	_, err = orders.UpdateMany(ctx, bson.D{{Key: "customer", Value: 2}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "qty", Value: 1}}}})
	must(err)
	_, err = orders.DeleteOne(ctx, bson.D{{Key: "_id", Value: 17}})
	must(err)
	_, err = orders.BulkWrite(ctx, []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(order(40, 4, 1)),
		mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: 40}}).SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "qty", Value: 9}}}}),
		mongo.NewDeleteOneModel().SetFilter(bson.D{{Key: "_id", Value: 16}}),
	})
	must(err)
	must(orders.FindOneAndUpdate(ctx, bson.D{{Key: "_id", Value: 10}}, bson.D{{Key: "$set", Value: bson.D{{Key: "qty", Value: 5}}}}).Err())
	_, err = orders.InsertOne(ctx, order(1, 1, 1))
	mustFail(err, "a second document with the same _id")
}

func read(ctx context.Context, database *mongo.Database, orders *mongo.Collection) {
	cursor, err := orders.Find(ctx, bson.D{}, options.Find().SetBatchSize(3).SetComment("shop.go:31 listAll"))
	must(err)
	var all []bson.D
	must(cursor.All(ctx, &all))
	if len(all) != 8 {
		log.Fatal("orders: ", len(all))
	}
	early, err := orders.Find(ctx, bson.D{{Key: "customer", Value: bson.D{{Key: "$in", Value: bson.A{0, 1}}}}}, options.Find().SetBatchSize(2))
	must(err)
	early.Next(ctx)
	must(early.Close(ctx))
	cursor, err = orders.Aggregate(ctx, mongo.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "qty", Value: bson.D{{Key: "$gte", Value: 1}}}, {Key: "$comment", Value: "shop.go:40 join"}}}},
		{{Key: "$lookup", Value: bson.D{{Key: "from", Value: "customers"}, {Key: "localField", Value: "customer"}, {Key: "foreignField", Value: "_id"}, {Key: "as", Value: "who"}}}},
	})
	must(err)
	must(cursor.All(ctx, &all))
	_, err = orders.CountDocuments(ctx, bson.D{})
	must(err)
	must(orders.Distinct(ctx, "item", bson.D{{Key: "customer", Value: 1}}).Err())
	mustFail(database.RunCommand(ctx, bson.D{{Key: "find", Value: "orders"}, {Key: "filter", Value: bson.D{{Key: "$nope", Value: 1}}}}).Err(), "an unknown operator")
}

func transact(ctx context.Context, client *mongo.Client, orders *mongo.Collection) {
	session, err := client.StartSession()
	must(err)
	defer session.EndSession(ctx)
	inside := mongo.NewSessionContext(ctx, session)
	must(session.StartTransaction())
	_, err = orders.InsertOne(inside, order(50, 5, 1))
	must(err)
	must(session.CommitTransaction(ctx))
	must(session.StartTransaction())
	_, err = orders.InsertOne(inside, order(51, 5, 1))
	must(err)
	must(session.AbortTransaction(ctx))
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(os.Args[1]))
	must(err)
	database := client.Database("fixtures")
	orders := database.Collection("orders")
	if os.Args[2] == "login" {
		_ = orders.FindOne(ctx, bson.D{{Key: "_id", Value: 1}})
	} else {
		must(database.Drop(ctx))
		_, err = database.Collection("customers").InsertOne(ctx, bson.D{{Key: "_id", Value: 1}, {Key: "name", Value: "Ada"}})
		must(err)
		write(ctx, orders)
		read(ctx, database, orders)
		transact(ctx, client, orders)
		// Answered by nobody: the command behind it shows that it arrived.
		silent := database.Collection("orders", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
		_, err = silent.InsertOne(ctx, order(60, 6, 1))
		must(err)
		must(database.RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err())
	}
	must(client.Disconnect(ctx))
}
