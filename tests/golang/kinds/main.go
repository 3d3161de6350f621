// Allocates one of everything that Go's run time knows, and writes its own heap profile, exact.
// Comments say what the lines allocate: kind | type | operation, "or" another; with a question
// mark, if they do (small things may share a block, and then only the first is recorded).
package main

import (
	"bufio"
	"bytes"
	"container/list"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sort"
	"strconv"
	"strings"
	"sync"

	"example.com/kinds/store"
)

type session struct {
	name  string
	parts []int
	index map[string]int
}

type shape interface{ area() float64 }

type square struct{ side, x, y float64 }

func (s square) area() float64 { return s.side * s.side }

type word string

type table map[int]string

var kept []interface{}

//go:noinline
func keep(v interface{}) {
	kept = append(kept, v) //= slice | []any | grow
}

var keptMaps []map[string]int

//go:noinline
func maps(n int) {
	small := make(map[string]int) //= map | map[string]int | create
	for i := 0; i < n; i++ {
		small[strconv.Itoa(i+100)] = i //= map or string | map[string]int or string | insert or copy or create
	}
	keptMaps = append(keptMaps, small) //= slice | []map[string]int | grow

	sized := make(map[int64][3]int32, n) //= map | map[int64][3]int32 | create
	sized[1] = [3]int32{1, 2, 3}
	keep(sized)

	set := map[session2]struct{}{} //= map | map[main.session2]struct{} | create
	for i := 0; i < n; i++ {
		set[session2{i, i}] = struct{}{} //= map | map[main.session2]struct{} | insert
	}
	keep(set)

	wide := map[string][200]byte{} //= map | map[string][200]byte | create
	for i := 0; i < 20; i++ {
		wide[names[i%len(names)]] = [200]byte{} //= map | map[string][200]byte | insert
	}
	keep(wide)

	named := table{} //= map | map[int]string | create
	for i := 0; i < n; i++ {
		named[i] = "x" //= map | map[int]string | insert
	}
	keep(named)

	pointers := map[*store.Rec]*session{} //= map | map[*store.Rec]*main.session | create
	for i := 0; i < n; i++ {
		r := &store.Rec{ID: i}           //= object | store.Rec | create
		pointers[r] = &session{name: ""} //= map or object | map[*store.Rec]*main.session or main.session | insert or create
	}
	keep(pointers)
}

type session2 struct{ a, b int }

var names = []string{"ash", "birch", "cedar", "elm", "fir"}

// A map that is only handed on: what it is for shows elsewhere.

//go:noinline
func emptyIndex() map[string]int {
	return make(map[string]int) //= map | map[string]int | create
}

//go:noinline
func fillIndex(m map[string]int) {
	for i, n := range names {
		m[n] = i //= map | map[string]int | insert
	}
}

//go:noinline
func (s *session) use(n int) {
	if s.index == nil {
		s.index = make(map[string]int) //= map | map[string]int | create
	}
	for i := 0; i < n; i++ {
		s.index[strconv.Itoa(i+1000)] = i //= map or string | map[string]int or string | insert or create or copy
	}
}

//go:noinline
func slices(n int) {
	var ints []int
	for i := 0; i < n; i++ {
		ints = append(ints, i) //= slice | []int | grow
	}
	keep(ints)                                                                     //= object | []int | copy
	recs := make([]*store.Rec, n)                                                  //= slice | []*store.Rec | create
	copied := make([]session2, n*2)                                                //= slice | []main.session2 | create
	keep(recs)                                                                     //= object | []*store.Rec | copy
	keep(copied)                                                                   //= object | []main.session2 | copy
	nested := [][]string{names}                                                    //= slice | [1][]string | create
	nested = append(nested, names)                                                 //= slice | [][]string | grow
	keep(nested)                                                                   //= object | [][]string | copy
	text := []byte(names[n%5] + names[(n+1)%5] + "somewhat longer than 32 bytes")  //= slice or string | []byte or string | copy or create
	keep(text)                                                                     //= object | []byte | copy
	runes := []rune(names[n%5] + names[(n+1)%5] + "somewhat longer than 32 bytes") //= slice or string | []int32 or string | copy or create
	keep(runes)                                                                    //= object | []int32 | copy
}

//go:noinline
func stringsOf(n int) {
	joined := names[n%5] + ", " + names[(n+1)%5] + "somewhat longer than 32 bytes" //= string | string | create
	keep(joined)                                                                   //=? object | string | copy
	var b strings.Builder
	for i := 0; i < n; i++ {
		b.WriteString("hello world ") //= string | strings.Builder | grow
	}
	keep(b.String())                             //=? object | string | copy
	keep(fmt.Sprintf("%d of %s", n, names[n%5])) //=? string or object or slice | string or int or []byte or fmt.pp or []sync.poolLocal or []*sync.Pool | copy or grow or create
	keep(strings.Repeat("ab", n*20))             //= string or object | strings.Builder or string | grow or create or copy
	keep(strings.Split("a,b,c,d", ","))          //= slice or object | []string | create or copy
}

//go:noinline
func objects(n int) {
	s := &session{}          //= object | main.session | create
	s.parts = make([]int, n) //= slice | []int | create
	s.use(n)
	keep(s)
	var sh shape = square{float64(n), 1, 2} //=? object | main.square | copy
	keep(sh)
	keep(n + 1000)                             //=? object | int | copy
	keep(float64(n) / 3)                       //=? object | float64 | copy
	keep(uint16(n + 300))                      //=? object | uint16 | copy
	keep(int32(n + 70000))                     //=? object | int32 | copy
	keep(word(names[n%5]))                     //=? object | main.word | copy
	keep([3]int{n, n + 1, n + 2})              //= object or slice | [3]int | copy
	moved := n                                 //=? object | int | create
	keep(func() int { moved++; return moved }) //= object | closure or int | create
	queue := make(chan *session, 8)            //= queue | chan *main.session | create
	keep(queue)
	keep(func(x int) int { return x + n }) //= object | closure | create
	keep(s.use)                            //= object | closure | create
	arr := new([40]store.Rec)              //= slice | [40]store.Rec | create
	keep(arr)
	cell := names //= object | []string | create
	keep(&cell)
}

//go:noinline
func library(n int) {
	l := list.New() //= list | list.List | create
	for i := 0; i < n; i++ {
		l.PushBack(i) //= list or object | list.List or int | create or copy
	}
	keep(l)
	var m sync.Map //= map | sync.Map | create
	for i := 0; i < n; i++ {
		m.Store(i+1000, "x") //= * | * | *
	}
	keep(&m)
	b := &bytes.Buffer{} //= buffer | bytes.Buffer | create
	for i := 0; i < n; i++ {
		b.WriteString("0123456789abcdef") //= buffer | bytes.Buffer | create or grow
	}
	keep(b)
	w := bufio.NewWriterSize(b, 5000) //= buffer | bufio.Writer | create
	keep(w)
	var decoded map[string][]store.Rec                                                    //= object | map[string][]store.Rec | create
	if err := json.Unmarshal([]byte(`{"a":[{"ID":1},{"ID":2}]}`), &decoded); err != nil { //= * | * | *
		panic(err)
	}
	keep(decoded)
	var sorted sort.StringSlice = append([]string(nil), names...) //= slice | []string | grow
	sort.Sort(sort.Reverse(sorted))                               //= * | * | *
	keep(sorted)                                                  //= object | sort.StringSlice | copy
}

//go:noinline
func generics(n int) {
	rec := func(i int) *store.Rec { return &store.Rec{ID: i} } //= object | store.Rec | create
	keep(store.Fill([]string{"a", "b"}, rec(1)))
	keep(store.Fill([]int{1, 2, n}, 2.5))
	keep(store.Collect(rec, n))                              //= object | []*store.Rec | copy
	keep(store.Collect(func(i int) store.Pair[string, int] { //= object | []store.Pair[string,int] | copy
		return store.Pair[string, int]{Key: "k", Value: i}
	}, n))
	keep(store.Collect(func(i int) string { return names[i%5] }, n)) //= object | []string | copy
	keep(store.New[store.Rec]())
	keep(store.New[store.Pair[string, int]]())
	keep(store.Make[store.Rec](n)) //= object | []store.Rec | copy
	keep(store.Make[int32](n))     //= object | []int32 | copy
	keep(store.Chan[*store.Rec](n))
	keep(store.Chan[int8](n))
	recs := store.NewCache[*store.Rec]()
	ints := store.NewCache[int]()
	for i := 0; i < n; i++ {
		recs.Put(strconv.Itoa(i+1000), nil) //=? string | string | copy or create
		ints.Put(strconv.Itoa(i+1000), i)   //=? string | string | copy or create
	}
	keep(recs)
	keep(ints)
}

func main() {
	runtime.MemProfileRate = 1
	const n = 60
	maps(n)
	index := emptyIndex()
	fillIndex(index)
	keep(index)
	slices(n)
	stringsOf(n)
	objects(n)
	library(n)
	generics(n)
	runtime.GC()
	runtime.GC()
	file, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	if err := pprof.Lookup("allocs").WriteTo(file, 0); err != nil {
		panic(err)
	}
	file.Close()
	runtime.KeepAlive(kept)
	runtime.KeepAlive(keptMaps)
}
