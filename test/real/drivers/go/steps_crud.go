// Reads and writes of single documents and of many, bulk writes, indexes, and the errors they must end in.
// Invariant: the collection starts empty (dropped first), so that every value is known.
package main

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

type item struct {
	ID  int    `bson:"_id"`
	N   int    `bson:"n"`
	Tag string `bson:"tag"`
}

func many(low, high int) []item {
	var items []item
	for n := low; n <= high; n++ {
		items = append(items, item{n, n, "new"})
	}
	return items
}

func byID(id int) bson.D { return bson.D{{Key: "_id", Value: id}} }

func doc(name string, value any) bson.D { return bson.D{{Key: name, Value: value}} }

// failsWith turns the error that a step must end in into its value.
func failsWith(err error) (any, error) {
	if err == nil {
		return "no error", nil
	}
	if code := codeOf(err); code != 0 {
		return code, nil
	}
	return nil, err
}

func matched(done *mongo.UpdateResult, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return []int64{done.MatchedCount, done.ModifiedCount}, nil
}

var crudSteps = []step{
	{"dropFirst", func(c stepContext) (any, error) { return true, c.items.Drop(c) }},
	{"insertOne", func(c stepContext) (any, error) {
		done, err := c.items.InsertOne(c, item{1, 1, "one"}, options.InsertOne().SetComment(comment("go.insert")))
		if err != nil {
			return nil, err
		}
		return done.InsertedID, nil
	}},
	{"insertMany", func(c stepContext) (any, error) {
		done, err := c.items.InsertMany(c, many(2, 30), options.InsertMany().SetComment(comment("go.insert")))
		if err != nil {
			return nil, err
		}
		return len(done.InsertedIDs), nil
	}},
	{"duplicateKey", func(c stepContext) (any, error) {
		_, err := c.items.InsertOne(c, byID(1), options.InsertOne().SetComment(comment("go.insert")))
		return failsWith(err)
	}},
	{"findOne", func(c stepContext) (any, error) {
		var found item
		err := c.items.FindOne(c, byID(7), options.FindOne().SetComment(comment("go.findOne"))).Decode(&found)
		return []any{found.ID, found.N, found.Tag}, err
	}},
	{"findCommentInFilter", func(c stepContext) (any, error) {
		filter := bson.D{{Key: "n", Value: doc("$gt", 27)}, {Key: "$comment", Value: "go.findCommentInFilter"}}
		return idsOf(c)(c.items.Find(c, filter, options.Find().SetSort(byID(1))))
	}},
	{"updateOne", func(c stepContext) (any, error) {
		opts := options.UpdateOne().SetComment(comment("go.update"))
		return matched(c.items.UpdateOne(c, byID(2), doc("$inc", doc("n", 100)), opts))
	}},
	{"updateMany", func(c stepContext) (any, error) {
		opts := options.UpdateMany().SetComment(comment("go.update"))
		return matched(c.items.UpdateMany(c, doc("n", doc("$lte", 10)), doc("$set", doc("tag", "small")), opts))
	}},
	{"upsert", func(c stepContext) (any, error) {
		change := doc("$set", bson.D{{Key: "n", Value: 31}, {Key: "tag", Value: "upserted"}})
		opts := options.UpdateOne().SetUpsert(true).SetComment(comment("go.update"))
		done, err := c.items.UpdateOne(c, byID(31), change, opts)
		if err != nil {
			return nil, err
		}
		return []int64{done.MatchedCount, done.UpsertedCount}, nil
	}},
	{"replaceOne", func(c stepContext) (any, error) {
		opts := options.Replace().SetComment(comment("go.update"))
		return matched(c.items.ReplaceOne(c, byID(3), item{3, 3, "replaced"}, opts))
	}},
	{"findOneAndUpdate", func(c stepContext) (any, error) {
		opts := options.FindOneAndUpdate().SetReturnDocument(options.After).SetComment(comment("go.findAndModify"))
		var after item
		err := c.items.FindOneAndUpdate(c, byID(4), doc("$set", doc("tag", "taken")), opts).Decode(&after)
		return []any{after.ID, after.Tag}, err
	}},
	{"findOneAndDelete", func(c stepContext) (any, error) {
		var gone item
		opts := options.FindOneAndDelete().SetComment(comment("go.findAndModify"))
		err := c.items.FindOneAndDelete(c, byID(30), opts).Decode(&gone)
		return gone.ID, err
	}},
	{"deleteOne", func(c stepContext) (any, error) {
		done, err := c.items.DeleteOne(c, byID(29), options.DeleteOne().SetComment(comment("go.delete")))
		if err != nil {
			return nil, err
		}
		return done.DeletedCount, nil
	}},
	{"deleteMany", func(c stepContext) (any, error) {
		filter := doc("_id", doc("$in", bson.A{27, 28}))
		done, err := c.items.DeleteMany(c, filter, options.DeleteMany().SetComment(comment("go.delete")))
		if err != nil {
			return nil, err
		}
		return done.DeletedCount, nil
	}},
	{"countDocuments", func(c stepContext) (any, error) {
		return c.items.CountDocuments(c, bson.D{}, options.Count().SetComment(comment("go.count")))
	}},
	{"estimatedCount", func(c stepContext) (any, error) {
		opts := options.EstimatedDocumentCount().SetComment(comment("go.estimatedCount"))
		return c.items.EstimatedDocumentCount(c, opts)
	}},
	{"distinct", func(c stepContext) (any, error) {
		tags := []string{}
		found := c.items.Distinct(c, "tag", bson.D{}, options.Distinct().SetComment(comment("go.distinct")))
		err := found.Decode(&tags)
		sort.Strings(tags)
		return tags, err
	}},
	{"bulkOrdered", bulkOrdered},
	{"bulkUnordered", bulkUnordered},
	{"createIndex", func(c stepContext) (any, error) {
		return c.items.Indexes().CreateOne(c, mongo.IndexModel{Keys: doc("n", 1), Options: options.Index().SetName("by_n")})
	}},
	{"listIndexes", func(c stepContext) (any, error) {
		cursor, err := c.items.Indexes().List(c, options.ListIndexes().SetBatchSize(1))
		return names(c, cursor, err, "")
	}},
	{"listCollections", func(c stepContext) (any, error) {
		cursor, err := c.db.ListCollections(c, doc("name", c.items.Name()))
		return names(c, cursor, err, fmt.Sprint(c.index))
	}},
	{"unknownCommand", func(c stepContext) (any, error) {
		command := bson.D{{Key: "noSuchCommandAtAll", Value: 1}, {Key: "comment", Value: comment("go.unknownCommand")}}
		return failsWith(c.db.RunCommand(c, command).Err())
	}},
}

func bulkOrdered(c stepContext) (any, error) {
	done, err := c.items.BulkWrite(c, []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(item{40, 40, "bulk"}),
		mongo.NewInsertOneModel().SetDocument(item{41, 41, "bulk"}),
		mongo.NewUpdateOneModel().SetFilter(byID(40)).SetUpdate(doc("$inc", doc("n", 1))),
		mongo.NewReplaceOneModel().SetFilter(byID(41)).SetReplacement(item{41, 0, "bulk"}),
		mongo.NewDeleteOneModel().SetFilter(byID(5)),
	}, options.BulkWrite().SetComment(comment("go.bulkOrdered")))
	if err != nil {
		return nil, err
	}
	return []int64{done.InsertedCount, done.MatchedCount, done.ModifiedCount, done.DeletedCount}, nil
}

func bulkUnordered(c stepContext) (any, error) {
	done, err := c.items.BulkWrite(c, []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(bson.D{{Key: "_id", Value: 50}, {Key: "tag", Value: "bulk"}}),
		mongo.NewInsertOneModel().SetDocument(bson.D{{Key: "_id", Value: 1}, {Key: "tag", Value: "bulk"}}),
		mongo.NewInsertOneModel().SetDocument(bson.D{{Key: "_id", Value: 51}, {Key: "tag", Value: "bulk"}}),
		mongo.NewDeleteOneModel().SetFilter(byID(40)),
	}, options.BulkWrite().SetOrdered(false).SetComment(comment("go.bulkUnordered")))
	var failed mongo.BulkWriteException
	if !errors.As(err, &failed) {
		return "no error", err
	}
	return []int64{int64(codeOf(err)), done.InsertedCount, done.DeletedCount}, nil
}

func names(c stepContext, cursor *mongo.Cursor, err error, client string) (any, error) {
	if err != nil {
		return nil, err
	}
	found := []string{}
	for cursor.Next(c) {
		name := cursor.Current.Lookup("name").StringValue()
		if client != "" {
			name = strings.Replace(name, client, "#", 1)
		}
		found = append(found, name)
	}
	sort.Strings(found)
	return found, cursor.Err()
}

// idsOf reads a cursor to its end: idsOf(c)(collection.Find(…)).
func idsOf(c stepContext) func(*mongo.Cursor, error) (any, error) {
	return func(cursor *mongo.Cursor, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		var items []item
		err = cursor.All(c, &items)
		ids := make([]int, 0, len(items))
		for _, found := range items {
			ids = append(ids, found.ID)
		}
		return ids, err
	}
}
