// Prices of options. Nothing leaks here.
//
//	decoy  (*Book).Load        instruments, loaded in the first seconds, then constant
//	decoy  (*Curves).Reload    curves, made anew every 1.3 s; they replace the old ones
//	decoy  (*Grid).Double      a table that doubles once, after half of the run
//	decoy  (*Quotes).Add       quotes that are published in batches: a saw-tooth
//	decoy  (*Orders).Accept    orders: many by day, few by night
package main

import (
	"fmt"
	"math"
	"strings"
)

type Instrument struct {
	Name   string
	Strike float64
	Terms  [24]float64
}

type Book struct {
	byName map[string]*Instrument
}

func (b *Book) Load(number int) {
	name := fmt.Sprintf("option-%d-of-the-exchange", number)
	b.byName[name] = &Instrument{Name: name, Strike: float64(number)}
}

type Curves struct {
	current [][]float64
}

func (c *Curves) Reload(version int) {
	fresh := make([][]float64, 0, 300)
	for i := 0; i < 300; i++ {
		curve := make([]float64, 250+(i+version)%60)
		curve[0] = float64(version)
		fresh = append(fresh, curve)
	}
	c.current = fresh
}

type Grid struct {
	cells []float64
}

func (g *Grid) Double() {
	bigger := make([]float64, 2*len(g.cells))
	copy(bigger, g.cells)
	g.cells = bigger
}

type Quotes struct {
	text      strings.Builder
	published int
}

func (q *Quotes) Add(number int, price float64) {
	q.text.WriteString(fmt.Sprintf("option %d is quoted at %.3f\n", number, price))
	if q.text.Len() > 400000 {
		q.published += q.text.Len()
		q.text.Reset()
	}
}

type Order struct {
	Number int
	Legs   [50]float64
}

type Orders struct {
	open []*Order
}

func (o *Orders) Accept(number int) {
	o.open = append(o.open, &Order{Number: number})
}

func (o *Orders) FillDownTo(count int) {
	if len(o.open) > count {
		o.open = append([]*Order(nil), o.open[len(o.open)-count:]...)
	}
}

func main() {
	pace := startPace(100)
	r := random(*seed)
	book := &Book{map[string]*Instrument{}}
	curves := &Curves{}
	grid := &Grid{make([]float64, 60000)}
	quotes := &Quotes{}
	orders := &Orders{}
	number := 0
	for pace.next() {
		for len(book.byName) < 8000 && float64(len(book.byName)) < pace.progress()/0.2*8000 {
			book.Load(len(book.byName))
		}
		if pace.tick%130 == 1 {
			curves.Reload(pace.tick)
		}
		if len(grid.cells) == 60000 && pace.progress() > 0.55 {
			grid.Double()
		}
		for i := 0; i < 40; i++ {
			number++
			price := curves.current[r.below(300)][0]
			grid.cells[r.below(uint64(len(grid.cells)))] += price
			quotes.Add(number, price)
			if i%2 == 0 {
				orders.Accept(number)
			}
		}
		orders.FillDownTo(1800 + int(1300*math.Sin(float64(pace.tick)/250*2*math.Pi)))
	}
	fmt.Println("instruments:", len(book.byName), "grid:", len(grid.cells),
		"published:", quotes.published, "orders:", len(orders.open))
}
