// Package store is another package of the program, with types of its own.
package store

type Rec struct {
	ID   int
	Next *Rec
}

type Pair[K comparable, V any] struct {
	Key   K
	Value V
}

// Generic code is told its types at run time, in a dictionary.

//go:noinline
func Fill[K comparable, V any](keys []K, value V) map[K]V {
	m := make(map[K]V, len(keys)) //= map | map[string]*store.Rec,map[int]float64 | create
	for _, k := range keys {
		m[k] = value
	}
	return m
}

//go:noinline
func Collect[T any](from func(int) T, n int) []T {
	var all []T
	for i := 0; i < n; i++ {
		all = append(all, from(i)) //= slice | []*store.Rec,[]store.Pair[string,int],[]string | grow
	}
	return all
}

//go:noinline
func New[T any]() *T {
	return new(T) //= object | store.Rec,store.Pair[string,int] | create
}

//go:noinline
func Make[T any](n int) []T {
	return make([]T, n) //= slice | []store.Rec,[]int32 | create
}

//go:noinline
func Chan[T any](n int) chan T {
	return make(chan T, n) //= queue | chan *store.Rec,chan int8 | create
}

type Cache[V any] struct {
	items map[string]V
}

func NewCache[V any]() *Cache[V] {
	return &Cache[V]{items: map[string]V{}}
}

//go:noinline
func (c *Cache[V]) Put(key string, value V) {
	c.items[key] = value //= map | map[string]*store.Rec,map[string]int | insert
}
