// Pure Go: its runtime maps its own memory, and nothing goes through malloc.
package main

import "fmt"

func main() {
	var kept [][]byte
	for i := 0; i < 32; i++ {
		kept = append(kept, make([]byte, 1<<20))
	}
	fmt.Println("go: fine", len(kept))
}
