// Collects measurements and shows the last of them.
//
//	leak   (*Series).Add       points are appended per series; what is older than an hour was
//	                           to be cut off, and is not
//	decoy  (*Labels).Describe  what the series are: complete after the first seconds
//	decoy  (*Pages).Put        pages that were shown lately, an LRU cache at its limit
//	decoy  (*Export).Write     a buffer that is sent off when it is full: a saw-tooth
package main

import (
	"bytes"
	"container/list"
	"fmt"
)

type Point struct {
	Time  int
	Value float64
	Raw   float64
}

type Series struct {
	points []Point
}

func (s *Series) Add(time int, value float64) {
	s.points = append(s.points, Point{time, value, value / 17})
}

type Labels struct {
	names map[int]map[string]string
}

func (l *Labels) Describe(number int) {
	labels := make(map[string]string)
	for i := 0; i < 5; i++ {
		labels[fmt.Sprintf("label-%d", i)] = fmt.Sprintf("value %d of the series %d", i, number)
	}
	l.names[number] = labels
}

type page struct {
	key  uint64
	text []byte
}

type Pages struct {
	order *list.List
	byKey map[uint64]*list.Element
}

func (p *Pages) Put(key uint64, size int) {
	if element, ok := p.byKey[key]; ok {
		p.order.MoveToFront(element)
		return
	}
	p.byKey[key] = p.order.PushFront(&page{key, make([]byte, size)})
	if p.order.Len() > 900 {
		last := p.order.Back()
		delete(p.byKey, last.Value.(*page).key)
		p.order.Remove(last)
	}
}

type Export struct {
	buffer *bytes.Buffer
	sent   int
}

func (e *Export) Write(series uint64, value float64) {
	fmt.Fprintf(e.buffer, "series %d of the plant has the value %.2f\n", series, value)
	if e.buffer.Len() > 500000 {
		e.sent += e.buffer.Len()
		e.buffer = &bytes.Buffer{}
	}
}

func main() {
	pace := startPace(100)
	r := random(*seed)
	series := make([]Series, 80)
	labels := &Labels{map[int]map[string]string{}}
	pages := &Pages{list.New(), map[uint64]*list.Element{}}
	export := &Export{buffer: &bytes.Buffer{}}
	for pace.next() {
		for len(labels.names) < 1500 && float64(len(labels.names)) < pace.progress()/0.2*1500 {
			labels.Describe(len(labels.names))
		}
		for i := 0; i < 200; i++ {
			number := r.popular(80)
			value := float64(r.below(100000)) / 100
			series[number].Add(pace.tick, value)
			if i%4 == 0 {
				export.Write(number, value)
			}
			if i%20 == 0 {
				pages.Put(r.popular(20000), int(1000+r.below(3000)))
			}
		}
	}
	points := 0
	for i := range series {
		points += len(series[i].points)
	}
	fmt.Println("points:", points, "labels:", len(labels.names), "pages:", pages.order.Len(),
		"sent:", export.sent)
}
