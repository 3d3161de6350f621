// Sends events to those who subscribed.
//
//	leak   (*Hub).pump         a goroutine per subscriber, with a buffer; it ends when its
//	                           channel is closed, which nobody does for a client that just
//	                           went away: one in four
//	decoy  (*History).Append   the last 4000 events, a ring at its limit
//	decoy  (*Hub).Snapshot     the state for newcomers, made anew every second
//	decoy  (*Backlog).Push     events that wait for a slow disk: bursts, which end
package main

import (
	"fmt"
	"sync/atomic"
)

type Hub struct {
	delivered int64
	state     [][]byte
}

type client struct {
	events chan int
	done   chan bool
}

func (h *Hub) Subscribe(size int) *client {
	c := &client{make(chan int, 1), make(chan bool, 1)}
	go h.pump(c, size)
	return c
}

func (h *Hub) pump(c *client, size int) {
	buffer := make([]byte, size)
	for event := range c.events {
		n := copy(buffer, fmt.Sprintf("event %d", event))
		atomic.AddInt64(&h.delivered, int64(n))
	}
	c.done <- true
	atomic.AddInt64(&h.delivered, int64(buffer[0]))
}

func (h *Hub) Snapshot(tick int) {
	state := make([][]byte, 0, 1500)
	for i := 0; i < 1500; i++ {
		state = append(state, make([]byte, 1500+(tick+i)%200))
	}
	h.state = state
}

type History struct {
	ring [4000][]byte
	next int
}

func (h *History) Append(size int) {
	h.ring[h.next%len(h.ring)] = make([]byte, size)
	h.next++
}

type Backlog struct {
	waiting []string
}

func (b *Backlog) Push(number int) {
	b.waiting = append(b.waiting, fmt.Sprintf("event %d waits for the disk, which is busy now", number))
}

func (b *Backlog) Write(count int) {
	if count >= len(b.waiting) {
		b.waiting = nil
		return
	}
	b.waiting = b.waiting[count:]
}

func main() {
	pace := startPace(100)
	r := random(*seed)
	hub := &Hub{}
	history := &History{}
	backlog := &Backlog{}
	var clients []*client
	events := 0
	for pace.next() {
		if pace.tick%100 == 1 {
			hub.Snapshot(pace.tick)
		}
		for i := 0; i < 2; i++ {
			clients = append(clients, hub.Subscribe(int(1500+r.below(1000))))
		}
		for len(clients) > 60 {
			if r.below(4) != 0 {
				close(clients[0].events)
				<-clients[0].done
			}
			clients = clients[1:]
		}
		for i := 0; i < 20; i++ {
			events++
			history.Append(int(300 + r.below(600)))
			select {
			case clients[r.below(uint64(len(clients)))].events <- events:
			default:
			}
		}
		if r.below(90) == 0 {
			for i := 0; i < 12000; i++ {
				backlog.Push(events + i)
			}
		}
		backlog.Write(400)
	}
	fmt.Println("events:", history.next, "state:", len(hub.state), "waiting:", len(backlog.waiting),
		"delivered some:", atomic.LoadInt64(&hub.delivered) > 0)
}
