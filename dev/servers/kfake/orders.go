package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// An order is what a test wants to happen to coming requests.
type order struct {
	// The request's api key: 0 Produce, 3 Metadata, 17 SaslHandshake, 18 ApiVersions, 36 SaslAuthenticate.
	Key int16
	// How many requests; a negative number is all of them, until the next reset.
	Count int
	// Kafka's error code, for faults.
	Code int16
	// Empty, or no partitions: any.
	Topic      string
	Partitions []int32
	// The answer as a whole has the code, for requests whose answer has one.
	TopLevel bool
	// In milliseconds, for delays.
	DelayMs int
	// For new topics.
	PartitionCount int32
	Config         map[string]string
	// For moves: the new leader.
	Node int32
}

type server struct {
	cluster *kfake.Cluster
	wires   *wires
	faults  []*kfake.FaultHandle
	// Grows with a reset: controls of an earlier one do nothing any more.
	generation atomic.Int64
}

// One path for each thing that can go wrong. Orders come one after the other, from one test.
func orders(cluster *kfake.Cluster, wires *wires) http.Handler {
	s := &server{cluster: cluster, wires: wires}
	mux := http.NewServeMux()
	handle := func(path string, do func(order) (any, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var wanted order
			if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			answer, err := do(wanted)
			if err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
				return
			}
			w.Header().Set("content-type", "application/json")
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
	done := struct{}{}
	handle("/ready", func(order) (any, error) { return done, nil })
	handle("/reset", func(order) (any, error) { return done, s.reset() })
	handle("/topics", func(o order) (any, error) { return done, cluster.CreateTopic(o.Topic, o.PartitionCount, o.Config) })
	handle("/leader", func(o order) (any, error) { return cluster.LeaderFor(o.Topic, o.Partitions[0]), nil })
	handle("/move", func(o order) (any, error) { return done, cluster.MoveTopicPartition(o.Topic, o.Partitions[0], o.Node) })
	// The leader moves when the next such request has arrived, before the broker acts on it.
	handle("/move-during", func(o order) (any, error) {
		return done, s.control(o, func(kmsg.Request) (kmsg.Response, error, bool) {
			return nil, cluster.MoveTopicPartition(o.Topic, o.Partitions[0], o.Node), false
		})
	})
	// The code in place of the answer. Only the two codes that say so leave the work done (kfake.Fault).
	handle("/fault", func(o order) (any, error) {
		s.faults = append(s.faults, cluster.Fault(kfake.Fault{
			Keys:       []kmsg.Key{kmsg.Key(o.Key)},
			Topic:      o.Topic,
			Partitions: o.Partitions,
			TopLevel:   o.TopLevel,
			Err:        &kerr.Error{Message: "ORDERED", Code: o.Code},
			Count:      o.Count,
		}))
		return done, nil
	})
	// The connection is closed in place of the work.
	handle("/hang-up-before", func(o order) (any, error) {
		return done, s.control(o, func(kmsg.Request) (kmsg.Response, error, bool) {
			return nil, errors.New("ordered to hang up"), true
		})
	})
	// The work is done, and the connection closed in place of the answer.
	handle("/hang-up-after", func(o order) (any, error) { wires.hangUp(o.Key, o.Count); return done, nil })
	// An answer with nothing in it, and no work is done.
	handle("/answer-nothing", func(o order) (any, error) {
		return done, s.control(o, func(request kmsg.Request) (kmsg.Response, error, bool) {
			return request.ResponseKind(), nil, true
		})
	})
	// No answer ever comes, and no work is done.
	handle("/silence", func(o order) (any, error) {
		return done, s.control(o, func(kmsg.Request) (kmsg.Response, error, bool) { return nil, nil, true })
	})
	handle("/delay", func(o order) (any, error) {
		return done, s.control(o, func(kmsg.Request) (kmsg.Response, error, bool) {
			cluster.SleepControl(func() { time.Sleep(time.Duration(o.DelayMs) * time.Millisecond) })
			return nil, nil, false
		})
	})
	return mux
}

// control has `act` look at the next requests of the order's kind.
func (s *server) control(o order, act func(kmsg.Request) (kmsg.Response, error, bool)) error {
	left, generation := o.Count, s.generation.Load()
	if left == 0 {
		left = 1
	}
	s.cluster.ControlKey(o.Key, func(request kmsg.Request) (kmsg.Response, error, bool) {
		if generation != s.generation.Load() || left == 0 {
			s.cluster.DropControl()
			return nil, nil, false
		}
		if !isOf(request, o) {
			return nil, nil, false
		}
		s.cluster.KeepControl()
		left--
		return act(request)
	})
	return nil
}

// isOf says whether a request is for the order's topic, where it names one.
func isOf(request kmsg.Request, o order) bool {
	produce, is := request.(*kmsg.ProduceRequest)
	if !is || o.Topic == "" {
		return true
	}
	for _, topic := range produce.Topics {
		if topic.Topic == o.Topic {
			return true
		}
	}
	return false
}

func (s *server) reset() error {
	for _, fault := range s.faults {
		fault.Remove()
	}
	s.faults = nil
	s.generation.Add(1)
	s.wires.reset()
	return nil
}
