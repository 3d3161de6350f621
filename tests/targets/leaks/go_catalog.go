// Sells what is in a catalog. Much is loaded late here, and only one thing goes on.
//
//	leak   (*Journal).Write    an entry per sale in one slice, which is never cut
//	decoy  (*Catalog).Load     the catalog of another shop, loaded at once after the middle
//	decoy  (*Prices).Of        prices, each asked for once: complete after three fifths
//	decoy  (*Baskets).Open     baskets, which live for a while
package main

import "fmt"

type Entry struct {
	Sale, Article uint64
	Tick, Cents   uint32
	Note          [24]byte
}

type Journal struct {
	entries []Entry
}

func (j *Journal) Write(sale, article uint64, tick int, cents uint32) {
	j.entries = append(j.entries, Entry{Sale: sale, Article: article, Tick: uint32(tick), Cents: cents})
}

type Article struct {
	Name  string
	Cents uint32
}

type Catalog struct {
	articles map[uint64]*Article
}

func (c *Catalog) Load(count int) {
	c.articles = make(map[uint64]*Article)
	for i := 0; i < count; i++ {
		c.articles[uint64(i)] = &Article{fmt.Sprintf("article number %d of the other shop", i), uint32(i % 900)}
	}
}

type Prices struct {
	history map[uint64][]uint32
}

func (p *Prices) Of(article uint64) uint32 {
	history, ok := p.history[article]
	if !ok {
		history = make([]uint32, 60)
		history[59] = uint32(article % 700)
		p.history[article] = history
	}
	return history[59]
}

type Basket struct {
	Sale     uint64
	Articles [40]uint64
}

type Baskets struct {
	until map[int][]*Basket
}

func (b *Baskets) Open(sale uint64, until int) {
	b.until[until] = append(b.until[until], &Basket{Sale: sale})
}

func (b *Baskets) Close(now int) {
	delete(b.until, now)
}

func main() {
	pace := startPace(100)
	r := random(*seed)
	journal := &Journal{}
	catalog := &Catalog{map[uint64]*Article{}}
	prices := &Prices{map[uint64][]uint32{}}
	baskets := &Baskets{map[int][]*Basket{}}
	sale, articles, sum := uint64(0), uint64(0), uint32(0)
	for pace.next() {
		if pace.progress() >= 0.6 && len(catalog.articles) == 0 {
			catalog.Load(12000)
		}
		for i := 0; i < 10 && pace.progress() < 0.6; i++ {
			sum += prices.Of(articles)
			articles++
		}
		for i := 0; i < 20; i++ {
			sale++
			baskets.Open(sale, pace.tick+20+int(r.below(80)))
			journal.Write(sale, articles, pace.tick, sum)
		}
		baskets.Close(pace.tick)
	}
	fmt.Println(sum, len(journal.entries), len(catalog.articles), len(prices.history), len(baskets.until))
}
