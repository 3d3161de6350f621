// A proxy that caches. Nothing leaks here.
//
//	decoy  newBuffer            buffers of a sync.Pool
//	decoy  (*Cache).Put         answers, an LRU cache at its limit
//	decoy  (*Resolver).Lookup   addresses of 1200 hosts, each remembered when it was asked for
//	decoy  (*Tunnels).Open      tunnels: more of them by day than by night
package main

import (
	"container/list"
	"fmt"
	"math"
	"sync"
)

func newBuffer() interface{} {
	buffer := make([]byte, 16384)
	return &buffer
}

type answer struct {
	url  string
	body []byte
}

type Cache struct {
	order *list.List
	byURL map[string]*list.Element
}

func (c *Cache) Get(url string) []byte {
	element, ok := c.byURL[url]
	if !ok {
		return nil
	}
	c.order.MoveToFront(element)
	return element.Value.(*answer).body
}

func (c *Cache) Put(url string, body []byte) {
	kept := make([]byte, len(body))
	copy(kept, body)
	c.byURL[url] = c.order.PushFront(&answer{url, kept})
	if c.order.Len() > 1500 {
		last := c.order.Back()
		delete(c.byURL, last.Value.(*answer).url)
		c.order.Remove(last)
	}
}

type Resolver struct {
	known map[uint64][]string
}

func (r *Resolver) Lookup(host uint64) int {
	addresses, ok := r.known[host]
	if !ok {
		for i := uint64(0); i < 4; i++ {
			addresses = append(addresses, fmt.Sprintf("192.0.%d.%d is an address of it", i, host%256))
		}
		r.known[host] = addresses
	}
	return len(addresses)
}

type Tunnel struct {
	Number int
	Buffer [600]byte
}

type Tunnels struct {
	open map[int]*Tunnel
	last int
}

func (t *Tunnels) Open(number int) {
	t.open[number] = &Tunnel{Number: number}
}

func (t *Tunnels) CloseDownTo(count int) {
	for len(t.open) > count {
		t.last++
		delete(t.open, t.last)
	}
}

func main() {
	pace := startPace(100)
	r := random(*seed)
	pool := &sync.Pool{New: newBuffer}
	cache := &Cache{list.New(), map[string]*list.Element{}}
	resolver := &Resolver{map[uint64][]string{}}
	tunnels := &Tunnels{open: map[int]*Tunnel{}}
	hits, addresses, number := 0, 0, 0
	for pace.next() {
		var borrowed []*[]byte
		for i := 20 + r.below(20); i > 0; i-- {
			borrowed = append(borrowed, pool.Get().(*[]byte))
		}
		for i, buffer := range borrowed {
			url := fmt.Sprintf("http://site.example/page/%d", r.popular(30000))
			if cache.Get(url) != nil {
				hits++
			} else {
				cache.Put(url, (*buffer)[:500+r.below(1500)])
			}
			addresses += resolver.Lookup(r.below(1200))
			if i < 18 {
				number++
				tunnels.Open(number)
			}
		}
		for _, buffer := range borrowed {
			pool.Put(buffer)
		}
		tunnels.CloseDownTo(1800 + int(1200*math.Sin(float64(pace.tick)/260*2*math.Pi)))
	}
	fmt.Println("hits:", hits, "addresses:", addresses, "tunnels:", number, len(tunnels.open))
}
