// C memory that Go keeps: in a map, allocated on one thread and freed on another, with
// goroutines that move between threads and signals on stacks of their own. It keeps 8 MiB
// in C blocks of 1 MiB, and Go memory that no malloc ever sees.
package main

/*
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static void *keep_block(size_t bytes) {
  char *block = malloc(bytes);
  memset(block, 1, 4096);
  return block;
}
*/
import "C"

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

var blocks = map[int]unsafe.Pointer{}
var goMemory [][]byte

func leakBlocks(count int) {
	for i := 0; i < count; i++ {
		blocks[i] = C.keep_block(1 << 20)
	}
}

func main() {
	signals := make(chan os.Signal, 100)
	signal.Notify(signals, syscall.SIGUSR1)
	var group sync.WaitGroup
	made := make(chan unsafe.Pointer, 16)
	for worker := 0; worker < 4; worker++ {
		group.Add(2)
		go func() {
			defer group.Done()
			for i := 0; i < 500; i++ {
				made <- C.keep_block(C.size_t(4096 + i*100))
				if i%50 == 0 {
					runtime.Gosched()
					syscall.Kill(os.Getpid(), syscall.SIGUSR1)
				}
			}
		}()
		go func() {
			defer group.Done()
			runtime.LockOSThread()
			for i := 0; i < 500; i++ {
				C.free(<-made)
			}
		}()
	}
	group.Wait()
	leakBlocks(8)
	for i := 0; i < 32; i++ {
		goMemory = append(goMemory, make([]byte, 1<<20))
	}
	runtime.GC()
	fmt.Println("cgo: fine", len(blocks), len(goMemory))
}
