// Sessions of a web shop, in shards.
//
//	leak   (*Store).Put       a session per visit; logging out deletes it, a third of the
//	                          visitors never log out, and nothing looks for old ones
//	decoy  (*Limiter).Allow   a bucket per address for a while: as many as there are visitors
//	                          at the time, more by day
//	decoy  (*Journal).Note    lines that are written out in batches: a saw-tooth
package main

import (
	"fmt"
	"math"
)

type Session struct {
	Opened int
	Cart   [8]uint32
	Client [64]byte
}

type Store struct {
	shards [16]map[uint64]Session
}

func (s *Store) Put(id uint64, tick int) {
	shard := &s.shards[id%16]
	if *shard == nil {
		*shard = make(map[uint64]Session)
	}
	(*shard)[id] = Session{Opened: tick}
}

func (s *Store) Delete(id uint64) {
	delete(s.shards[id%16], id)
}

type Limiter struct {
	left  map[string]int
	order []string
}

func (l *Limiter) Allow(address uint64) bool {
	name := fmt.Sprintf("address %d of a visitor of the shop", address)
	left, known := l.left[name]
	if !known {
		left = 100
		l.order = append(l.order, name)
	}
	l.left[name] = left - 1
	return left > 0
}

func (l *Limiter) Forget(keep int) {
	for len(l.order) > keep {
		delete(l.left, l.order[0])
		l.order = l.order[1:]
	}
}

type Journal struct {
	lines   []string
	written int
}

func (j *Journal) Note(id uint64, tick int) {
	j.lines = append(j.lines, fmt.Sprintf("tick %d: session %016x was opened by a visitor", tick, id))
	if len(j.lines) == 8000 {
		j.written += len(j.lines)
		j.lines = nil
	}
}

func main() {
	pace := startPace(100)
	r := random(*seed)
	store := &Store{}
	limiter := &Limiter{left: map[string]int{}}
	journal := &Journal{}
	var open []uint64
	allowed := 0
	for pace.next() {
		for i := 0; i < 40; i++ {
			id := r.next()
			store.Put(id, pace.tick)
			journal.Note(id, pace.tick)
			if limiter.Allow(r.below(50000)) {
				allowed++
			}
			if id/16%3 != 0 {
				open = append(open, id)
			}
		}
		for len(open) > 800 {
			store.Delete(open[0])
			open = open[1:]
		}
		limiter.Forget(3000 + int(1500*math.Sin(float64(pace.tick)/240*2*math.Pi)))
	}
	sessions := 0
	for _, shard := range store.shards {
		sessions += len(shard)
	}
	fmt.Println("allowed:", allowed, "sessions:", sessions, "written:", journal.written)
}
