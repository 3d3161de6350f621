// Three flaws that Go makes easy, and a cache that has none. Writes a heap profile each second
// into a folder.
//
// usage: keeper SECONDS FOLDER
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"time"
)

type Session struct {
	User string
	Data [200]byte
}

type Order struct {
	Items [60]int64
}

var (
	titles   [][]byte
	sessions = make(map[int]Session)
	orders   = make(map[int]*Order)
	recent   = make(map[int][]byte)
)

// A few bytes of each page are kept, and with them the page.
func title(page int) {
	body := make([]byte, 40<<10)
	body[0] = byte(page)
	titles = append(titles, body[:16])
}

// Nothing removes a session.
func login(user int) {
	sessions[user] = Session{User: "user"}
}

// All orders are done in the end, and removed.
func order(id int) {
	orders[id] = &Order{}
}

func finish() {
	for id := range orders {
		delete(orders, id)
	}
}

// The last hundred only.
func render(id int) {
	recent[id] = make([]byte, 48<<10)
	delete(recent, id-100)
}

func snapshot(folder string, i int) {
	runtime.GC()
	runtime.GC()
	file, err := os.Create(filepath.Join(folder, fmt.Sprintf("%02d.pb.gz", i)))
	if err != nil {
		panic(err)
	}
	if err := pprof.Lookup("heap").WriteTo(file, 0); err != nil {
		panic(err)
	}
	file.Close()
}

func init() { runtime.MemProfileRate = 16384 }

func main() {
	seconds, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	for i := 0; i < 150000; i++ {
		order(i)
	}
	n := 0
	for second := 0; second < seconds; second++ {
		for tick := 0; tick < 100; tick++ {
			for i := 0; i < 60; i++ {
				login(n*60 + i)
			}
			title(n)
			render(n)
			n++
			time.Sleep(10 * time.Millisecond)
		}
		snapshot(os.Args[2], second)
		if second == 0 {
			finish()
		}
	}
	fmt.Println(len(titles), len(sessions), len(orders), len(recent))
}
