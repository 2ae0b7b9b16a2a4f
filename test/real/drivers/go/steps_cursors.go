// Cursors of several batches: read to the end, read crossed, given up early; aggregates the same.
// Invariant: every cursor here needs at least two getMores, else it would prove nothing.
package main

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

var cursorSteps = []step{
	{"findInBatches", func(c stepContext) (any, error) {
		opts := options.Find().SetBatchSize(4).SetSort(byID(1)).SetComment(comment("go.findInBatches"))
		return idsOf(c)(c.items.Find(c, bson.D{}, opts))
	}},
	{"aggregateInBatches", func(c stepContext) (any, error) {
		pipeline := bson.A{doc("$match", doc("_id", doc("$lte", 20))), doc("$sort", byID(-1)), doc("$project", byID(1))}
		opts := options.Aggregate().SetBatchSize(3).SetComment(comment("go.aggregateInBatches"))
		return idsOf(c)(c.items.Aggregate(c, pipeline, opts))
	}},
	{"aggregateGroup", aggregateGroup},
	{"crossedCursors", crossedCursors},
	{"cursorGivenUp", func(c stepContext) (any, error) {
		opts := options.Find().SetBatchSize(2).SetSort(byID(1)).SetComment(comment("go.cursorGivenUp"))
		cursor, err := c.items.Find(c, bson.D{}, opts)
		if err != nil {
			return nil, err
		}
		ids := []int{}
		for range 3 {
			if _, err := readOne(c, cursor, &ids); err != nil {
				return nil, err
			}
		}
		return ids, cursor.Close(c)
	}},
}

func aggregateGroup(c stepContext) (any, error) {
	group := bson.D{{Key: "_id", Value: "$tag"}, {Key: "sum", Value: doc("$sum", "$n")}}
	opts := options.Aggregate().SetComment(comment("go.aggregateGroup"))
	cursor, err := c.items.Aggregate(c, bson.A{doc("$group", group), doc("$sort", byID(1))}, opts)
	if err != nil {
		return nil, err
	}
	var found []struct {
		ID  string `bson:"_id"`
		Sum int64  `bson:"sum"`
	}
	err = cursor.All(c, &found)
	rows := [][]any{}
	for _, row := range found {
		rows = append(rows, []any{row.ID, row.Sum})
	}
	return rows, err
}

func crossedCursors(c stepContext) (any, error) {
	var cursors []*mongo.Cursor
	for low := range 5 {
		opts := options.Find().SetBatchSize(3).SetLimit(12).SetSort(byID(1)).SetComment(comment("go.crossedCursors"))
		cursor, err := c.items.Find(c, doc("_id", doc("$gt", low)), opts)
		if err != nil {
			return nil, err
		}
		cursors = append(cursors, cursor)
	}
	ids := make([][]int, len(cursors))
	for open := true; open; {
		open = false
		for at, cursor := range cursors {
			more, err := readOne(c, cursor, &ids[at])
			if err != nil {
				return nil, err
			}
			open = open || more
		}
	}
	return ids, nil
}

func readOne(c stepContext, cursor *mongo.Cursor, ids *[]int) (bool, error) {
	if !cursor.Next(c) {
		return false, cursor.Err()
	}
	var found item
	err := cursor.Decode(&found)
	*ids = append(*ids, found.ID)
	return true, err
}
