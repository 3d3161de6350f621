// Sessions of 32 web shops, large ones and small ones.
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
	shops [32]map[uint64]Session
}

func (s *Store) Put(shop, id uint64, tick int) {
	sessions := &s.shops[shop]
	if *sessions == nil {
		*sessions = make(map[uint64]Session)
	}
	(*sessions)[id] = Session{Opened: tick}
}

func (s *Store) Delete(shop, id uint64) {
	delete(s.shops[shop], id)
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
	var open [][2]uint64
	allowed := 0
	for pace.next() {
		for i := 0; i < 40; i++ {
			id := r.next()
			shop := r.popular(32)
			store.Put(shop, id, pace.tick)
			journal.Note(id, pace.tick)
			if limiter.Allow(r.below(50000)) {
				allowed++
			}
			if id%3 != 0 {
				open = append(open, [2]uint64{shop, id})
			}
		}
		for len(open) > 800 {
			store.Delete(open[0][0], open[0][1])
			open = open[1:]
		}
		limiter.Forget(3000 + int(1500*math.Sin(float64(pace.tick)/240*2*math.Pi)))
	}
	sessions := 0
	for _, shop := range store.shops {
		sessions += len(shop)
	}
	fmt.Println("allowed:", allowed, "sessions:", sessions, "written:", journal.written)
}
