// A server with Go's own profile handlers, for tests that fetch from it. Prints its port. Its
// heap profile stays as it is: Go publishes a new one when it collects garbage, which is off.
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"runtime"
	"runtime/debug"
)

var kept = map[int][]byte{}

func fill(count, size int) {
	for i := 0; i < count; i++ {
		kept[len(kept)] = make([]byte, size+i%100)
	}
}

func main() {
	runtime.MemProfileRate = 4096
	fill(5000, 1000)
	fill(100, 100000)
	runtime.GC()
	runtime.GC()
	debug.SetGCPercent(-1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, nil))
}
